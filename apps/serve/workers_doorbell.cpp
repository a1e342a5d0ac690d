// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "apps/serve/workers.hpp"

namespace jitney::app {

namespace {

// Coarse enough to keep the set of due times small, fine enough that nobody notices.
constexpr core::Duration kGrain{20};

}  // namespace

void Doorbell::ring() {
  {
    const std::lock_guard lock(mutex_);
    ++rings_;
  }
  changed_.notify_one();
}

void Doorbell::ring_after(core::Duration delay) {
  if (delay <= core::Duration::zero()) return ring();
  {
    const std::lock_guard lock(mutex_);
    const auto since_epoch = std::chrono::ceil<core::Duration>(Steady::now().time_since_epoch());
    // One grain late at most: a message must be due when the worker asks for it.
    const auto grains = (since_epoch + delay) / kGrain + 1;
    due_.insert(Steady::time_point(grains * kGrain));
    ++plans_;
  }
  changed_.notify_one();
}

std::uint64_t Doorbell::rings() const {
  const std::lock_guard lock(mutex_);
  return rings_;
}

void Doorbell::wait(std::uint64_t seen, core::Duration longest, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  const Steady::time_point limit = Steady::now() + longest;
  while (!stop.stop_requested() && rings_ == seen) {
    const Steady::time_point now = Steady::now();
    if (!due_.empty() && *due_.begin() <= now) {
      due_.erase(due_.begin(), due_.upper_bound(now));
      return;
    }
    if (now >= limit) return;
    const Steady::time_point until = due_.empty() ? limit : std::min(limit, *due_.begin());
    const std::uint64_t plans = plans_;
    changed_.wait_until(lock, stop, until, [&] { return rings_ != seen || plans_ != plans; });
  }
}

core::Status NotifyingQueue::push(const core::Message& message, core::Duration delay,
                                  core::Time now) {
  core::Status pushed = inner_.push(message, delay, now);
  if (pushed) bell_.ring_after(delay);
  return pushed;
}

core::Result<std::vector<core::Delivery>> NotifyingQueue::take(int max, core::Duration lease,
                                                               core::Time now) {
  return inner_.take(max, lease, now);
}

core::Status NotifyingQueue::done(const core::Delivery& delivery) { return inner_.done(delivery); }

core::Status NotifyingQueue::retry(const core::Delivery& delivery, core::Duration after,
                                   core::Time now) {
  core::Status given_back = inner_.retry(delivery, after, now);
  if (given_back) bell_.ring_after(after);
  return given_back;
}

core::Status NotifyingQueue::bury(const core::Message& message, const std::string& cause,
                                  core::Time now) {
  return inner_.bury(message, cause, now);
}

core::Result<std::vector<core::DeadLetter>> NotifyingQueue::dead_letters(std::size_t limit) {
  return inner_.dead_letters(limit);
}

core::Status NotifyingQueue::forget(core::MessageKind kind, const std::string& key) {
  return inner_.forget(kind, key);
}

core::Result<std::size_t> NotifyingQueue::depth() { return inner_.depth(); }

}  // namespace jitney::app
