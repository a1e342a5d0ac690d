// SPDX-License-Identifier: Apache-2.0
// "GET", "HEAD" or "CONNECT" on a line, then what the server says.
#include <string>

#include "net/http_exchange.hpp"
#include "net/wire_text.hpp"
#include "tests/fuzz/property.hpp"
#include "tests/fuzz/wire_of_bytes.hpp"

namespace jitney::fuzz {
namespace {

constexpr std::size_t kMostBody = 4096;

net::Exchange talk(std::string_view method, std::string_view says, std::size_t piece) {
  peer() = {.says = says, .piece = piece};
  net::Wire wire;
  if (method == "CONNECT")
    return net::exchange_head(wire, "CONNECT a.example:443 HTTP/1.1\r\n\r\n");
  return net::exchange(wire, "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n", "", method == "HEAD",
                       kMostBody);
}

std::string describe(const net::Exchange& exchange) {
  std::string text = exchange.error ? "failed" : "whole";
  if (exchange.error) return text;
  text += " " + std::to_string(exchange.response.status) + "\n";
  for (const auto& [name, value] : exchange.response.headers.fields()) {
    text += name + ": " + value + "\n";
  }
  return text + "\n" + exchange.response.body;
}

}  // namespace

void target(std::string_view input) {
  Lines lines(input);
  const std::string_view method = lines.take();
  const std::string_view says = lines.rest();
  const net::Exchange whole = talk(method, says, 0);
  const std::size_t read = peer().read;
  expect(whole.any_answer == (read > 0), "whether anything came is known");
  if (!whole.error) {
    const net::Response& response = whole.response;
    expect(response.status >= 200 || response.status == 101, "interim answers are no answer");
    expect(response.body.size() <= kMostBody, "a body is bounded");
    if (method == "HEAD" || method == "CONNECT")
      expect(response.body.empty(), "where no body belongs there is none");
    for (const auto& [name, value] : response.headers.fields()) {
      expect(net::is_token(name), "a field's name is a token");
      expect(value.find_first_of("\r\n") == std::string::npos, "a field's value is one line");
    }
  }
  expect(describe(talk(method, says, 1)) == describe(whole), "byte by byte it says the same");
  expect(describe(talk(method, says, 7)) == describe(whole), "in pieces it says the same");
}

}  // namespace jitney::fuzz
