// SPDX-License-Identifier: Apache-2.0
// The files ~/.aws/credentials and ~/.aws/config, as AWS's own tools read them.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "aws/environment.hpp"
#include "core/result.hpp"

namespace jitney::aws {

// Settings of one profile; names in lower case. Those of the credentials file win.
using Profile = std::map<std::string, std::string>;

// AWS_PROFILE, else "default".
std::string profile_name(const Environment& environment);

// nullopt: no file has it. Files from AWS_SHARED_CREDENTIALS_FILE and AWS_CONFIG_FILE, else below
// HOME. `unauthorized`: a file is there and cannot be read.
core::Result<std::optional<Profile>> read_profile(const Environment& environment);

// The section of one profile in a file's text; "[profile x]" and "[x]" both name x. Pure.
std::optional<Profile> find_profile(std::string_view text, std::string_view name);

}  // namespace jitney::aws
