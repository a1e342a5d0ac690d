// SPDX-License-Identifier: Apache-2.0
// Runner processes: what actions/runner does with a JIT configuration, in events.
#include <array>
#include <charconv>

#include "sim/world/hub.hpp"

namespace jitney::sim {

using core::Duration;
using namespace std::chrono_literals;

namespace {

constexpr Duration kPoll = 20s;  // and heartbeat
// Terminated, retryable, updating, updating itself, version refused: facts of the runner's source.
constexpr std::array kEarlyEnds{1, 1, 2, 3, 4, 7};

}  // namespace

void Hub::run(const core::RunnerName& name, const std::string& jit) {
  Process process;
  std::from_chars(jit.data() + kJitMark.size(), jit.data() + jit.size(), process.registration);
  process.life = next_life_++;
  const std::uint64_t life = process.life;
  processes_[name] = process;
  if (random_.chance(mix_.runner_dies)) plan_end(name, life, false);
  scheduler_.after(random_.between(pace_.listener), [this, name, life] { connect(name, life); });
}

// Its sudden end: before it takes a job, or at work on one.
void Hub::plan_end(const core::RunnerName& name, std::uint64_t life, bool at_work) {
  const Duration latest = at_work ? Duration(5min) : Duration(40s);
  scheduler_.after(random_.between(Duration(1s), latest), [this, name, life, at_work] {
    const auto at = processes_.find(name);
    if (at == processes_.end() || at->second.life != life) return;
    if ((at->second.job != 0) != at_work) return;
    if (at_work || random_.chance(200)) return exit(name, std::nullopt);
    exit(name, kEarlyEnds[static_cast<std::size_t>(random_.below(kEarlyEnds.size()))]);
  });
}

void Hub::again(const core::RunnerName& name, std::uint64_t life, Duration delay) {
  scheduler_.after(delay, [this, name, life] { step(name, life); });
}

void Hub::connect(const core::RunnerName& name, std::uint64_t life) {
  const auto at = processes_.find(name);
  if (at == processes_.end() || at->second.life != life) return;
  if (outage_) {
    scheduler_.after(30s, [this, name, life] { connect(name, life); });
    return;
  }
  const auto session = world_.open_session(at->second.registration, scheduler_.now());
  if (!session) return exit(name, session.error() == SessionEnd::gone ? 1 : 5);
  at->second.session = *session;
  step(name, life);
}

void Hub::step(const core::RunnerName& name, std::uint64_t life) {
  const auto at = processes_.find(name);
  if (at == processes_.end() || at->second.life != life) return;
  Process& process = at->second;
  if (process.job != 0) return work(name, process);
  const Runner* runner = world_.runner_of_session(process.session);
  if (runner == nullptr)
    return exit(name, 0);  // registration deleted: the real one cleans up and ends
  if (!runner->busy()) {
    static_cast<void>(world_.poll(process.session, scheduler_.now()));
    tick();
  }
  // The tick may have ended the registration, or given it a job.
  if (Job* job = world_.message(process.session, scheduler_.now())) {
    if (!world_.start(process.session, job->id, scheduler_.now())) return exit(name, 0);
    process.job = job->id;
    process.job_ends = scheduler_.now() + random_.between(pace_.work);
    tell_all();
    if (random_.chance(mix_.job_kills)) plan_end(name, life, true);
    return again(name, life, kPoll);
  }
  again(name, life, 5s);
}

void Hub::work(const core::RunnerName& name, Process& process) {
  const Job* job = world_.heartbeat(process.session, process.job, scheduler_.now());
  if (job == nullptr) return exit(name, 0);
  const bool over = scheduler_.now() >= process.job_ends;
  if (!over && !job->cancel_requested) {
    const Duration left = process.job_ends - scheduler_.now();
    return again(name, process.life, std::min(kPoll, std::max(left, Duration(1))));
  }
  static_cast<void>(world_.finish(process.session, process.job,
                                  job->cancel_requested ? "cancelled" : "success",
                                  scheduler_.now()));
  tell_all();
  exit(name, 0);
}

void Hub::exit(const core::RunnerName& name, std::optional<int> code) {
  const auto at = processes_.find(name);
  if (at == processes_.end()) return;
  const std::int64_t session = at->second.session;
  processes_.erase(at);
  if (session != 0 && code) world_.close_session(session, scheduler_.now());
  if (session != 0 && !code) world_.poll_ended(session, scheduler_.now());  // killed: no goodbye
  tick();
  hooks_.runner_ended(name, code);
}

void Hub::power_off(const core::RunnerName& name) {
  const auto at = processes_.find(name);
  if (at == processes_.end()) return;
  if (at->second.session != 0) world_.poll_ended(at->second.session, scheduler_.now());
  processes_.erase(at);
}

bool Hub::runs_a_job(const core::RunnerName& name) const {
  const auto at = processes_.find(name);
  return at != processes_.end() && at->second.job != 0;
}

}  // namespace jitney::sim
