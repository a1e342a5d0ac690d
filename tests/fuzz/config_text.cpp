// SPDX-License-Identifier: Apache-2.0
// One value as it may stand in a configuration: a duration, a size, an address, a GitHub URL.
#include "apps/config/config_text.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

#include "github/endpoint.hpp"
#include "net/url.hpp"
#include "tests/fuzz/property.hpp"

namespace jitney::fuzz {
namespace {

bool slowly_loopback(const std::string& address) {
  std::array<unsigned char, 16> binary{};
  if (inet_pton(AF_INET, address.c_str(), binary.data()) == 1) return binary[0] == 127;
  if (inet_pton(AF_INET6, address.c_str(), binary.data()) == 1) {
    return std::ranges::count(binary, 0) == 15 && binary[15] == 1;
  }
  return address == "localhost";
}

void expect_durations(std::string_view text) {
  const auto duration = app::parse_duration(text);
  if (!duration) return;
  expect(*duration >= core::Duration(0) && *duration <= std::chrono::hours(24 * 3650),
         "a duration is none that went backwards or over ten years");
  expect(app::parse_duration(app::write_duration(*duration)) == duration,
         "a duration is read as it was written");
}

void expect_listeners(std::string_view text) {
  const auto listen = app::parse_listen(text);
  if (!listen) return;
  const std::string written = net::authority(listen->address, listen->port);
  const auto again = app::parse_listen(written);
  expect(again && again->address == listen->address && again->port == listen->port,
         "an address is read as it was written");
  expect(text.size() <= 64, "an address is short");
  expect(app::is_loopback(listen->address) == slowly_loopback(listen->address),
         "loopback is what the network calls so");
}

// The configuration and the client each read the address that a person typed: they must not differ.
void expect_addresses(std::string_view text) {
  constexpr std::string_view kPassword = "Kq7-the-password";
  const auto refused =
      app::parse_github_url("https://me:" + std::string(kPassword) + "@" + std::string(text));
  expect(!refused && refused.error().what.find(kPassword) == std::string::npos,
         "an address with a password is refused, and not quoted");
  const auto scope = app::parse_github_url(text);
  if (!scope) return;
  const auto url = net::parse_url(scope->url);
  expect(url.has_value(), "what was accepted is an address");
  expect(url->scheme == "https" || slowly_loopback(url->host), "credentials go out encrypted");
  const auto endpoint = github::parse_endpoint(scope->url, scope->api_url);
  expect(endpoint.has_value(), "the client takes what the configuration took");
  const auto derived = github::parse_endpoint(scope->url);
  expect(derived.has_value(), "the client knows the API of what the configuration took");
  expect(derived->api.host == endpoint->api.host && derived->api.path == endpoint->api.path &&
             derived->api.port == endpoint->api.port,
         "configuration and client find the same API");
  expect(static_cast<int>(endpoint->kind) == static_cast<int>(scope->kind) &&
             endpoint->owner == scope->owner && endpoint->repository == scope->repository,
         "configuration and client find the same scope");
}

}  // namespace

void target(std::string_view input) {
  expect_durations(input);
  expect_listeners(input);
  expect_addresses(input);
  if (const auto size = app::parse_size(input)) expect(*size >= 0, "a size is none below zero");
  const std::string shown = app::quoted(input);
  expect(shown.size() <= 45, "what is quoted is cut");
  expect(std::ranges::none_of(shown, [](char c) { return static_cast<unsigned char>(c) < ' '; }),
         "what is quoted has no control characters");
  static const std::array<std::string, 3> kWords = {"webhook_listen", "admin_listen", "workers"};
  if (const auto meant = app::did_you_mean(input, kWords)) {
    expect(std::ranges::find(kWords, *meant) != kWords.end(), "what is meant is among the words");
  }
}

}  // namespace jitney::fuzz
