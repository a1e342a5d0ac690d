// SPDX-License-Identifier: Apache-2.0
// What becomes of a queue message whose function failed. Stateless; any thread.
#pragma once

#include "core/functions.hpp"

namespace jitney::app {

struct SettleOptions {
  core::Duration first_backoff = std::chrono::seconds(1);
  core::Duration longest_backoff = std::chrono::minutes(5);
  int poison_receives = 20;  // failed or died that often: buried with the cause
};

// When to try again after the n-th failure: doubling, bounded, with `spread` in [0, 1) taking off
// up to half, so that many do not come back at one moment.
core::Duration backoff(const SettleOptions& options, int failures, double spread);

// A wait says nothing about the message: GitHub throttles, a machine boots. It never poisons.
bool is_wait(core::Fault fault);

enum class Settled {
  acknowledge,  // a new message or a dead letter stands in its place: remove it
  returned,     // it comes again by itself
};

// Waits become a new delayed message, hopeless ones dead letters, the others come again later. An
// error: nothing was done, and its lease will end. Every case is logged.
core::Result<Settled> settle(const core::Context& context, const core::Delivery& delivery,
                             const core::Error& error, const SettleOptions& options, double spread);

// core::handle, or why not: a message that was taken too often without an end. Never throws.
core::Status carry_out(
    const core::Context& context, const core::Delivery& delivery, const SettleOptions& options,
    const std::function<core::Status(const core::Context&, const core::Message&)>& handle);

}  // namespace jitney::app
