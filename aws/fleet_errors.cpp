// SPDX-License-Identifier: Apache-2.0
#include "aws/fleet_errors.hpp"

#include <algorithm>
#include <array>

#include "aws/faults.hpp"
#include "aws/xml.hpp"

namespace jitney::aws {

namespace {

using core::Fault;

constexpr std::size_t kMostMessage = 300;
constexpr std::size_t kMostName = 100;  // of codes, types and places
constexpr std::size_t kMostNamed = 4;

struct Row {
  std::string_view code;
  Concern concern;
  std::string_view advice = {};
};

// What codes mean for a caller stands in fault_table_ec2.cpp; here, how far they reach and what a
// person can do. A code that stands in neither is `transient`: tried again a bounded number of
// times, and shown.
constexpr std::array kRows{
    Row{"InsufficientInstanceCapacity", Concern::offering},
    Row{"InsufficientCapacity", Concern::offering},
    Row{"InsufficientHostCapacity", Concern::offering},
    Row{"InsufficientReservedInstanceCapacity", Concern::offering},
    Row{"ReservationCapacityExceeded", Concern::offering},
    Row{"UnfulfillableCapacity", Concern::offering},
    Row{"SpotMaxPriceTooLow", Concern::offering},
    Row{"Unsupported", Concern::offering},
    Row{"InsufficientFreeAddressesInSubnet", Concern::subnet,
        "give the pool larger subnets, or more of them"},
    Row{"InsufficientVolumeCapacity", Concern::subnet},
    Row{"VcpuLimitExceeded", Concern::quota,
        "ask AWS for a higher vCPU quota of this kind (Service Quotas, EC2)"},
    Row{"InstanceLimitExceeded", Concern::quota,
        "ask AWS for a higher quota (Service Quotas, EC2)"},
    Row{"MaxSpotInstanceCountExceeded", Concern::quota,
        "ask AWS for a higher quota of spot requests (Service Quotas, EC2)"},
    Row{"MaxFleetCountExceeded", Concern::quota},
    Row{"VolumeLimitExceeded", Concern::quota,
        "ask AWS for a higher quota of volumes (Service Quotas, EBS)"},
    Row{"AuthFailure.ServiceLinkedRoleCreationNotPermitted", Concern::request,
        "create the role once: aws iam create-service-linked-role --aws-service-name "
        "spot.amazonaws.com"},
    Row{"InvalidAMIID.NotFound", Concern::request,
        "the launch template names an image that is not there"},
    Row{"PendingVerification", Concern::request,
        "AWS verifies an account's first use of a region; this ends by itself, in minutes or "
        "hours"},
    Row{"VPCIdNotSpecified", Concern::request, "the account has no default VPC: name subnets"},
};

// EC2 has one code for a type that a zone does not sell and for a request that makes no sense.
constexpr std::string_view kNotSoldThere = "not supported in your requested Availability Zone";

Offering read_offering(const pugi::xml_node& item) {
  const pugi::xml_node overrides = at(item, {"launchTemplateAndOverrides", "overrides"});
  Offering offering;
  offering.instance_type = printable(text_at(overrides, {"instanceType"}), kMostName);
  offering.subnet = printable(text_at(overrides, {"subnetId"}), kMostName);
  offering.zone = printable(text_at(overrides, {"availabilityZone"}), kMostName);
  return offering;
}

std::string name_of(const Offering& offering) {
  std::string name = offering.instance_type;
  const std::string& place = offering.zone.empty() ? offering.subnet : offering.zone;
  if (!place.empty()) name += (name.empty() ? "" : " in ") + place;
  return name;
}

}  // namespace

FleetError judge_fleet_error(std::string_view code, std::string_view message) {
  FleetError error;
  error.code = printable(code, kMostName);
  error.message = printable(message, kMostMessage);
  error.fault = known_fault(Service::ec2, error.code).value_or(Fault::transient);
  if (error.message.find(kNotSoldThere) != std::string::npos) {
    error.fault = Fault::no_capacity;
    error.concern = Concern::offering;
  }
  const auto row = std::ranges::find(kRows, error.code, &Row::code);
  if (row == kRows.end()) return error;
  error.concern = row->concern;
  if (!row->advice.empty()) error.message.append("; ").append(row->advice);
  return error;
}

FleetAnswer read_fleet(const pugi::xml_document& document) {
  const pugi::xml_node root = document.document_element();
  FleetAnswer answer;
  answer.fleet = printable(text_at(root, {"fleetId"}), kMostName);
  for (const pugi::xml_node& item : children(child(root, "fleetInstanceSet"), "item")) {
    Offering offering = read_offering(item);
    if (offering.instance_type.empty()) offering.instance_type = text_at(item, {"instanceType"});
    answer.given.push_back(std::move(offering));
    for (const pugi::xml_node& id : children(child(item, "instanceIds"), "item")) {
      if (!id.text().empty()) answer.machines.emplace_back(id.text().get());
    }
  }
  for (const pugi::xml_node& item : children(child(root, "errorSet"), "item")) {
    FleetError error =
        judge_fleet_error(text_at(item, {"errorCode"}), text_at(item, {"errorMessage"}));
    error.offering = read_offering(item);
    answer.errors.push_back(std::move(error));
  }
  return answer;
}

std::vector<core::Error> faults_of(const FleetAnswer& answer, Market market) {
  struct Group {
    const FleetError* error;
    std::vector<std::string> names;
  };
  std::vector<Group> groups;
  for (const FleetError& error : answer.errors) {
    auto group = std::ranges::find_if(groups, [&](const Group& one) {
      return one.error->code == error.code && one.error->message == error.message;
    });
    if (group == groups.end()) group = groups.insert(group, Group{&error, {}});
    if (std::string name = name_of(error.offering); !name.empty()) group->names.push_back(name);
  }
  std::vector<core::Error> faults;
  for (const Group& group : groups) {
    std::string what = "EC2 CreateFleet (" + std::string(to_string(market));
    for (std::size_t i = 0; i < group.names.size() && i < kMostNamed; ++i) {
      what += ", " + group.names[i];
    }
    if (group.names.size() > kMostNamed) {
      what += ", and " + std::to_string(group.names.size() - kMostNamed) + " more";
    }
    what += "): " + group.error->code + ": " + group.error->message;
    if (!answer.fleet.empty()) what += " (" + answer.fleet + ")";
    faults.push_back({group.error->fault, std::move(what)});
  }
  return faults;
}

}  // namespace jitney::aws
