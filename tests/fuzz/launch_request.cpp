// SPDX-License-Identifier: Apache-2.0
// A launch request as a batch's row in the ledger holds it.
#include <algorithm>

#include "aws/ec2_request.hpp"
#include "aws/form.hpp"
#include "tests/fuzz/property.hpp"

namespace jitney::fuzz {
namespace {

constexpr std::string_view kToken = "prod-cpu-1/0";

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

void expect_sent_as_read(const aws::LaunchRequest& request) {
  const std::string token = aws::client_token(request, kToken);
  expect(token.size() == 64 && is_ascii(token), "a client token is one that EC2 takes");
  expect(token == aws::client_token(request, kToken), "a request has one token");
  expect(token != aws::client_token(request, "prod-cpu-1/1"), "each rung has a token of its own");
  const aws::Parameters sent = aws::with_token(request, token);
  expect(sent == aws::with_token(request, token), "the same is sent each time");
  for (const auto& [name, value] : request.parameters) {
    if (name == "ClientToken" || name.starts_with("TagSpecification.1.Tag.")) continue;
    expect(sent.contains(name) && sent.at(name) == value, "what was stored is what is sent");
  }
  expect(sent.at("ClientToken") == token, "the token is sent");
}

void expect_read_as_written(const aws::LaunchRequest& request) {
  aws::LaunchOrder order{.deployment = "prod",
                         .pool = request.pool,
                         .batch = request.batch,
                         .market = request.market,
                         .count = request.count};
  const auto again = aws::read_request(aws::write_request(order));
  expect(again && again->pool == request.pool && again->batch == request.batch &&
             again->market == request.market && again->count == request.count,
         "an order is read as it was written");
}

}  // namespace

void target(std::string_view input) {
  const auto request = aws::read_request(input);
  if (!request) {
    expect(request.error().fault == core::Fault::invalid, "what is no request is invalid");
    expect(request.error().what.size() < 200, "a refusal quotes nothing");
    return;
  }
  expect(request->count >= 1 && request->count <= 1000, "so many machines one request may ask for");
  expect(!request->pool.empty(), "a request names its pool");
  expect_sent_as_read(*request);
  expect_read_as_written(*request);
  const auto again =
      aws::read_request("Action=CreateFleet&" + aws::query_string(request->parameters));
  expect(again && again->parameters == request->parameters, "parameters survive their encoding");
}

}  // namespace jitney::fuzz
