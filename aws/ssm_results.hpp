// SPDX-License-Identifier: Apache-2.0
// Reads what Systems Manager says of commands. Pure functions.
#pragma once

#include <boost/json/array.hpp>

#include "aws/ssm_start.hpp"

namespace jitney::aws {

// "CommandInvocations" with details. A command that was cancelled, timed out or cut off says
// nothing about the runner: it lives in a unit of its own.
CommandResult read_invocations(const boost::json::array& invocations);

}  // namespace jitney::aws
