// SPDX-License-Identifier: Apache-2.0
#include "apps/serve/workers.hpp"

#include <algorithm>
#include <exception>

#include "net/log.hpp"

namespace jitney::app {

namespace {

using Steady = std::chrono::steady_clock;

// Beyond these the sweep, which lists all machines, is the one to find them.
constexpr std::size_t kWaitingEnds = 4096;
constexpr int kEndTries = 6;
// A lease outlives its function by this, so that an answer on the last moment still counts.
constexpr core::Duration kLeaseMargin = std::chrono::seconds(5);
// Three times its allowance: the thread hangs.
constexpr int kStuckFactor = 3;

std::int64_t steady_now() { return Steady::now().time_since_epoch().count(); }

void log_fault(net::LogLevel level, std::string_view what, const core::Message& message,
               const core::Error& error) {
  net::log(level, what,
           {{"message", core::to_string(message.kind)},
            {"key", message.key},
            {"fault", core::to_string(error.fault)},
            {"error", error.what}});
}

}  // namespace

Workers::Workers(WorkerOptions options, NewContext context, Doorbell& bell)
    : options_(std::move(options)),
      context_(std::move(context)),
      bell_(bell),
      random_(std::random_device{}()) {}

Workers::~Workers() {
  stop();
  threads_.clear();
}

void Workers::start() {
  const std::lock_guard lock(mutex_);
  if (stopped_ || !threads_.empty()) return;
  for (int i = 0; i < options_.threads; ++i) {
    busy_since_.push_back(std::make_unique<std::atomic<std::int64_t>>(0));
    ++running_;
    threads_.emplace_back([this, busy = busy_since_.back().get()](const std::stop_token& token) {
      run(token, *busy);
    });
  }
}

void Workers::stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  for (std::jthread& thread : threads_) thread.request_stop();
}

bool Workers::wait_stopped(core::Duration longest) {
  std::unique_lock lock(mutex_);
  return ended_.wait_until(lock, Steady::now() + longest, [this] { return running_ == 0; });
}

void Workers::runner_ended(core::MachineId machine, std::optional<int> exit_code) {
  {
    const std::lock_guard lock(mutex_);
    if (ends_.size() >= kWaitingEnds) return;
    ends_.push_back({.machine = std::move(machine), .exit_code = exit_code, .tries = 0, .due = {}});
  }
  bell_.ring();
}

bool Workers::started() const {
  const std::lock_guard lock(mutex_);
  return !threads_.empty();
}

std::optional<std::string> Workers::trouble() const {
  const std::lock_guard lock(mutex_);
  if (threads_.empty()) return "workers have not started: the first sweep is still under way";
  if (stopped_) return "draining: no new work is begun";
  const auto allowed = std::chrono::nanoseconds(options_.function_time) * kStuckFactor;
  const auto stuck = std::ranges::count_if(busy_since_, [&](const auto& since) {
    const std::int64_t at = since->load();
    return at != 0 && steady_now() - at > allowed.count();
  });
  if (stuck == 0) return std::nullopt;
  return std::to_string(stuck) + " of " + std::to_string(threads_.size()) +
         " workers have been in one function for over " +
         core::describe(options_.function_time * kStuckFactor);
}

void Workers::run(const std::stop_token& stop, std::atomic<std::int64_t>& busy_since) {
  while (!stop.stop_requested()) {
    const std::uint64_t seen = bell_.rings();
    busy_since = steady_now();
    bool worked = false;
    try {
      const bool ended = one_end();
      worked = one_message(stop) || ended;
    } catch (const std::exception& bug) {
      net::log(net::LogLevel::error, "a worker caught an exception; the message comes back",
               {{"error", bug.what()}});
    }
    busy_since = 0;
    if (!worked) bell_.wait(seen, options_.longest_sleep, stop);
  }
  {
    const std::lock_guard lock(mutex_);
    --running_;
    ended_.notify_all();
  }
}

bool Workers::one_end() {
  End end;
  {
    const std::lock_guard lock(mutex_);
    const auto due = std::ranges::find_if(
        ends_, [now = Steady::now()](const End& one) { return one.due <= now; });
    if (due == ends_.end()) return false;
    end = std::move(*due);
    ends_.erase(due);
  }
  const core::Status done =
      options_.runner_ended(context_(options_.function_time), end.machine, end.exit_code);
  if (done) return true;
  ++end.tries;
  net::log(end.tries < kEndTries ? net::LogLevel::debug : net::LogLevel::warning,
           "the end of a runner could not be settled yet",
           {{"machine", end.machine}, {"tries", end.tries}, {"error", done.error().what}});
  if (end.tries >= kEndTries) return true;  // the sweep finds the ended machine
  const core::Duration pause =
      done.error().retry_after.value_or(backoff(options_.settle, end.tries, spread()));
  end.due = Steady::now() + pause;
  {
    const std::lock_guard lock(mutex_);
    ends_.push_back(std::move(end));
  }
  bell_.ring_after(pause);
  return true;
}

bool Workers::one_message(const std::stop_token& stop) {
  const core::Context context = context_(options_.function_time);
  const auto taken =
      context.queue.take(1, options_.function_time + kLeaseMargin, context.clock.now());
  if (!taken) {
    net::log(net::LogLevel::error, "the queue cannot be read", {{"error", taken.error().what}});
    return false;  // sleeps before it looks again
  }
  if (taken->empty()) return false;
  bell_.ring();  // where one was, there may be more: let a second worker look
  const core::Delivery& delivery = taken->front();
  if (stop.stop_requested()) {
    const core::Status given_back =
        context.queue.retry(delivery, core::Duration::zero(), context.clock.now());
    if (!given_back) {
      log_fault(net::LogLevel::warning, "a message could not be given back; its lease will end",
                delivery.message, given_back.error());
    }
    return true;
  }
  carry_out(context, delivery);
  return true;
}

void Workers::carry_out(const core::Context& context, const core::Delivery& delivery) {
  const core::Status outcome = app::carry_out(context, delivery, options_.settle, options_.handle);
  if (!outcome) {
    const auto settled = settle(context, delivery, outcome.error(), options_.settle, spread());
    if (!settled || *settled == Settled::returned) return;
  }
  const core::Status done = context.queue.done(delivery);
  // Whoever took it after our lease finds nothing left to do.
  if (!done && done.error().fault != core::Fault::not_found) {
    log_fault(net::LogLevel::warning, "a finished message could not be removed; it will run again",
              delivery.message, done.error());
  }
}

double Workers::spread() {
  const std::lock_guard lock(mutex_);
  return std::uniform_real_distribution<double>(0, 1)(random_);
}

}  // namespace jitney::app
