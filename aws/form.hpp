// SPDX-License-Identifier: Apache-2.0
// Parameters of AWS's query protocol and of S3's query strings. Pure functions.
#pragma once

#include <map>
#include <string>

namespace jitney::aws {

// Flattened as the wire wants them ("Filter.1.Name").
using Parameters = std::map<std::string, std::string>;

inline constexpr const char* kFormType = "application/x-www-form-urlencoded; charset=utf-8";

// "list-type=2&prefix=a%2Fb%20c": strictly encoded, as signatures want it, sorted by name.
std::string query_string(const Parameters& parameters);

// The same as a form's body: a blank is "+", as AWS's own tools write it.
std::string form(const Parameters& parameters);

}  // namespace jitney::aws
