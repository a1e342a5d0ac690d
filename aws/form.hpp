// SPDX-License-Identifier: Apache-2.0
// Parameters of AWS's query protocol and of S3's query strings. Pure functions.
#pragma once

#include <map>
#include <string>

namespace jitney::aws {

// Flattened as the wire wants them ("Filter.1.Name").
using Parameters = std::map<std::string, std::string>;

inline constexpr const char* kFormType = "application/x-www-form-urlencoded; charset=utf-8";

// "Action=Describe&Filter.1.Name=tag%3Ax": strictly encoded, sorted by name.
std::string form(const Parameters& parameters);

}  // namespace jitney::aws
