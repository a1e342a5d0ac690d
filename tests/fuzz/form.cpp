// SPDX-License-Identifier: Apache-2.0
// The name of a query parameter, then a form's body, which is also taken for a query.
#include <optional>

#include "github/webhook.hpp"
#include "net/http.hpp"
#include "tests/fuzz/property.hpp"
#include "tests/fuzz/webhook_text.hpp"

namespace jitney::fuzz {
namespace {

std::optional<std::string> slowly_decoded(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdefABCDEF";
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      const std::string digits(text.substr(i + 1, 2));
      if (digits.size() != 2 || digits.find_first_not_of(kDigits) != std::string::npos) {
        return std::nullopt;
      }
      out += static_cast<char>(std::stoi(digits, nullptr, 16));
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

// What a query says of `name`: that of its first pair; broken pairs answer nothing.
std::optional<std::string> slowly_asked(std::string_view query, std::string_view name) {
  std::string all(query);
  for (std::size_t from = 0; from <= all.size();) {
    const std::size_t end = std::min(all.find('&', from), all.size());
    const std::string pair = all.substr(from, end - from);
    from = end + 1;
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    if (slowly_decoded(pair.substr(0, equals)) != std::optional<std::string>(name)) continue;
    return equals == std::string::npos ? std::string() : slowly_decoded(pair.substr(equals + 1));
  }
  return std::nullopt;
}

core::Result<github::WebhookEvent> slowly_parsed(github::WebhookHeaders headers,
                                                 std::string_view body, bool& has_payload) {
  std::string all(body);
  for (std::size_t from = 0; from < all.size();) {
    const std::size_t end = std::min(all.find('&', from), all.size());
    const std::string field = all.substr(from, end - from);
    from = end + 1;
    if (!field.starts_with("payload=")) continue;
    const auto payload = slowly_decoded(field.substr(8));
    has_payload = payload.has_value();
    if (!payload) break;
    headers.content_type = "application/json";
    return github::parse(headers, *payload);
  }
  return core::fail(core::Fault::invalid, "no payload");
}

}  // namespace

void target(std::string_view input) {
  Lines lines(input);
  const std::string_view name = lines.take();
  const std::string_view body = lines.rest();

  net::Request request;
  request.target = "/?" + std::string(body);
  expect(request.query(name) == slowly_asked(body, name),
         "a query answers as the slow reader does");

  const github::WebhookHeaders headers{.event = "workflow_job",
                                       .delivery = "72d3162e",
                                       .content_type = "application/x-www-form-urlencoded"};
  bool has_payload = false;
  const auto slowly = slowly_parsed(headers, body, has_payload);
  const auto quickly = github::parse(headers, body);
  expect(has_payload ? describe(quickly) == describe(slowly) : !quickly.has_value(),
         "a form says what its first payload says");
}

}  // namespace jitney::fuzz
