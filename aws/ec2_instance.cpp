// SPDX-License-Identifier: Apache-2.0
#include "aws/ec2_instance.hpp"

#include <algorithm>

#include "aws/ec2_request.hpp"
#include "aws/xml.hpp"
#include "net/rfc3339.hpp"

namespace jitney::aws {

namespace {

// With filters and pages the call draws on the larger of EC2's two buckets.
constexpr const char* kPage = "500";
constexpr int kMostPages = 100;

core::MachineState state_of(std::string_view state) {
  if (state == "pending") return core::MachineState::pending;
  if (state == "running") return core::MachineState::running;
  if (state == "stopped") return core::MachineState::ended;
  return core::MachineState::stopping;
}

Instance read_instance(const pugi::xml_node& item) {
  Instance instance;
  instance.id = text_at(item, {"instanceId"});
  instance.state = text_at(item, {"instanceState", "name"});
  instance.type = text_at(item, {"instanceType"});
  instance.zone = text_at(item, {"placement", "availabilityZone"});
  instance.spot = text_at(item, {"instanceLifecycle"}) == "spot";
  instance.launched_at = net::parse_rfc3339(text_at(item, {"launchTime"})).value_or(core::Time{});
  for (const pugi::xml_node& tag : children(child(item, "tagSet"), "item")) {
    instance.tags.emplace(text_at(tag, {"key"}), text_at(tag, {"value"}));
  }
  return instance;
}

}  // namespace

core::Machine machine_of(const Instance& instance) {
  const auto tag = [&](std::string_view key) {
    const auto found = instance.tags.find(key);
    return found == instance.tags.end() ? std::string() : found->second;
  };
  core::Machine machine;
  machine.id = instance.id;
  machine.pool = tag(kPoolTag);
  machine.batch = tag(kBatchTag);
  machine.state = state_of(instance.state);
  machine.launched_at = instance.launched_at;
  return machine;
}

bool is_instance_id(std::string_view text) {
  if (!text.starts_with("i-") || text.size() < 10 || text.size() > 34) return false;
  return std::ranges::all_of(
      text.substr(2), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

core::Result<std::vector<Instance>> describe_instances(Client& client, Parameters parameters) {
  std::vector<Instance> all;
  parameters["MaxResults"] = kPage;
  for (int page = 0; page < kMostPages; ++page) {
    const auto answer = client.query(Service::ec2, "DescribeInstances", parameters);
    if (!answer) return std::unexpected(answer.error());
    const pugi::xml_node root = answer->document_element();
    for (const pugi::xml_node& reservation : children(child(root, "reservationSet"), "item")) {
      for (const pugi::xml_node& item : children(child(reservation, "instancesSet"), "item")) {
        all.push_back(read_instance(item));
      }
    }
    const std::string next = text_at(root, {"nextToken"});
    if (next.empty()) return all;
    parameters["NextToken"] = next;
  }
  return core::fail(core::Fault::transient,
                    "EC2 has more instances for us than a hundred pages hold");
}

}  // namespace jitney::aws
