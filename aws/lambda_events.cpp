// SPDX-License-Identifier: Apache-2.0
#include "aws/lambda_events.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>

#include "aws/lambda_notices.hpp"
#include "net/crypto.hpp"
#include "net/json.hpp"

namespace jitney::aws {

namespace {

namespace bj = boost::json;
using core::Fault;

constexpr std::size_t kLongestEvent = 16u << 20;
constexpr std::size_t kMostRecords = 10'000;  // Lambda's bound for one batch

std::unexpected<core::Error> wrong(std::string_view what) {
  return core::fail(Fault::invalid, "malformed event: " + std::string(what));
}

bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

core::Status read_headers(const bj::value& event, net::Headers& into) {
  if (const auto* headers = net::get_object(event, "headers")) {
    for (const auto& [name, value] : headers->as_object()) {
      const auto* text = value.if_string();
      if (text == nullptr || !is_token(name)) return wrong("a header is no text");
      into.add(name, std::string(text->data(), text->size()));
    }
  }
  std::string cookies;
  for (const std::string& cookie : net::get_strings(event, "cookies")) {
    cookies += (cookies.empty() ? "" : "; ") + cookie;
  }
  if (!cookies.empty()) into.add("cookie", std::move(cookies));
  return {};
}

core::Result<std::string> read_body(const bj::value& event) {
  const auto* node = net::get_value(event, "body");
  if (node == nullptr || node->is_null()) return std::string();
  auto body = net::get_string(event, "body");
  if (!body) return wrong("the request's body is no text");
  if (!net::get_bool(event, "isBase64Encoded").value_or(false)) return *std::move(body);
  auto bytes = net::unbase64(*body);
  if (!bytes) return wrong("the request's body is no base64");
  return *std::move(bytes);
}

// The path without the stage, as a rule of its own knows it: behind a named stage rawPath begins
// with its name, while the server's paths do not.
std::string path_of(const bj::value& event, const bj::value& context) {
  std::string path = net::get_string_or(event, "rawPath", "/");
  const std::string stage = net::get_string_or(context, "stage", "$default");
  if (stage == "$default") return path;
  const std::string prefix = "/" + stage;
  if (path == prefix) return "/";
  if (path.starts_with(prefix + "/")) path.erase(0, prefix.size());
  return path;
}

core::Result<HttpEvent> read_http(const bj::value& event, const bj::value& context,
                                  const bj::value& http) {
  HttpEvent made;
  auto method = net::get_string(http, "method");
  if (!method || !is_token(*method)) return wrong("the request has no method");
  made.request.method = *std::move(method);
  made.request.target = path_of(event, context);
  if (!made.request.target.starts_with('/')) return wrong("the request's path begins with no /");
  if (const auto query = net::get_string_or(event, "rawQueryString", ""); !query.empty()) {
    made.request.target += "?" + query;
  }
  if (core::Status read = read_headers(event, made.request.headers); !read) {
    return std::unexpected(read.error());
  }
  auto body = read_body(event);
  if (!body) return std::unexpected(body.error());
  made.request.body = *std::move(body);
  made.request_id = net::get_string_or(context, "requestId", "");
  return made;
}

int receives_of(const bj::value& record) {
  const auto* attributes = net::get_object(record, "attributes");
  const auto text = attributes == nullptr
                        ? std::string()
                        : net::get_string_or(*attributes, "ApproximateReceiveCount", "1");
  int count = 1;
  std::from_chars(text.data(), text.data() + text.size(), count);
  return std::max(count, 1);
}

core::Result<SqsEvent> read_records(const bj::array& records) {
  if (records.size() > kMostRecords) return wrong("there are more records than Lambda sends");
  SqsEvent made;
  for (const bj::value& record : records) {
    auto id = net::get_string(record, "messageId");
    auto body = net::get_string(record, "body");
    // Without its id a message cannot be named as failed, and would be deleted unseen.
    if (!id || id->empty()) return wrong("an SQS record has no messageId");
    if (!body) return wrong("an SQS record has no body");
    made.records.push_back({.id = *std::move(id),
                            .handle = net::get_string_or(record, "receiptHandle", ""),
                            .body = *std::move(body),
                            .receives = receives_of(record)});
  }
  return made;
}

bool is_sqs(const bj::array& records) {
  return !records.empty() && net::get_string_or(records.front(), "eventSource", "") == "aws:sqs";
}

// RFC 3629; JSON can carry nothing else.
bool is_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char lead = byte(at);
    const std::size_t length = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (length > 1 && (lead < 0xc2 || lead > 0xf4)) return false;
    if (text.size() - at < length) return false;
    for (std::size_t i = 1; i < length; ++i) {
      if ((byte(at + i) & 0xc0) != 0x80) return false;
    }
    if (length > 2) {
      const unsigned char second = byte(at + 1);
      if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f) ||
          (lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second > 0x8f)) {
        return false;
      }
    }
    at += length;
  }
  return true;
}

}  // namespace

core::Result<Event> parse_event(std::string_view payload) {
  const auto parsed = net::parse_json(payload, kLongestEvent);
  if (!parsed) return wrong(parsed.error().what);
  if (const auto* records = net::get_array(*parsed, "Records")) {
    if (!is_sqs(*records)) return Notice(Unknown{.source = "Records", .detail_type = ""});
    return read_records(*records);
  }
  if (const auto* context = net::get_object(*parsed, "requestContext")) {
    const auto* http = net::get_object(*context, "http");
    if (http == nullptr) {
      return wrong("a request that is not in payload format 2.0; set it in the integration");
    }
    return read_http(*parsed, *context, *http);
  }
  return read_notice(*parsed);
}

core::Result<Notice> parse_notice(std::string_view body) {
  const auto parsed = net::parse_json(body, kLongestEvent);
  if (!parsed) return wrong(parsed.error().what);
  return read_notice(*parsed);
}

std::string http_answer(const net::Response& response) {
  bj::object headers;
  bj::array cookies;
  for (const auto& [name, value] : response.headers.fields()) {
    std::string lower = name;
    std::ranges::transform(lower, lower.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    if (lower == "set-cookie") {
      cookies.emplace_back(value);
    } else if (auto* before = headers.if_contains(lower)) {
      *before = std::string(before->as_string()) + ", " + value;
    } else {
      headers[lower] = value;
    }
  }
  const bool text = is_utf8(response.body);
  bj::object answer{{"statusCode", response.status},
                    {"headers", std::move(headers)},
                    {"body", text ? response.body : net::base64(response.body)},
                    {"isBase64Encoded", !text}};
  if (!cookies.empty()) answer["cookies"] = std::move(cookies);
  return bj::serialize(answer);
}

std::string batch_answer(std::span<const std::string> failed) {
  bj::array failures;
  for (const std::string& id : failed) failures.push_back(bj::object{{"itemIdentifier", id}});
  return bj::serialize(bj::object{{"batchItemFailures", std::move(failures)}});
}

}  // namespace jitney::aws
