// SPDX-License-Identifier: Apache-2.0
// One batch of SQS messages: wake-ups of ours, and what EventBridge says of machines.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "apps/host/settle.hpp"
#include "apps/lambda/machine_events.hpp"
#include "aws/lambda_events.hpp"
#include "core/functions.hpp"

namespace jitney::lambda {

struct BatchOptions {
  app::SettleOptions settle;
  CarryOut carry_out = core::handle;
  std::function<double()> spread;  // [0, 1): see app::backoff
};

// The ids of those that must come again; SQS deletes the others. Equal wake-ups in one batch are
// carried out once. What failed and can be asked for again is asked for by a new message, so that
// its delay is ours and not the queue's visibility timeout. After the context's deadline nothing
// more is begun: the rest comes again.
std::vector<std::string> carry_out_batch(const core::Context& context, const aws::SqsEvent& event,
                                         const BatchOptions& options);

}  // namespace jitney::lambda
