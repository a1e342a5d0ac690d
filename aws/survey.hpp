// SPDX-License-Identifier: Apache-2.0
// What an account holds of what a deployment needs, by reads that change nothing: the facts that a
// person needs to know what is wrong. Each is one call, or a few of bounded number; faults as of
// Client. Stateless; as thread-safe as the client.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "aws/client.hpp"
#include "core/time.hpp"

namespace jitney::aws {

struct Identity {
  std::string account;
  std::string arn;
};
core::Result<Identity> who_am_i(Client& client);

struct TemplateData {
  std::string id;
  std::string version;   // a number
  std::string image;     // "ami-..." or "resolve:ssm:/..."; empty: the request would have to say
  std::string shutdown;  // "terminate", "stop"; empty: EC2's default, which is stop
  std::string tokens;    // of the metadata service: "required" or "optional"; empty: the image says
  bool has_profile = false;
  bool has_subnet = false;
};
// `name` is a name or "lt-...". `invalid`: there is none.
core::Result<TemplateData> template_data(Client& client, const std::string& name,
                                         const std::string& version);

struct Image {
  std::string state;         // "available"
  std::string architecture;  // "x86_64", "arm64"
  std::string name;
};
core::Result<Image> image(Client& client, const std::string& id);

struct InstanceType {
  int vcpus = 0;
  bool spot = false;
  std::vector<std::string> architectures;
};
// By name; at most 100. `invalid`: one of them is none, the text names it.
core::Result<std::map<std::string, InstanceType>> instance_types(
    Client& client, const std::vector<std::string>& names);

// Zones by type: where each is offered in this region.
core::Result<std::map<std::string, std::vector<std::string>>> offerings(
    Client& client, const std::vector<std::string>& types);

struct Subnet {
  std::string zone;
  std::int64_t free_addresses = 0;
};
// By id. `invalid`: one of them is not there.
core::Result<std::map<std::string, Subnet>> subnets(Client& client,
                                                    const std::vector<std::string>& ids);

// Of EC2, in vCPUs.
core::Result<double> quota(Client& client, const std::string& code);
// Whether the role is there under which EC2 runs spot machines.
core::Result<bool> has_spot_role(Client& client);

// "ACTIVE"
core::Result<std::string> table_status(Client& client, const std::string& table);

struct QueueDepth {
  std::int64_t waiting = 0;
  std::int64_t delayed = 0;
  std::int64_t under_way = 0;
};
core::Result<QueueDepth> queue_depth(Client& client, const std::string& url);

// "Enabled", "Suspended", or empty for one that never had versions. `invalid`: no such bucket.
core::Result<std::string> versioning(Client& client, const std::string& bucket);
core::Result<bool> has_object(Client& client, const std::string& bucket, const std::string& key);

struct FunctionRuns {
  std::int64_t runs = 0;    // of the last day
  std::int64_t errors = 0;  // of the last day
  core::Time last_run{};    // the end of its quarter of an hour; Time{}: none in a day
  core::Time last_error{};
};
// By function name, from the metrics that Lambda keeps: one call for at most 50 functions.
core::Result<std::map<std::string, FunctionRuns>> function_runs(
    Client& client, const std::vector<std::string>& functions, core::Time now);

}  // namespace jitney::aws
