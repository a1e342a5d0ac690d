// SPDX-License-Identifier: Apache-2.0
// What EventBridge says of machines, as work for the core. Machines of other people are none of
// ours: no row of the ledger is bound to them. Stateless; safe to be told twice, or too early.
#pragma once

#include <optional>

#include "aws/lambda_events.hpp"
#include "core/functions.hpp"

namespace jitney::lambda {

// What became of one notice. Where it failed and a later wake-up would do, `instead` is that
// wake-up: notices themselves come again only after the queue's visibility timeout.
struct Noticed {
  core::Status status;
  std::optional<core::Message> instead;
};

// `carry_out`: core::handle, or what a test puts in its place.
using CarryOut = std::function<core::Status(const core::Context&, const core::Message&)>;

Noticed on_machine(const core::Context& context, const aws::MachineChanged& change,
                   const CarryOut& carry_out);
// Two minutes ahead: an idle runner is stopped now, before GitHub gives it a job. A busy one goes
// on, since nothing better can be done for its job (P6).
Noticed on_machine(const core::Context& context, const aws::MachineInterrupted& interruption,
                   const CarryOut& carry_out);
// Only logged: such machines often live on for hours.
Noticed on_machine(const core::Context& context, const aws::MachineAtRisk& risk,
                   const CarryOut& carry_out);
Noticed on_machine(const core::Context& context, const aws::CommandChanged& change,
                   const CarryOut& carry_out);

}  // namespace jitney::lambda
