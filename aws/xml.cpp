// SPDX-License-Identifier: Apache-2.0
#include "aws/xml.hpp"

#include <utility>

namespace jitney::aws {
namespace {

std::string_view local_name(pugi::xml_node node) {
  const std::string_view name = node.name();
  const auto colon = name.find(':');
  return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

}  // namespace

core::Result<pugi::xml_document> parse_xml(std::string_view text, std::size_t max_bytes) {
  if (text.size() > max_bytes) {
    return core::fail(core::Fault::transient, "XML of " + std::to_string(text.size()) +
                                                  " bytes is longer than the allowed " +
                                                  std::to_string(max_bytes));
  }
  pugi::xml_document document;
  const auto result =
      document.load_buffer(text.data(), text.size(), pugi::parse_default | pugi::parse_trim_pcdata);
  if (!result) {
    return core::fail(
        core::Fault::transient,
        "no valid XML near byte " + std::to_string(result.offset) + ": " + result.description());
  }
  return document;
}

pugi::xml_node child(pugi::xml_node parent, std::string_view name) {
  for (const auto node : parent.children()) {
    if (local_name(node) == name) return node;
  }
  return {};
}

pugi::xml_node at(pugi::xml_node start, std::initializer_list<std::string_view> path) {
  for (const auto name : path) start = child(start, name);
  return start;
}

std::string text_at(pugi::xml_node start, std::initializer_list<std::string_view> path) {
  return at(start, path).text().get();
}

std::vector<pugi::xml_node> children(pugi::xml_node parent, std::string_view name) {
  std::vector<pugi::xml_node> out;
  for (const auto node : parent.children()) {
    if (local_name(node) == name) out.push_back(node);
  }
  return out;
}

}  // namespace jitney::aws
