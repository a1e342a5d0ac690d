// SPDX-License-Identifier: Apache-2.0
#include "apps/lambda/function.hpp"

#include <algorithm>
#include <array>

namespace jitney::lambda {

namespace {

constexpr std::array kFunctions{Function::autoscaler, Function::create_runner,
                                Function::stop_runner, Function::move_jobs, Function::sweep};

}  // namespace

std::string_view to_string(Function function) {
  switch (function) {
    case Function::autoscaler:
      return "autoscaler";
    case Function::create_runner:
      return "create_runner";
    case Function::stop_runner:
      return "stop_runner";
    case Function::move_jobs:
      return "move_jobs";
    case Function::sweep:
      return "sweep";
  }
  return "unknown";
}

std::optional<Function> parse_function(std::string_view handler) {
  if (const auto last = handler.find_last_of("./"); last != std::string_view::npos) {
    handler.remove_prefix(last + 1);
  }
  const auto found = std::ranges::find(kFunctions, handler, to_string);
  return found == kFunctions.end() ? std::nullopt : std::optional(*found);
}

bool uses_forges(Function function) { return function != Function::autoscaler; }

}  // namespace jitney::lambda
