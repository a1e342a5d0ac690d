// SPDX-License-Identifier: Apache-2.0
#include "aws/ssm_results.hpp"

#include <algorithm>
#include <array>

#include "net/json.hpp"

namespace jitney::aws {

namespace {

// Of runner/jitney-runner: the supervisor was lost, and nobody knows; the command was cancelled,
// and the runner goes on.
constexpr int kLost = 70;
constexpr int kCancelled = 143;

// Of "StatusDetails": it never came to the machine.
constexpr std::array<std::string_view, 4> kUndelivered = {"DeliveryTimedOut", "Undeliverable",
                                                          "Terminated", "InvalidPlatform"};
constexpr std::array<std::string_view, 4> kUnderWay = {"Pending", "InProgress", "Delayed",
                                                       "Cancelling"};

template <std::size_t N>
bool is_one_of(const std::array<std::string_view, N>& words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

// The step that runs the script; the others fetch it, or are for another system.
const boost::json::value* script_step(const boost::json::value& invocation) {
  const auto* steps = net::get_array(invocation, "CommandPlugins");
  if (steps == nullptr) return nullptr;
  for (const auto& step : *steps) {
    if (net::get_string_or(step, "Name", "") == "runShellScript") return &step;
  }
  return nullptr;
}

struct Ending {
  bool proved = false;
  std::optional<int> exit_code;
};

Ending ending_of(const boost::json::value& invocation, std::string_view status) {
  if (status != "Success" && status != "Failed") return {};
  const auto* step = script_step(invocation);
  const std::string step_status = step == nullptr ? "" : net::get_string_or(*step, "Status", "");
  if (step_status == "TimedOut" || step_status == "Cancelled") return {};
  // Failed before the script ran: no runner will ever run there.
  if (step_status != "Success" && step_status != "Failed") return {.proved = true, .exit_code = {}};
  const auto code = net::get_int(*step, "ResponseCode");
  if (!code || *code == kLost || *code == kCancelled || *code < 0 || *code > 255) return {};
  return {.proved = true, .exit_code = static_cast<int>(*code)};
}

}  // namespace

CommandResult read_invocations(const boost::json::array& invocations) {
  CommandResult result;
  bool under_way = false;
  for (const auto& invocation : invocations) {
    const std::string status = net::get_string_or(invocation, "Status", "");
    const std::string details = net::get_string_or(invocation, "StatusDetails", status);
    if (is_one_of(kUndelivered, details)) continue;
    result.started = true;
    if (is_one_of(kUnderWay, status)) {
      under_way = true;
      continue;
    }
    const Ending ending = ending_of(invocation, status);
    result.ended |= ending.proved;
    if (ending.exit_code) result.exit_code = ending.exit_code;
  }
  // Every command on a machine follows the one runner, so the others will end too.
  if (under_way) result.ended = false;
  if (!result.ended) result.exit_code.reset();
  return result;
}

}  // namespace jitney::aws
