// SPDX-License-Identifier: Apache-2.0
// What a look at one thing of a set-up found. Values; pure functions.
#pragma once

#include <string>
#include <vector>

#include "core/result.hpp"

namespace jitney::app {

enum class Verdict {
  ok,
  warning,  // works, or will for a while; worth a person's time
  failed,   // jobs wait, or will
  skipped,  // could not be looked at, or has no sense here; says why
};
std::string_view to_string(Verdict verdict);

struct Finding {
  std::string check;  // "credentials", "webhook": a word or two
  Verdict verdict = Verdict::ok;
  std::string seen;  // one line, without a secret
  std::string todo;  // one line; empty when there is nothing to do
};

// What belongs together: a scope of GitHub, this machine, an account.
struct Area {
  std::string title;
  std::vector<Finding> findings;
};

Finding ok(std::string check, std::string seen);
Finding warning(std::string check, std::string seen, std::string todo);
Finding failed(std::string check, std::string seen, std::string todo);
Finding skipped(std::string check, std::string why);

// "a, b and 3 more": at most `most` of them by name.
std::string some_of(const std::vector<std::string>& names, std::size_t most = 5);
// "1 pool", "2 pools"
std::string counted(std::size_t n, const std::string& noun);

}  // namespace jitney::app
