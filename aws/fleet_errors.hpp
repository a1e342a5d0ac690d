// SPDX-License-Identifier: Apache-2.0
// What CreateFleet says inside an answer: HTTP 200, some machines or none, and a reason for each
// offering that gave nothing. Pure functions; immutable values.
#pragma once

#include <pugixml.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "aws/ec2_request.hpp"
#include "core/fleet.hpp"

namespace jitney::aws {

// How far a reason reaches: what the next request had better leave out.
enum class Concern {
  request,   // nothing to do with capacity
  offering,  // this type in this zone
  subnet,    // every type there
  quota,     // of the account, and so a market: another one may do
};

struct FleetError {
  std::string code;
  std::string message;
  Offering offering;  // without its zone, unless EC2 gives it
  core::Fault fault = core::Fault::transient;
  Concern concern = Concern::request;
};

struct FleetAnswer {
  std::string fleet;
  std::vector<core::MachineId> machines;
  std::vector<Offering> given;  // offerings that machines came from
  std::vector<FleetError> errors;
};
FleetAnswer read_fleet(const pugi::xml_document& answer);

// By the table of faults.hpp, and by one of how far a code reaches.
FleetError judge_fleet_error(std::string_view code, std::string_view message);

// One for each code and message, naming the offerings it came from, for people.
std::vector<core::Error> faults_of(const FleetAnswer& answer, Market market);

}  // namespace jitney::aws
