// SPDX-License-Identifier: Apache-2.0
#include "apps/serve/poller.hpp"

#include <algorithm>
#include <exception>

#include "net/log.hpp"

namespace jitney::app {

namespace {

// A listing and the jobs of a run or two: fewer cannot finish one repository.
constexpr int kLeastCalls = 4;

}  // namespace

CallAllowance::CallAllowance(int calls_per_minute, Steady::time_point now)
    : per_minute_(calls_per_minute), saved_(calls_per_minute), at_(now) {}

int CallAllowance::take(int least, Steady::time_point now) {
  const double minutes = std::chrono::duration<double, std::ratio<60>>(now - at_).count();
  at_ = std::max(at_, now);
  saved_ = std::min(per_minute_, saved_ + std::max(0.0, minutes) * per_minute_);
  const int whole = static_cast<int>(saved_);
  if (whole < std::min(least, static_cast<int>(per_minute_)) || whole == 0) return 0;
  saved_ -= whole;
  return whole;
}

bool pause(const std::stop_token& stop, core::Duration time) {
  std::mutex mutex;
  std::condition_variable_any woken;
  std::unique_lock lock(mutex);
  woken.wait_for(lock, stop, time, [&] { return stop.stop_requested(); });
  return !stop.stop_requested();
}

Poller::Poller(PollerOptions options, NewContext context, Metrics& metrics)
    : options_(std::move(options)), context_(std::move(context)), metrics_(metrics) {}

void Poller::start() {
  {
    const std::lock_guard lock(mutex_);
    running_ = options_.calls_per_minute > 0 ? 2 : 1;
  }
  sweeper_ = std::jthread([this](const std::stop_token& stop) {
    sweep_until(stop);
    one_ended();
  });
  if (options_.calls_per_minute <= 0) return;
  asker_ = std::jthread([this](const std::stop_token& stop) {
    ask_until(stop);
    one_ended();
  });
}

Poller::~Poller() { stop(); }

void Poller::one_ended() {
  const std::lock_guard lock(mutex_);
  --running_;
  ended_.notify_all();
}

void Poller::stop() {
  sweeper_.request_stop();
  asker_.request_stop();
}

bool Poller::wait_stopped(core::Duration longest) {
  std::unique_lock lock(mutex_);
  return ended_.wait_until(lock, Steady::now() + longest, [this] { return running_ == 0; });
}

std::optional<core::Duration> Poller::since(std::int64_t at) {
  if (at == 0) return std::nullopt;
  return std::chrono::duration_cast<core::Duration>(Steady::now() -
                                                    Steady::time_point(Steady::duration(at)));
}

std::vector<std::string> Poller::missed() const {
  const std::lock_guard lock(mutex_);
  return missed_;
}

std::optional<std::string> Poller::trouble() const {
  // One sweep may take its whole function time; two in a row may not.
  const core::Duration allowed = 3 * options_.sweep_interval + 2 * options_.function_time;
  const auto age = sweep_age();
  const core::Duration silent =
      age.value_or(std::chrono::duration_cast<core::Duration>(Steady::now() - started_at_));
  if (silent <= allowed) return std::nullopt;
  return "no sweep has succeeded for " + core::describe(silent);
}

void Poller::sweep_until(const std::stop_token& stop) {
  bool first = true;
  Steady::time_point move_at = Steady::now() + options_.move_interval;
  do {
    try {
      sweep_once();
      if (Steady::now() >= move_at) {
        move_once();
        move_at = Steady::now() + options_.move_interval;
      }
    } catch (const std::exception& bug) {
      net::log(net::LogLevel::error, "a sweep caught an exception", {{"error", bug.what()}});
    }
    if (first) options_.after_first_sweep();
    first = false;
  } while (pause(stop, options_.sweep_interval));
}

void Poller::sweep_once() {
  const core::Context context = context_(options_.function_time);
  const auto swept = core::sweep(context);
  if (!swept) {
    metrics_.swept(context.clock.now(), false);
    net::log(net::LogLevel::warning, "the sweep failed; the next one tries again",
             {{"fault", core::to_string(swept.error().fault)}, {"error", swept.error().what}});
    return;
  }
  swept_at_ = Steady::now().time_since_epoch().count();
  if (swept->troubles.empty()) complete_at_ = swept_at_.load();
  {
    const std::lock_guard lock(mutex_);
    missed_ = swept->troubles;
  }
  metrics_.swept(context.clock.now(), swept->troubles.empty());
  for (const std::string& trouble : swept->troubles) {
    net::log(net::LogLevel::warning, "the sweep could not look at everything",
             {{"error", trouble}});
  }
  const bool acted = swept->orphans_stopped + swept->ghosts_removed + swept->runners_stopped +
                         swept->redelivered !=
                     0;
  net::log(acted ? net::LogLevel::info : net::LogLevel::debug, "swept",
           {{"machines", swept->machines},
            {"registrations", swept->registrations},
            {"orphans_stopped", swept->orphans_stopped},
            {"ghosts_removed", swept->ghosts_removed},
            {"runners_stopped", swept->runners_stopped},
            {"jobs_checked", swept->jobs_checked},
            {"redelivered", swept->redelivered},
            {"pruned", swept->pruned}});
}

void Poller::move_once() {
  const auto moved = core::move_jobs(context_(options_.function_time));
  if (!moved) {
    net::log(net::LogLevel::warning,
             "dead letters could not be looked at; the next hour tries again",
             {{"fault", core::to_string(moved.error().fault)}, {"error", moved.error().what}});
    return;
  }
  net::log(net::LogLevel::info, "looked at the dead letters",
           {{"redriven", moved->redriven},
            {"closed", moved->closed},
            {"kept", moved->kept},
            {"buried", moved->buried}});
}

void Poller::ask_until(const std::stop_token& stop) {
  CallAllowance allowance(options_.calls_per_minute, Steady::now());
  do {
    const int calls = allowance.take(kLeastCalls, Steady::now());
    if (calls == 0) continue;
    try {
      const auto events = core::poll(context_(options_.function_time), calls);
      if (!events) {
        net::log(
            net::LogLevel::warning, "GitHub could not be asked for open jobs",
            {{"fault", core::to_string(events.error().fault)}, {"error", events.error().what}});
      } else if (*events > 0) {
        net::log(net::LogLevel::debug, "asked GitHub for open jobs", {{"events", *events}});
      }
    } catch (const std::exception& bug) {
      net::log(net::LogLevel::error, "a poll caught an exception", {{"error", bug.what()}});
    }
  } while (pause(stop, options_.ask_interval));
}

}  // namespace jitney::app
