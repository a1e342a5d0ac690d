// SPDX-License-Identifier: Apache-2.0
#include "aws/launch_templates.hpp"

#include <algorithm>

#include "aws/xml.hpp"

namespace jitney::aws {

namespace {

constexpr std::chrono::seconds kFresh{60};

bool is_id(std::string_view name) { return name.starts_with("lt-"); }

std::unexpected<core::Error> absent(const std::string& name, const std::string& why) {
  return core::fail(core::Fault::invalid,
                    "there is no launch template " + name +
                        " in this region: make one, or set launch_template of [pool.ec2]" +
                        (why.empty() ? "" : " (" + why + ")"));
}

}  // namespace

core::Result<LaunchTemplate> LaunchTemplates::find(const std::string& name,
                                                   const std::string& version) {
  const std::string key = name + " " + version;
  const auto now = std::chrono::steady_clock::now();
  {
    const std::lock_guard lock(mutex_);
    const auto known = templates_.find(key);
    if (known != templates_.end() && now - known->second.at < kFresh) return known->second.found;
  }
  auto found = ask(name, version);
  if (found) {
    const std::lock_guard lock(mutex_);
    templates_.insert_or_assign(key, Known{*found, now});
  }
  return found;
}

core::Result<LaunchTemplate> LaunchTemplates::ask(const std::string& name,
                                                  const std::string& version) {
  const Parameters parameters{{is_id(name) ? "LaunchTemplateId.1" : "LaunchTemplateName.1", name}};
  const auto answer = client_.query(Service::ec2, "DescribeLaunchTemplates", parameters);
  if (!answer) {
    const core::Error& error = answer.error();
    if (error.fault == core::Fault::not_found || error.fault == core::Fault::invalid) {
      return absent(name, error.what);
    }
    return std::unexpected(error);
  }
  const pugi::xml_node item = at(answer->document_element(), {"launchTemplates", "item"});
  LaunchTemplate found;
  found.id = text_at(item, {"launchTemplateId"});
  if (found.id.empty()) return absent(name, "");
  if (version == "$Default") {
    found.version = text_at(item, {"defaultVersionNumber"});
  } else if (version == "$Latest") {
    found.version = text_at(item, {"latestVersionNumber"});
  } else {
    found.version = version;
  }
  return found;
}

core::Result<std::map<std::string, std::string>> LaunchTemplates::zones(
    const std::vector<std::string>& subnets) {
  std::map<std::string, std::string> found;
  Parameters ask;
  {
    const std::lock_guard lock(mutex_);
    for (const std::string& subnet : subnets) {
      const auto known = zones_.find(subnet);
      if (known != zones_.end()) {
        found.insert(*known);
      } else {
        ask["SubnetId." + std::to_string(ask.size() + 1)] = subnet;
      }
    }
  }
  if (ask.empty()) return found;
  const auto answer = client_.query(Service::ec2, "DescribeSubnets", ask);
  if (!answer) {
    core::Error error = answer.error();
    if (error.fault == core::Fault::not_found || error.fault == core::Fault::invalid) {
      error.fault = core::Fault::invalid;
      error.what = "a subnet of the pool is not in this region: correct subnets of [pool.ec2] (" +
                   error.what + ")";
    }
    return std::unexpected(error);
  }
  const std::lock_guard lock(mutex_);
  for (const auto& item : children(child(answer->document_element(), "subnetSet"), "item")) {
    const std::string subnet = text_at(item, {"subnetId"});
    const std::string zone = text_at(item, {"availabilityZone"});
    zones_[subnet] = zone;
    found[subnet] = zone;
  }
  return found;
}

}  // namespace jitney::aws
