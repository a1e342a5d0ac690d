// SPDX-License-Identifier: Apache-2.0
// A CreateFleet request as the text that is stored with a claim: what goes over the wire, but for
// the client token. docs/formats.md has an example. Pure functions; immutable values.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "aws/client.hpp"
#include "core/fleet.hpp"

namespace jitney::aws {

// Tags that every machine bears from the moment it exists. The sweep and the functions' policies go
// by the first.
inline constexpr std::string_view kDeploymentTag = "jitney:deployment";
inline constexpr std::string_view kPoolTag = "jitney:pool";
inline constexpr std::string_view kBatchTag = "jitney:batch";
inline constexpr std::string_view kClaimedTag = "jitney:claimed";  // when, RFC 3339
inline constexpr std::string_view kLaunchTag = "jitney:launch";    // the client token

enum class Market { spot, on_demand };
std::string_view to_string(Market market);  // as EC2 writes it: "spot", "on-demand"

// Where EC2 may take a machine from. Empty subnet: where the launch template says.
struct Offering {
  std::string instance_type;
  std::string subnet;
  std::string zone;  // of the subnet; empty: not known
  friend bool operator==(const Offering&, const Offering&) = default;
};

struct LaunchOrder {
  std::string deployment;
  std::string pool;
  core::BatchId batch;
  core::Time claimed{};
  std::string template_id;
  std::string template_version;  // a number: what a name meant may change between two tries
  Market market = Market::spot;
  int count = 1;
  std::vector<Offering> offerings;
};
std::string write_request(const LaunchOrder& order);

struct LaunchRequest {
  Parameters parameters;  // of CreateFleet, without token and launch tag
  std::string pool;
  core::BatchId batch;
  std::string claimed;
  Market market = Market::spot;
  int count = 0;
};
// `invalid`: write_request() did not write it.
core::Result<LaunchRequest> read_request(std::string_view text);

// 64 characters of ASCII, EC2's bound. The moment of the claim is part of it, so that a ledger that
// begins again at batch 1 is not answered with machines of its former life.
std::string client_token(const LaunchRequest& request, std::string_view token);

// What is sent: the same bytes for the same request and token.
Parameters with_token(const LaunchRequest& request, const std::string& client_token);

// "Filter.<n>.Name" and ".Value.<i>" for DescribeX calls.
void add_filter(Parameters& parameters, std::string_view name,
                const std::vector<std::string>& values);

}  // namespace jitney::aws
