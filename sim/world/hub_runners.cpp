// SPDX-License-Identifier: Apache-2.0
// Runner processes: what actions/runner does with a JIT configuration, in events.
#include <charconv>

#include "sim/world/hub.hpp"

namespace jitney::sim {

using core::Duration;
using namespace std::chrono_literals;

namespace {

constexpr Duration kPoll = 20s;  // and heartbeat

}  // namespace

void Hub::run(const core::RunnerName& name, const std::string& jit) {
  Process process;
  std::from_chars(jit.data(), jit.data() + jit.size(), process.registration);
  process.life = next_life_++;
  const std::uint64_t life = process.life;
  processes_[name] = process;
  if (random_.chance(mix_.runner_dies)) {
    scheduler_.after(random_.between(Duration(1s), Duration(40s)), [this, name, life] {
      const auto at = processes_.find(name);
      if (at != processes_.end() && at->second.life == life && at->second.job == 0) {
        exit(name, 1);
      }
    });
  }
  scheduler_.after(random_.between(Duration(500), Duration(8s)),
                   [this, name, life] { connect(name, life); });
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
    process.job_ends = scheduler_.now() + random_.between(Duration(10s), Duration(8min));
    tell_all();
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
  if (session != 0) world_.close_session(session, scheduler_.now());
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
