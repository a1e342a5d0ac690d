// SPDX-License-Identifier: Apache-2.0
// How a doctor's findings look: to people, and as JSON. Pure functions.
#pragma once

#include <boost/json/array.hpp>
#include <string>
#include <vector>

#include "apps/doctor/finding.hpp"
#include "apps/jitney/output.hpp"

namespace jitney::app {

// A heading, and for each finding its verdict, what was seen and, below, what to do.
std::string section_text(const Area& area, const Screen& screen);

// "12 ok, 1 warning, 2 failed"
std::string tally_text(const std::vector<Area>& areas, const Screen& screen);
bool any_failed(const std::vector<Area>& areas);

boost::json::array sections_json(const std::vector<Area>& areas);

}  // namespace jitney::app
