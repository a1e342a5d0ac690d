// SPDX-License-Identifier: Apache-2.0
// The part of survey.hpp that EC2 answers.
#include <charconv>

#include "aws/survey.hpp"
#include "aws/xml.hpp"

namespace jitney::aws {

namespace {

constexpr std::size_t kMostTypes = 100;
constexpr int kMostPages = 10;

std::int64_t number_at(pugi::xml_node node, std::initializer_list<std::string_view> path) {
  const std::string text = text_at(node, path);
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

void number(Parameters& parameters, const std::string& prefix,
            const std::vector<std::string>& values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    parameters[prefix + "." + std::to_string(i + 1)] = values[i];
  }
}

std::unexpected<core::Error> absent(const std::string& what) {
  return core::fail(core::Fault::invalid, what);
}

}  // namespace

core::Result<TemplateData> template_data(Client& client, const std::string& name,
                                         const std::string& version) {
  const Parameters parameters{
      {name.starts_with("lt-") ? "LaunchTemplateId" : "LaunchTemplateName", name},
      {"LaunchTemplateVersion.1", version}};
  const auto answer = client.query(Service::ec2, "DescribeLaunchTemplateVersions", parameters);
  if (!answer) {
    core::Error error = answer.error();
    if (error.fault == core::Fault::not_found) error.fault = core::Fault::invalid;
    return std::unexpected(std::move(error));
  }
  const auto item = at(answer->document_element(), {"launchTemplateVersionSet", "item"});
  if (!item) return absent("launch template " + name + " has no version " + version);
  const auto data = child(item, "launchTemplateData");
  TemplateData found;
  found.id = text_at(item, {"launchTemplateId"});
  found.version = text_at(item, {"versionNumber"});
  found.image = text_at(data, {"imageId"});
  found.shutdown = text_at(data, {"instanceInitiatedShutdownBehavior"});
  found.tokens = text_at(data, {"metadataOptions", "httpTokens"});
  const auto profile = child(data, "iamInstanceProfile");
  found.has_profile = !text_at(profile, {"arn"}).empty() || !text_at(profile, {"name"}).empty();
  found.has_subnet = !text_at(data, {"networkInterfaceSet", "item", "subnetId"}).empty();
  return found;
}

core::Result<Image> image(Client& client, const std::string& id) {
  const auto answer = client.query(Service::ec2, "DescribeImages", {{"ImageId.1", id}});
  if (!answer) return std::unexpected(answer.error());
  const auto item = at(answer->document_element(), {"imagesSet", "item"});
  if (!item) return absent("there is no image " + id + " that this account may use");
  return Image{.state = text_at(item, {"imageState"}),
               .architecture = text_at(item, {"architecture"}),
               .name = text_at(item, {"name"})};
}

core::Result<std::map<std::string, InstanceType>> instance_types(
    Client& client, const std::vector<std::string>& names) {
  std::map<std::string, InstanceType> found;
  if (names.empty()) return found;
  if (names.size() > kMostTypes) return absent("more than 100 instance types");
  Parameters parameters;
  number(parameters, "InstanceType", names);
  const auto answer = client.query(Service::ec2, "DescribeInstanceTypes", parameters);
  if (!answer) return std::unexpected(answer.error());
  for (const auto& item : children(child(answer->document_element(), "instanceTypeSet"), "item")) {
    InstanceType& type = found[text_at(item, {"instanceType"})];
    type.vcpus = static_cast<int>(number_at(item, {"vCpuInfo", "defaultVCpus"}));
    for (const auto& one : children(child(item, "supportedUsageClasses"), "item")) {
      if (std::string_view(one.child_value()) == "spot") type.spot = true;
    }
    for (const auto& one :
         children(at(item, {"processorInfo", "supportedArchitectures"}), "item")) {
      type.architectures.emplace_back(one.child_value());
    }
  }
  return found;
}

core::Result<std::map<std::string, std::vector<std::string>>> offerings(
    Client& client, const std::vector<std::string>& types) {
  std::map<std::string, std::vector<std::string>> zones;
  if (types.empty()) return zones;
  Parameters parameters{{"LocationType", "availability-zone"}, {"Filter.1.Name", "instance-type"}};
  number(parameters, "Filter.1.Value", types);
  for (int page = 0; page < kMostPages; ++page) {
    const auto answer = client.query(Service::ec2, "DescribeInstanceTypeOfferings", parameters);
    if (!answer) return std::unexpected(answer.error());
    const auto root = answer->document_element();
    for (const auto& item : children(child(root, "instanceTypeOfferingSet"), "item")) {
      zones[text_at(item, {"instanceType"})].push_back(text_at(item, {"location"}));
    }
    const std::string next = text_at(root, {"nextToken"});
    if (next.empty()) break;
    parameters["NextToken"] = next;
  }
  return zones;
}

core::Result<std::map<std::string, Subnet>> subnets(Client& client,
                                                    const std::vector<std::string>& ids) {
  std::map<std::string, Subnet> found;
  if (ids.empty()) return found;
  Parameters parameters;
  number(parameters, "SubnetId", ids);
  const auto answer = client.query(Service::ec2, "DescribeSubnets", parameters);
  if (!answer) return std::unexpected(answer.error());
  for (const auto& item : children(child(answer->document_element(), "subnetSet"), "item")) {
    found[text_at(item, {"subnetId"})] = {
        .zone = text_at(item, {"availabilityZone"}),
        .free_addresses = number_at(item, {"availableIpAddressCount"})};
  }
  return found;
}

}  // namespace jitney::aws
