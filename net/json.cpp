// SPDX-License-Identifier: Apache-2.0
#include "net/json.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse_options.hpp>
#include <boost/json/parser.hpp>
#include <boost/json/string.hpp>

namespace jitney::net {
namespace {

namespace bj = boost::json;
using core::Fault;

constexpr std::size_t kMaxDepth = 32;

}  // namespace

core::Result<bj::value> parse_json(std::string_view text, std::size_t max_bytes) {
  if (text.size() > max_bytes) {
    return core::fail(Fault::invalid, "JSON of " + std::to_string(text.size()) +
                                          " bytes is longer than the allowed " +
                                          std::to_string(max_bytes));
  }
  bj::parse_options options;
  options.max_depth = kMaxDepth;
  bj::parser parser({}, options);
  bj::error_code error;
  const std::size_t used = parser.write(text.data(), text.size(), error);
  if (error) {
    return core::fail(Fault::invalid,
                      "no valid JSON near byte " + std::to_string(used) + ": " + error.message());
  }
  return parser.release();
}

const bj::value* get_value(const bj::value& value, std::string_view key) {
  const auto* object = value.if_object();
  return object == nullptr ? nullptr : object->if_contains({key.data(), key.size()});
}

const bj::value* get_object(const bj::value& value, std::string_view key) {
  const auto* found = get_value(value, key);
  return found != nullptr && found->is_object() ? found : nullptr;
}

const bj::array* get_array(const bj::value& value, std::string_view key) {
  const auto* found = get_value(value, key);
  return found == nullptr ? nullptr : found->if_array();
}

std::optional<std::string> get_string(const bj::value& value, std::string_view key) {
  const auto* found = get_value(value, key);
  const auto* text = found == nullptr ? nullptr : found->if_string();
  if (text == nullptr) return std::nullopt;
  return std::string(text->data(), text->size());
}

std::string get_string_or(const bj::value& value, std::string_view key,
                          std::string_view otherwise) {
  auto found = get_string(value, key);
  return found ? *std::move(found) : std::string(otherwise);
}

std::optional<std::int64_t> get_int(const bj::value& value, std::string_view key) {
  // Boost.JSON keeps as uint64 only what does not fit int64: out of range here.
  const auto* found = get_value(value, key);
  const auto* number = found == nullptr ? nullptr : found->if_int64();
  return number == nullptr ? std::nullopt : std::optional(*number);
}

std::optional<bool> get_bool(const bj::value& value, std::string_view key) {
  const auto* found = get_value(value, key);
  const auto* truth = found == nullptr ? nullptr : found->if_bool();
  return truth == nullptr ? std::nullopt : std::optional(*truth);
}

std::vector<std::string> get_strings(const bj::value& value, std::string_view key) {
  std::vector<std::string> out;
  const auto* array = get_array(value, key);
  if (array == nullptr) return out;
  for (const auto& element : *array) {
    if (const auto* text = element.if_string()) out.emplace_back(text->data(), text->size());
  }
  return out;
}

}  // namespace jitney::net
