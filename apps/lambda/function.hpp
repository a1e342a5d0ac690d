// SPDX-License-Identifier: Apache-2.0
// Which of the five functions a process of Lambda is. Pure functions.
#pragma once

#include <optional>
#include <string_view>

namespace jitney::lambda {

enum class Function { autoscaler, create_runner, stop_runner, move_jobs, sweep };

std::string_view to_string(Function function);
// Of _HANDLER: "create_runner", also with a path or a file before it ("bootstrap.create_runner").
std::optional<Function> parse_function(std::string_view handler);

// They speak to GitHub; the autoscaler alone does not, and gets no credentials of it.
bool uses_forges(Function function);

}  // namespace jitney::lambda
