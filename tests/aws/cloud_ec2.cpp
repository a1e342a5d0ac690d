// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cstdio>

#include "tests/aws/cloud.hpp"

namespace jitney::tests {

namespace {

constexpr const char* kLaunchedAt = "2026-11-28T12:00:00.000Z";

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else {
      out += c;
    }
  }
  return out;
}

std::string wrapped(std::string_view name, const std::string& inner) {
  return "<" + std::string(name) + ">" + inner + "</" + std::string(name) + ">";
}

bool is_well_formed(std::string_view id) {
  return id.starts_with("i-") && (id.size() == 10 || id.size() == 19) &&
         id.find_first_not_of("0123456789abcdef", 2) == std::string_view::npos;
}

bool fits(const std::optional<std::vector<std::string>>& wanted, const std::string& value) {
  return !wanted || std::ranges::find(*wanted, value) != wanted->end();
}

bool fits(const CloudParameters& parameters, const CloudInstance& instance) {
  if (!fits(filter(parameters, "instance-id"), instance.id)) return false;
  if (!fits(filter(parameters, "instance-state-name"), instance.state)) return false;
  for (int n = 1; parameters.contains("Filter." + std::to_string(n) + ".Name"); ++n) {
    const std::string name = get(parameters, "Filter." + std::to_string(n) + ".Name");
    if (!name.starts_with("tag:")) continue;
    if (!fits(filter(parameters, name), get(instance.tags, name.substr(4)))) return false;
  }
  return true;
}

std::string describe(const CloudInstance& instance) {
  std::string tags;
  for (const auto& [key, value] : instance.tags) {
    tags += wrapped("item", element("key", key) + element("value", value));
  }
  std::string text = element("instanceId", instance.id) +
                     wrapped("instanceState", element("name", instance.state)) +
                     element("instanceType", instance.type) + element("launchTime", kLaunchedAt) +
                     wrapped("placement", element("availabilityZone", instance.zone)) +
                     wrapped("tagSet", tags);
  if (instance.market == "spot") {
    text += element("instanceLifecycle", "spot") +
            element("spotInstanceRequestId", instance.spot_request);
  }
  return wrapped("item", wrapped("instancesSet", wrapped("item", text)));
}

std::string overrides_of(const std::string& type, const std::string& subnet) {
  std::string inner = element("instanceType", type);
  if (!subnet.empty()) inner += element("subnetId", subnet);
  return wrapped("launchTemplateAndOverrides", wrapped("overrides", inner));
}

}  // namespace

std::string element(std::string_view name, std::string_view text) {
  return wrapped(name, escaped(text));
}

net::Response xml_answer(const std::string& operation, const std::string& inner) {
  return {.status = 200,
          .headers = {{"Content-Type", "text/xml;charset=UTF-8"}},
          .body = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<" + operation +
                  "Response xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">" +
                  element("requestId", "req-1") + inner + "</" + operation + "Response>"};
}

net::Response ec2_fault(const CloudFault& fault) {
  return {.status = fault.status,
          .headers = {{"Content-Type", "text/xml;charset=UTF-8"}},
          .body = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error>" +
                  element("Code", fault.code) + element("Message", fault.message) +
                  "</Error></Errors>" + element("RequestID", "req-1") + "</Response>"};
}

std::string get(const CloudParameters& parameters, const std::string& name) {
  const auto found = parameters.find(name);
  return found == parameters.end() ? "" : found->second;
}

std::vector<std::string> numbered(const CloudParameters& parameters, const std::string& prefix) {
  std::vector<std::string> values;
  while (parameters.contains(prefix + "." + std::to_string(values.size() + 1))) {
    values.push_back(get(parameters, prefix + "." + std::to_string(values.size() + 1)));
  }
  return values;
}

std::optional<std::vector<std::string>> filter(const CloudParameters& parameters,
                                               const std::string& name) {
  for (int n = 1; parameters.contains("Filter." + std::to_string(n) + ".Name"); ++n) {
    const std::string prefix = "Filter." + std::to_string(n);
    if (get(parameters, prefix + ".Name") == name) return numbered(parameters, prefix + ".Value");
  }
  return std::nullopt;
}

net::Response Cloud::ec2(const CloudParameters& parameters) {
  const std::string action = get(parameters, "Action");
  if (action == "CreateFleet") return create_fleet(parameters);
  if (action == "DescribeInstances") return describe_instances(parameters);
  if (action == "TerminateInstances") return terminate(parameters);
  if (action == "DescribeLaunchTemplates") return describe_templates(parameters);
  if (action == "DescribeSubnets") return describe_subnets(parameters);
  if (action == "DescribeSpotInstanceRequests") return describe_spot_requests(parameters);
  if (action == "CancelSpotInstanceRequests") return cancel_spot_requests(parameters);
  return ec2_fault({400, "InvalidAction", "The action " + action + " is not valid.", ""});
}

std::optional<CloudFault> Cloud::take_one(const std::string& type, const std::string& zone,
                                          const std::string& market) {
  const auto quota = quotas_.find(market);
  if (quota != quotas_.end() && quota->second.left == 0) {
    return CloudFault{200, quota->second.code, quota->second.message, ""};
  }
  const auto bound = bounds_.find(type + "/" + zone + "/" + market);
  if (bound != bounds_.end() && bound->second.left == 0) {
    return CloudFault{200, bound->second.code, bound->second.message, ""};
  }
  if (quota != quotas_.end()) --quota->second.left;
  if (bound != bounds_.end()) --bound->second.left;
  return std::nullopt;
}

CloudInstance& Cloud::launch(const CloudParameters& parameters, const std::string& type,
                             const std::string& subnet, const std::string& market) {
  std::array<char, 32> id{};
  std::snprintf(id.data(), id.size(), "i-%017x", static_cast<unsigned>(++made_));
  CloudInstance& instance = instances_[id.data()];
  instance.id = id.data();
  instance.type = type;
  instance.subnet = subnet;
  instance.zone = get(zones_, subnet);
  instance.market = market;
  instance.hidden = lag_;
  for (int tag = 1;; ++tag) {
    const std::string prefix = "TagSpecification.1.Tag." + std::to_string(tag);
    if (!parameters.contains(prefix + ".Key")) break;
    instance.tags[get(parameters, prefix + ".Key")] = get(parameters, prefix + ".Value");
  }
  if (market == "spot") {
    instance.spot_request = "sir-" + std::to_string(made_);
    spot_requests_[instance.spot_request] = {instance.id, "active"};
  }
  return instance;
}

net::Response Cloud::create_fleet(const CloudParameters& parameters) {
  const std::string token = get(parameters, "ClientToken");
  if (token.size() > 64) return ec2_fault({400, "InvalidClientToken", "too long", ""});
  if (const auto before = fleets_.find(token); !token.empty() && before != fleets_.end()) {
    if (before->second.parameters == parameters) return before->second.answer;
    return ec2_fault({400, "IdempotentParameterMismatch",
                      "The client token you have provided is associated with a resource with "
                      "different parameters.",
                      ""});
  }
  const std::string config = "LaunchTemplateConfigs.1.";
  const std::string id = get(parameters, config + "LaunchTemplateSpecification.LaunchTemplateId");
  if (std::ranges::none_of(templates_, [&](const auto& one) { return one.second == id; })) {
    return ec2_fault({400, "InvalidLaunchTemplateId.NotFound", "no template " + id, ""});
  }
  const std::string capacity = "TargetCapacitySpecification.";
  const std::string market = get(parameters, capacity + "DefaultTargetCapacityType");
  int wanted = std::stoi(get(parameters, capacity + "TotalTargetCapacity"));
  std::string sets;
  std::string errors;
  for (int n = 1; wanted > 0; ++n) {
    const std::string prefix = config + "Overrides." + std::to_string(n) + ".";
    const bool given = parameters.contains(prefix + "InstanceType");
    if (!given && n > 1) break;
    const std::string type = given ? get(parameters, prefix + "InstanceType") : "m5.large";
    const std::string subnet = get(parameters, prefix + "SubnetId");
    std::string ids;
    std::optional<CloudFault> fault;
    while (wanted > 0 && !(fault = take_one(type, get(zones_, subnet), market))) {
      ids += element("item", launch(parameters, type, subnet, market).id);
      --wanted;
    }
    const std::string where = overrides_of(type, subnet) + element("lifecycle", market);
    if (!ids.empty()) {
      sets += wrapped("item", where + wrapped("instanceIds", ids) + element("instanceType", type));
    }
    if (fault) {
      errors += wrapped("item", where + element("errorCode", fault->code) +
                                    element("errorMessage", fault->message));
    }
  }
  const std::string inner = element("fleetId", "fleet-" + std::to_string(fleets_.size() + 1)) +
                            wrapped("fleetInstanceSet", sets) +
                            wrapped("errorSet", wanted > 0 ? errors : "");
  net::Response answer = xml_answer("CreateFleet", inner);
  if (!token.empty()) fleets_[token] = {parameters, answer};
  return answer;
}

net::Response Cloud::describe_instances(const CloudParameters& parameters) {
  std::vector<const CloudInstance*> found;
  for (auto& [id, instance] : instances_) {
    if (!fits(parameters, instance)) continue;
    if (instance.hidden > 0) {
      --instance.hidden;
      continue;
    }
    found.push_back(&instance);
  }
  const std::string token = get(parameters, "NextToken");
  const std::size_t begin = token.empty() ? 0 : std::stoul(token);
  const std::size_t end = std::min(begin + page_size_, found.size());
  std::string inner;
  for (std::size_t i = begin; i < end; ++i) inner += describe(*found[i]);
  inner = wrapped("reservationSet", inner);
  if (end < found.size()) inner += element("nextToken", std::to_string(end));
  return xml_answer("DescribeInstances", inner);
}

void Cloud::end_machine(CloudInstance& instance, const std::string& state) {
  instance.state = state;
  instance.agent = false;
  const auto request = spot_requests_.find(instance.spot_request);
  if (request == spot_requests_.end() || request->second.state != "active") return;
  request->second.state = persistent_ ? "open" : "closed";
  if (persistent_) launch({}, instance.type, instance.subnet, "on-demand");
}

net::Response Cloud::terminate(const CloudParameters& parameters) {
  const auto ids = numbered(parameters, "InstanceId");
  for (const std::string& id : ids) {
    if (!is_well_formed(id)) {
      return ec2_fault({400, "InvalidInstanceID.Malformed", "Invalid id: \"" + id + "\"", ""});
    }
  }
  for (const std::string& id : ids) {
    if (!instances_.contains(id)) {
      return ec2_fault(
          {400, "InvalidInstanceID.NotFound", "The instance ID '" + id + "' does not exist", ""});
    }
  }
  std::string inner;
  for (const std::string& id : ids) {
    CloudInstance& instance = instances_[id];
    if (instance.state != "terminated") end_machine(instance, "shutting-down");
    inner += wrapped("item", element("instanceId", id) +
                                 wrapped("currentState", element("name", instance.state)));
  }
  return xml_answer("TerminateInstances", wrapped("instancesSet", inner));
}

net::Response Cloud::describe_templates(const CloudParameters& parameters) {
  std::string inner;
  const std::string wanted_name = get(parameters, "LaunchTemplateName.1");
  const std::string wanted_id = get(parameters, "LaunchTemplateId.1");
  for (const auto& [name, id] : templates_) {
    if (name != wanted_name && id != wanted_id) continue;
    inner += wrapped("item", element("launchTemplateId", id) + element("launchTemplateName", name) +
                                 element("defaultVersionNumber", "2") +
                                 element("latestVersionNumber", "3"));
  }
  if (inner.empty()) {
    return ec2_fault({400,
                      wanted_id.empty() ? "InvalidLaunchTemplateName.NotFoundException"
                                        : "InvalidLaunchTemplateId.NotFound",
                      "no such template", ""});
  }
  return xml_answer("DescribeLaunchTemplates", wrapped("launchTemplates", inner));
}

net::Response Cloud::describe_subnets(const CloudParameters& parameters) {
  std::string inner;
  for (const std::string& subnet : numbered(parameters, "SubnetId")) {
    if (!zones_.contains(subnet)) {
      return ec2_fault(
          {400, "InvalidSubnetID.NotFound", "The subnet ID '" + subnet + "' does not exist", ""});
    }
    inner +=
        wrapped("item", element("subnetId", subnet) + element("availabilityZone", zones_[subnet]));
  }
  return xml_answer("DescribeSubnets", wrapped("subnetSet", inner));
}

net::Response Cloud::describe_spot_requests(const CloudParameters& parameters) {
  std::string inner;
  for (const auto& [id, request] : spot_requests_) {
    if (!fits(filter(parameters, "instance-id"), request.instance)) continue;
    if (!fits(filter(parameters, "state"), request.state)) continue;
    inner +=
        wrapped("item", element("spotInstanceRequestId", id) + element("state", request.state) +
                            element("instanceId", request.instance));
  }
  return xml_answer("DescribeSpotInstanceRequests", wrapped("spotInstanceRequestSet", inner));
}

net::Response Cloud::cancel_spot_requests(const CloudParameters& parameters) {
  for (const std::string& id : numbered(parameters, "SpotInstanceRequestId")) {
    const auto found = spot_requests_.find(id);
    if (found == spot_requests_.end()) {
      return ec2_fault({400, "InvalidSpotInstanceRequestID.NotFound", id, ""});
    }
    found->second.state = "cancelled";
  }
  return xml_answer("CancelSpotInstanceRequests", "");
}

}  // namespace jitney::tests
