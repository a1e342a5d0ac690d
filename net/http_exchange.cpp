// SPDX-License-Identifier: Apache-2.0
#include "net/http_exchange.hpp"

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <optional>
#include <string_view>
#include <utility>

namespace jitney::net {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;
using Parser = http::response_parser<http::string_body>;

constexpr std::uint32_t kHeaderBytes = 64u << 10;
// "100 Continue" and "103 Early Hints" come before the answer; more than a few are nonsense.
constexpr int kInterimAnswers = 8;

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

bool interim(const Parser& parser) {
  const auto status = parser.get().result_int();
  return status >= 100 && status < 200 && status != 101;
}

void take(Parser& parser, Response& response) {
  auto& in = parser.get();
  response.status = static_cast<int>(in.result_int());
  for (const auto& field : in) {
    response.headers.add(std::string(view(field.name_string())), std::string(view(field.value())));
  }
  response.body = std::move(in.body());
}

// Reads one message, past interim ones: its head, or with `whole` all of it.
void receive(Wire& wire, bool skip_body, bool whole, std::size_t answer_bytes, Exchange& out) {
  beast::flat_buffer buffer(kHeaderBytes + (64u << 10));
  std::optional<Parser> parser;
  for (int i = 0; i < kInterimAnswers; ++i) {
    parser.emplace();
    parser->header_limit(kHeaderBytes);
    parser->body_limit(answer_bytes);
    parser->skip(skip_body);
    http::read_header(wire, buffer, *parser, out.error);
    if (parser->got_some() || buffer.size() > 0) out.any_answer = true;
    if (out.error) return;
    if (!interim(*parser)) break;
  }
  // No protocol has statuses below 100, but the parser takes any three digits.
  if (interim(*parser) || parser->get().result_int() < 100) {
    out.error = http::error::bad_status;
    return;
  }
  if (whole && !parser->is_done()) http::read(wire, buffer, *parser, out.error);
  if (out.error) return;
  out.reusable = parser->keep_alive() && buffer.size() == 0 && parser->get().result_int() != 101;
  take(*parser, out.response);
}

}  // namespace

Exchange exchange(Wire& wire, const std::string& head, const std::string& body, bool skip_body,
                  std::size_t answer_bytes) {
  Exchange out;
  // Small messages travel in one segment.
  const bool together = body.size() <= 16u << 10;
  Wire::Error sending = wire.write(together ? head + body : head);
  if (!sending && !together) sending = wire.write(body);
  if (sending == boost::system::errc::timed_out) {
    out.error = sending;
    return out;
  }
  out.step = "receive";
  receive(wire, skip_body, true, answer_bytes, out);
  if (sending) {
    out.reusable = false;
    if (out.error) {
      out.error = sending;
      out.step = "send";
    }
  }
  return out;
}

Exchange exchange_head(Wire& wire, const std::string& head) {
  Exchange out;
  out.error = wire.write(head);
  if (out.error) return out;
  out.step = "receive";
  // skip: what follows the head of a good answer to CONNECT belongs to the tunnel.
  receive(wire, true, false, 0, out);
  return out;
}

}  // namespace jitney::net
