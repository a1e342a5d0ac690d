// SPDX-License-Identifier: Apache-2.0
// "CommandInvocations" as Systems Manager lists them.
#include "aws/ssm_results.hpp"

#include "net/json.hpp"
#include "tests/fuzz/property.hpp"

namespace jitney::fuzz {

void target(std::string_view input) {
  const auto value = net::parse_json(input);
  if (!value || !value->is_array()) return;
  const boost::json::array& invocations = value->get_array();
  const aws::CommandResult result = aws::read_invocations(invocations);
  expect(!result.ended || result.started, "what ended had started");
  expect(!result.exit_code || result.ended, "a code is the end's");
  if (result.exit_code) {
    expect(*result.exit_code >= 0 && *result.exit_code <= 255, "a code is a process's");
    expect(*result.exit_code != 70 && *result.exit_code != 143,
           "that nobody knows, or that the runner goes on, is no end");
  }
  // One command that is under way, wherever it stands: the runner may still be at work (P6).
  boost::json::array more = invocations;
  more.push_back(boost::json::object{{"Status", "InProgress"}});
  const aws::CommandResult busy = aws::read_invocations(more);
  expect(busy.started && !busy.ended, "a command under way proves that nothing has ended");
}

}  // namespace jitney::fuzz
