// SPDX-License-Identifier: Apache-2.0
#include "apps/host/settle.hpp"

#include <algorithm>
#include <exception>

#include "net/log.hpp"

namespace jitney::app {

namespace {

constexpr core::Duration kWait = std::chrono::seconds(2);           // without retry_after
constexpr core::Duration kLongestDelay = std::chrono::minutes(15);  // of any queue

void log_fault(net::LogLevel level, std::string_view what, const core::Message& message,
               const core::Error& error) {
  net::log(level, what,
           {{"message", core::to_string(message.kind)},
            {"key", message.key},
            {"fault", core::to_string(error.fault)},
            {"error", error.what}});
}

}  // namespace

core::Duration backoff(const SettleOptions& options, int failures, double spread) {
  const int doublings = std::clamp(failures - 1, 0, 20);
  const core::Duration whole =
      std::min(options.longest_backoff, options.first_backoff * (std::int64_t{1} << doublings));
  return whole - core::Duration(static_cast<std::int64_t>(static_cast<double>(whole.count()) / 2 *
                                                          std::clamp(spread, 0.0, 1.0)));
}

bool is_wait(core::Fault fault) {
  switch (fault) {
    case core::Fault::throttled:
    case core::Fault::not_ready:
    case core::Fault::no_capacity:
    case core::Fault::cancelled:
      return true;
    case core::Fault::invalid:
    case core::Fault::unauthorized:
    case core::Fault::not_found:
    case core::Fault::conflict:
    case core::Fault::transient:
      return false;
  }
  return false;
}

core::Result<Settled> settle(const core::Context& context, const core::Delivery& delivery,
                             const core::Error& error, const SettleOptions& options,
                             double spread) {
  const core::Time now = context.clock.now();
  core::Status done;
  auto settled = Settled::acknowledge;
  if (is_wait(error.fault)) {
    // A new message instead of the old one: its count of receives stands for failures only.
    log_fault(net::LogLevel::debug, "a function waits", delivery.message, error);
    done = context.queue.push(delivery.message,
                              std::min(kLongestDelay, error.retry_after.value_or(kWait)), now);
  } else if (error.fault == core::Fault::invalid || error.fault == core::Fault::not_found ||
             delivery.receives >= options.poison_receives) {
    log_fault(net::LogLevel::error, "a message is given up; see the dead letters", delivery.message,
              error);
    done = context.queue.bury(delivery.message, error.what, now);
  } else {
    log_fault(net::LogLevel::warning, "a function failed and will be tried again", delivery.message,
              error);
    const core::Duration pause =
        error.retry_after.value_or(backoff(options, delivery.receives, spread));
    done = context.queue.retry(delivery, std::min(kLongestDelay, pause), now);
    settled = Settled::returned;
  }
  // Whoever took it after our lease settles it.
  if (done || done.error().fault == core::Fault::not_found) return settled;
  log_fault(net::LogLevel::warning, "a message could not be settled; its lease will end",
            delivery.message, done.error());
  return std::unexpected(done.error());
}

core::Status carry_out(
    const core::Context& context, const core::Delivery& delivery, const SettleOptions& options,
    const std::function<core::Status(const core::Context&, const core::Message&)>& handle) {
  if (delivery.receives > options.poison_receives) {
    return core::fail(core::Fault::invalid,
                      "taken " + std::to_string(delivery.receives) +
                          " times and never finished: whoever took it died of it");
  }
  try {
    return handle(context, delivery.message);
  } catch (const std::exception& bug) {
    return core::fail(core::Fault::transient, std::string("exception: ") + bug.what());
  }
}

}  // namespace jitney::app
