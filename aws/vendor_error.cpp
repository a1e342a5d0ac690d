// SPDX-License-Identifier: Apache-2.0
// read_error and printable of faults.hpp: an error out of any of AWS's formats.
#include <algorithm>
#include <initializer_list>
#include <vector>

#include "aws/faults.hpp"
#include "aws/xml.hpp"
#include "net/json.hpp"

namespace jitney::aws {
namespace {

constexpr std::size_t kMaxBody = 256u << 10;
constexpr std::size_t kMaxMessage = 300;
constexpr std::size_t kMaxCode = 100;

// "com.amazonaws.sqs#QueueDoesNotExist", "ThrottlingException:http://...", "Client.AuthFailure",
// "AWS.SimpleQueueService.NonExistentQueue;Sender".
std::string bare_code(std::string_view code) {
  if (const auto hash = code.rfind('#'); hash != std::string_view::npos)
    code.remove_prefix(hash + 1);
  code = code.substr(0, code.find_first_of(":;"));
  for (const std::string_view prefix : {"Client.", "Server."}) {
    if (code.starts_with(prefix)) code.remove_prefix(prefix.size());
  }
  return printable(code, kMaxCode);
}

std::string first_header(const net::Headers& headers,
                         std::initializer_list<std::string_view> names) {
  for (const auto name : names) {
    if (const auto value = headers.get(name); value && !value->empty()) return std::string(*value);
  }
  return {};
}

std::string cancellation(const boost::json::value& body) {
  std::vector<std::string> codes;
  if (const auto* reasons = net::get_array(body, "CancellationReasons"); reasons != nullptr) {
    for (const auto& reason : *reasons) {
      auto code = printable(net::get_string_or(reason, "Code", "None"), kMaxCode);
      if (code != "None" && std::ranges::find(codes, code) == codes.end()) {
        codes.push_back(std::move(code));
      }
    }
  }
  std::string out;
  for (const auto& code : codes) out += (out.empty() ? "" : ", ") + code;
  return out;
}

void read_json(const boost::json::value& body, VendorError& error) {
  error.code = net::get_string_or(body, "__type", net::get_string_or(body, "code", ""));
  error.message = net::get_string_or(body, "message", net::get_string_or(body, "Message", ""));
  error.reasons = cancellation(body);
}

// Response/Errors/Error (EC2), ErrorResponse/Error (STS and others), Error (S3).
void read_xml(const pugi::xml_document& document, VendorError& error) {
  const pugi::xml_node root = document.document_element();
  pugi::xml_node found = root;
  if (const auto errors = child(root, "Errors")) {
    found = child(errors, "Error");
  } else if (const auto inner = child(root, "Error")) {
    found = inner;
  }
  error.code = text_at(found, {"Code"});
  error.message = text_at(found, {"Message"});
  for (const auto name : {"RequestID", "RequestId"}) {
    if (error.request_id.empty()) error.request_id = text_at(root, {name});
  }
}

}  // namespace

std::string printable(std::string_view text, std::size_t longest) {
  if (text.size() > longest) {
    while (longest > 0 && (static_cast<unsigned char>(text[longest]) & 0xc0) == 0x80) --longest;
  }
  std::string out(text.substr(0, longest));
  std::ranges::replace_if(
      out, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; }, ' ');
  return out;
}

VendorError read_error(const net::Response& response) {
  VendorError error;
  const std::string_view body = response.body;
  const auto start = std::min(body.find_first_not_of(" \t\r\n"), body.size());
  if (body.size() <= kMaxBody && body.substr(start).starts_with('{')) {
    if (const auto parsed = net::parse_json(body)) read_json(*parsed, error);
  } else if (body.size() <= kMaxBody && body.substr(start).starts_with('<')) {
    if (const auto parsed = parse_xml(body)) read_xml(*parsed, error);
  }
  if (error.code.empty()) {
    error.code = first_header(response.headers, {"x-amzn-errortype", "x-amzn-query-error"});
  }
  if (error.request_id.empty()) {
    error.request_id = first_header(response.headers,
                                    {"x-amzn-requestid", "x-amz-request-id", "x-amzn-request-id"});
  }
  error.code = bare_code(error.code);
  error.message = printable(error.message, kMaxMessage);
  error.request_id = printable(error.request_id, kMaxCode);
  return error;
}

}  // namespace jitney::aws
