// SPDX-License-Identifier: Apache-2.0
// The XML that CreateFleet answers with.
#include <algorithm>

#include "aws/fleet_errors.hpp"
#include "aws/xml.hpp"
#include "tests/fuzz/property.hpp"
#include "tests/fuzz/utf8.hpp"

namespace jitney::fuzz {

void target(std::string_view input) {
  if (!input.empty()) {
    expect(!aws::parse_xml(input, input.size() - 1), "what is too long is not read");
  }
  const auto document = aws::parse_xml(input);
  if (!document) {
    expect(document.error().fault == core::Fault::transient, "what is no XML may be next time");
    expect(document.error().what.size() < 200, "the text gives the place, never the content");
    return;
  }
  const aws::FleetAnswer answer = aws::read_fleet(*document);
  expect(answer.machines.size() <= input.size(), "machines are named, not made up");
  for (const core::MachineId& machine : answer.machines) {
    expect(!machine.empty(), "a machine has a name");
  }
  for (const aws::FleetError& error : answer.errors) {
    expect(error.message.size() < 600, "a message is bounded");
  }
  const auto faults = aws::faults_of(answer, aws::Market::spot);
  expect(faults.size() <= answer.errors.size(), "faults are gathered, not made up");
  expect(faults.empty() == answer.errors.empty(), "no error is lost");
  for (const core::Error& fault : faults) {
    if (is_utf8(input)) expect(is_utf8(fault.what), "a fault's text can be stored");
    expect(fault.what.size() < 2000, "a fault's text is bounded");
  }
}

}  // namespace jitney::fuzz
