// SPDX-License-Identifier: Apache-2.0
// X-GitHub-Event, X-GitHub-Delivery, Content-Type, a line each, then the body of a webhook.
#include "github/webhook.hpp"

#include "net/http.hpp"
#include "tests/fuzz/property.hpp"
#include "tests/fuzz/webhook_text.hpp"

namespace jitney::fuzz {

void target(std::string_view input) {
  Lines lines(input);
  github::WebhookHeaders headers;
  headers.event = lines.take();
  headers.delivery = lines.take();
  headers.content_type = lines.take();
  const std::string_view body = lines.rest();

  const auto event = github::parse(headers, body);
  if (event) {
    expect_bounded(*event);
  } else {
    expect(event.error().fault == core::Fault::invalid, "a body that cannot be is invalid");
    expect(event.error().what.size() < 300, "a refusal is a sentence and quotes no payload");
  }

  // The same payload in a form says the same.
  headers.content_type = "application/json";
  const auto as_json = github::parse(headers, body);
  headers.content_type = "application/x-www-form-urlencoded";
  const auto as_form = github::parse(headers, "payload=" + net::percent_encode(body));
  expect(describe(as_json) == describe(as_form), "JSON and form say the same");
}

}  // namespace jitney::fuzz
