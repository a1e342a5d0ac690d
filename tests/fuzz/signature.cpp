// SPDX-License-Identifier: Apache-2.0
// One line that becomes X-Hub-Signature-256, each '*' in it replaced by the true signature's
// character at that place; then the body.
#include <openssl/hmac.h>

#include <array>

#include "apps/host/webhook.hpp"
#include "github/webhook.hpp"
#include "tests/fuzz/property.hpp"

namespace jitney::fuzz {
namespace {

constexpr std::array<const char*, 2> kSecrets = {"the old secret", "the new secret"};

std::string true_signature(const char* secret, std::string_view body) {
  std::array<unsigned char, 32> digest{};
  HMAC(EVP_sha256(), secret, static_cast<int>(std::string_view(secret).size()),
       reinterpret_cast<const unsigned char*>(body.data()), body.size(), digest.data(), nullptr);
  std::string text = "sha256=";
  for (const unsigned char byte : digest) {
    std::array<char, 3> hex{};
    std::snprintf(hex.data(), hex.size(), "%02x", byte);
    text += hex.data();
  }
  return text;
}

std::string filled_in(std::string_view pattern, const std::string& signature) {
  std::string text(pattern);
  for (std::size_t i = 0; i < text.size() && i < signature.size(); ++i) {
    if (text[i] == '*') text[i] = signature[i];
  }
  return text;
}

// Whoever comes in must have had a secret; whoever had it is not turned away at the door.
void expect_server_agrees(const std::string& header, std::string_view body, bool good) {
  static const std::vector<app::WebhookScope> scopes = {
      {.name = "old",
       .secrets = {core::Secret(kSecrets[0]), core::Secret()},
       .serves = [](std::string_view) { return true; },
       .has_pool = [](std::string_view) { return true; }},
      {.name = "new",
       .secrets = {core::Secret(kSecrets[1])},
       .serves = [](std::string_view) { return true; },
       .has_pool = [](std::string_view) { return true; }}};
  net::Request request;
  request.method = "POST";
  request.target = "/webhook";
  request.headers = {{"X-GitHub-Event", "workflow_job"},
                     {"Content-Type", "application/json"},
                     {"X-Hub-Signature-256", header}};
  request.body = body;
  const auto read = app::read_webhook(scopes, request, core::Time{});
  const auto* answered = std::get_if<app::Answered>(&read);
  const bool refused = answered != nullptr && answered->result == app::WebhookResult::unauthorized;
  expect(refused == !good, "401 exactly when no secret made the signature");
  if (refused) expect(answered->response.status == 401, "a bad signature is answered with 401");

  request.headers.add("x-hub-signature-256", header);
  const auto twice = app::read_webhook(scopes, request, core::Time{});
  const auto* twice_answered = std::get_if<app::Answered>(&twice);
  expect(twice_answered != nullptr && twice_answered->response.status == 401,
         "two signatures are refused, whatever they are");
}

}  // namespace

void target(std::string_view input) {
  Lines lines(input);
  const std::string_view pattern = lines.take();
  const std::string_view body = lines.rest();
  static const std::vector<core::Secret> secrets = {core::Secret(), core::Secret(kSecrets[0]),
                                                    core::Secret(kSecrets[1])};
  const std::string old_one = true_signature(kSecrets[0], body);
  const std::string new_one = true_signature(kSecrets[1], body);
  for (const std::string& signature : {old_one, new_one}) {
    const std::string header = filled_in(pattern, signature);
    const bool good = header == old_one || header == new_one;
    expect(github::verify(secrets, body, header).has_value() == good,
           "a signature verifies exactly when a secret made it");
    expect(!github::verify({secrets.data(), 1}, body, header), "an empty secret verifies nothing");
    expect_server_agrees(header, body, good);
  }
}

}  // namespace jitney::fuzz
