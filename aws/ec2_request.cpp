// SPDX-License-Identifier: Apache-2.0
#include "aws/ec2_request.hpp"

#include <array>
#include <charconv>

#include "net/crypto.hpp"
#include "net/rfc3339.hpp"

namespace jitney::aws {

namespace {

constexpr std::string_view kBegin = "Action=CreateFleet&";
constexpr std::size_t kLongest = 256u << 10;
constexpr int kMostMachines = 1000;

constexpr std::string_view kCount = "TargetCapacitySpecification.TotalTargetCapacity";
constexpr std::string_view kMarket = "TargetCapacitySpecification.DefaultTargetCapacityType";
constexpr std::string_view kTemplate =
    "LaunchTemplateConfigs.1.LaunchTemplateSpecification.LaunchTemplateId";
constexpr std::string_view kVersion = "LaunchTemplateConfigs.1.LaunchTemplateSpecification.Version";
// The first is that of the machines themselves; a launch template could tag their volumes, but a
// pool may bring a template of its own.
constexpr std::array kTagged = {"instance", "volume", "fleet"};

std::string numbered(std::string_view before, std::size_t number, std::string_view after) {
  return std::string(before).append(std::to_string(number)).append(after);
}

std::string tag_prefix(std::size_t specification, std::size_t tag) {
  return numbered("TagSpecification.", specification, numbered(".Tag.", tag, "."));
}

void add_tags(Parameters& into, const LaunchOrder& order) {
  const std::array<std::pair<std::string_view, std::string>, 5> tags = {{
      {"Name", order.deployment + "-" + order.pool},
      {kDeploymentTag, order.deployment},
      {kPoolTag, order.pool},
      {kBatchTag, order.batch},
      {kClaimedTag, net::format_rfc3339_ms(order.claimed)},
  }};
  for (std::size_t i = 0; i < kTagged.size(); ++i) {
    into[numbered("TagSpecification.", i + 1, ".ResourceType")] = kTagged[i];
    for (std::size_t t = 0; t < tags.size(); ++t) {
      into[tag_prefix(i + 1, t + 1) + "Key"] = tags[t].first;
      into[tag_prefix(i + 1, t + 1) + "Value"] = tags[t].second;
    }
  }
}

std::optional<Parameters> read_form(std::string_view text) {
  Parameters parameters;
  while (!text.empty()) {
    const std::string_view pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), pair.size() + 1));
    const auto equals = pair.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    auto name = net::percent_decode(pair.substr(0, equals));
    auto value = net::percent_decode(pair.substr(equals + 1));
    if (!name || !value || name->empty()) return std::nullopt;
    if (!parameters.emplace(*std::move(name), *std::move(value)).second) return std::nullopt;
  }
  return parameters;
}

std::string value_of(const Parameters& parameters, std::string_view name) {
  const auto found = parameters.find(std::string(name));
  return found == parameters.end() ? "" : found->second;
}

// How many tags the machines' own specification has.
std::size_t count_tags(const Parameters& parameters) {
  std::size_t count = 0;
  while (parameters.contains(tag_prefix(1, count + 1) + "Key")) ++count;
  return count;
}

std::string tag_of(const Parameters& parameters, std::string_view key) {
  for (std::size_t tag = 1; tag <= count_tags(parameters); ++tag) {
    if (value_of(parameters, tag_prefix(1, tag) + "Key") == key) {
      return value_of(parameters, tag_prefix(1, tag) + "Value");
    }
  }
  return "";
}

std::unexpected<core::Error> no_request(std::string_view why) {
  return core::fail(core::Fault::invalid,
                    "the stored launch request is none for EC2: " + std::string(why));
}

}  // namespace

std::string_view to_string(Market market) {
  switch (market) {
    case Market::spot:
      return "spot";
    case Market::on_demand:
      return "on-demand";
  }
  return "?";
}

std::string write_request(const LaunchOrder& order) {
  Parameters all;
  all["Type"] = "instant";
  all["SpotOptions.AllocationStrategy"] = "price-capacity-optimized";
  all["OnDemandOptions.AllocationStrategy"] = "lowest-price";
  all[std::string(kCount)] = std::to_string(order.count);
  all[std::string(kMarket)] = to_string(order.market);
  all[std::string(kTemplate)] = order.template_id;
  all[std::string(kVersion)] = order.template_version;
  for (std::size_t i = 0; i < order.offerings.size(); ++i) {
    const std::string prefix = numbered("LaunchTemplateConfigs.1.Overrides.", i + 1, ".");
    const Offering& offering = order.offerings[i];
    if (!offering.instance_type.empty()) all[prefix + "InstanceType"] = offering.instance_type;
    if (!offering.subnet.empty()) all[prefix + "SubnetId"] = offering.subnet;
  }
  add_tags(all, order);
  std::string text(kBegin);
  for (const auto& [name, value] : all) {
    if (text.size() > kBegin.size()) text += '&';
    text.append(net::percent_encode(name)).append("=").append(net::percent_encode(value));
  }
  return text;
}

core::Result<LaunchRequest> read_request(std::string_view text) {
  if (!text.starts_with(kBegin)) return no_request("it does not begin with its action");
  if (text.size() > kLongest) return no_request("it is too long");
  auto parameters = read_form(text.substr(kBegin.size()));
  if (!parameters) return no_request("it is badly encoded");
  LaunchRequest request;
  request.parameters = *std::move(parameters);
  const std::string count = value_of(request.parameters, kCount);
  const auto [end, error] =
      std::from_chars(count.data(), count.data() + count.size(), request.count);
  if (error != std::errc{} || end != count.data() + count.size() || request.count < 1 ||
      request.count > kMostMachines) {
    return no_request("it does not say how many machines");
  }
  const std::string market = value_of(request.parameters, kMarket);
  request.market = market == to_string(Market::spot) ? Market::spot : Market::on_demand;
  if (market != to_string(request.market)) return no_request("it does not say from which market");
  request.pool = tag_of(request.parameters, kPoolTag);
  request.batch = tag_of(request.parameters, kBatchTag);
  request.claimed = tag_of(request.parameters, kClaimedTag);
  if (request.pool.empty()) return no_request("it names no pool");
  return request;
}

std::string client_token(const LaunchRequest& request, std::string_view token) {
  return net::hex(net::sha256(std::string(token) + "\n" + request.claimed));
}

Parameters with_token(const LaunchRequest& request, const std::string& client_token) {
  Parameters sent = request.parameters;
  sent["ClientToken"] = client_token;
  const std::string tag = tag_prefix(1, count_tags(sent) + 1);
  sent[tag + "Key"] = kLaunchTag;
  sent[tag + "Value"] = client_token;
  return sent;
}

void add_filter(Parameters& parameters, std::string_view name,
                const std::vector<std::string>& values) {
  std::size_t number = 1;
  while (parameters.contains(numbered("Filter.", number, ".Name"))) ++number;
  parameters[numbered("Filter.", number, ".Name")] = name;
  for (std::size_t i = 0; i < values.size(); ++i) {
    parameters[numbered("Filter.", number, numbered(".Value.", i + 1, ""))] = values[i];
  }
}

}  // namespace jitney::aws
