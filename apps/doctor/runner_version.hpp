// SPDX-License-Identifier: Apache-2.0
// The version of GitHub's runner: GitHub refuses old ones, and every layer above looks healthy
// then.
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>

#include "apps/doctor/finding.hpp"

namespace jitney::app {

struct RunnerVersionNumber {
  int major = 0;
  int minor = 0;
  int patch = 0;
  friend auto operator<=>(const RunnerVersionNumber&, const RunnerVersionNumber&) = default;
};
// "2.336.0"; nullopt for all else.
std::optional<RunnerVersionNumber> parse_runner_version(std::string_view text);

// Of an unpacked actions-runner, without running it, which would write logs: the program's text
// constants hold it, in UTF-16. Reads at most 16 MiB.
std::optional<std::string> package_version(const std::string& runner_dir);
// The same for the bytes of bin/Runner.Listener.dll. Pure.
std::optional<std::string> version_in(std::string_view dll);

// `have` of what is looked at ("/opt/actions-runner", "the runners that live"), `newest` as GitHub
// offers it; either may be empty.
Finding check_runner_version(const std::string& of, const std::string& have,
                             const std::string& newest);

}  // namespace jitney::app
