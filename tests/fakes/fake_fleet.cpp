// SPDX-License-Identifier: Apache-2.0
#include "tests/fakes/fake_fleet.hpp"

#include <charconv>
#include <sstream>

namespace jitney::fakes {

namespace {

using core::Fault;
using core::Machine;
using core::MachineId;
using core::MachineState;

struct Request {
  std::string pool;
  core::BatchId batch;
  int count = 0;
};

std::string written(const Request& request, int rung) {
  return "pool " + request.pool + "\nbatch " + request.batch + "\ncount " +
         std::to_string(request.count) + "\nrung " + std::to_string(rung) + "\n";
}

// The rest of the next line, if it begins with `name`.
std::optional<std::string> next_value(std::istream& in, const std::string& name) {
  std::string line;
  if (!std::getline(in, line) || !line.starts_with(name + " ")) return std::nullopt;
  return line.substr(name.size() + 1);
}

core::Result<Request> parsed(const std::string& text) {
  std::istringstream in(text);
  const auto pool = next_value(in, "pool");
  const auto batch = next_value(in, "batch");
  const auto count = next_value(in, "count");
  Request request;
  if (count) std::from_chars(count->data(), count->data() + count->size(), request.count);
  if (!pool || !batch || request.count < 1) {
    return core::fail(Fault::invalid, "this is no launch request of compose()");
  }
  request.pool = *pool;
  request.batch = *batch;
  return request;
}

core::Error no_capacity(const std::string& pool) {
  return {Fault::no_capacity, "there is no room for another machine of pool " + pool};
}

}  // namespace

void FakeFleet::capacity(const std::string& pool, int most) {
  const std::scoped_lock lock(mutex_);
  capacity_[pool] = most;
}

void FakeFleet::fail_next(Fault fault, int times) {
  const std::scoped_lock lock(mutex_);
  fault_ = fault;
  faults_left_ = times;
}

void FakeFleet::rungs(int count) {
  const std::scoped_lock lock(mutex_);
  rungs_ = count;
}

void FakeFleet::boot_by_hand() {
  const std::scoped_lock lock(mutex_);
  boot_by_hand_ = true;
}

void FakeFleet::boot(const MachineId& machine) {
  const std::scoped_lock lock(mutex_);
  Row& row = machines_.at(machine);
  if (row.machine.state == MachineState::pending) row.machine.state = MachineState::running;
}

void FakeFleet::end_runner(const MachineId& machine, std::optional<int> exit_code) {
  const std::scoped_lock lock(mutex_);
  Row& row = machines_.at(machine);
  if (row.gone || row.starts == 0) return;
  row.machine.state = MachineState::ended;
  row.machine.exit_code = exit_code;
}

int FakeFleet::starts(const MachineId& machine) const {
  const std::scoped_lock lock(mutex_);
  const auto row = machines_.find(machine);
  return row == machines_.end() ? 0 : row->second.starts;
}

core::RunnerName FakeFleet::runner_on(const MachineId& machine) const {
  const std::scoped_lock lock(mutex_);
  const auto row = machines_.find(machine);
  return row == machines_.end() ? "" : row->second.runner;
}

core::Status FakeFleet::refuse() {
  if (faults_left_ == 0) return {};
  --faults_left_;
  return core::fail(fault_, "the fake fleet was told to fail");
}

int FakeFleet::live(const std::string& pool) const {
  int count = 0;
  for (const auto& [id, row] : machines_) {
    if (!row.gone && row.machine.pool == pool) ++count;
  }
  return count;
}

core::Result<std::string> FakeFleet::compose(const core::Pool& pool, const core::Batch& batch,
                                             int rung, int count) {
  const std::scoped_lock lock(mutex_);
  if (core::Status fine = refuse(); !fine) return std::unexpected(fine.error());
  if (rung < 0 || rung >= rungs_) {
    return core::fail(Fault::not_found, "there is no rung " + std::to_string(rung));
  }
  if (count < 1) return core::fail(Fault::invalid, "a launch is of one machine or more");
  return written({pool.name, batch.id, count}, rung);
}

core::Result<core::LaunchOutcome> FakeFleet::launch(const std::string& text,
                                                    const std::string& token) {
  const std::scoped_lock lock(mutex_);
  if (core::Status fine = refuse(); !fine) return std::unexpected(fine.error());
  const auto request = parsed(text);
  if (!request) return std::unexpected(request.error());
  if (const auto before = launched_.find(token); before != launched_.end()) {
    if (before->second.request != text) {
      return core::fail(Fault::invalid, "the token " + token + " stands for another request");
    }
    return outcome_of(before->second);
  }
  Launched launched{.request = text, .machines = {}, .faults = {}};
  const auto most = capacity_.find(request->pool);
  for (int index = 0; index < request->count; ++index) {
    if (most != capacity_.end() && live(request->pool) >= most->second) {
      launched.faults.push_back(no_capacity(request->pool));
      break;
    }
    Row row;
    row.machine.id = "fake-" + std::to_string(next_id_++);
    row.machine.pool = request->pool;
    row.machine.batch = request->batch;
    row.machine.state = boot_by_hand_ ? MachineState::pending : MachineState::running;
    row.machine.started = false;
    row.machine.launched_at = clock_.now();
    launched.machines.push_back(row.machine.id);
    machines_.emplace(row.machine.id, std::move(row));
  }
  // Nothing was made, so nothing is remembered: the same token may try again.
  if (launched.machines.empty()) return std::unexpected(launched.faults.front());
  return outcome_of(launched_.emplace(token, std::move(launched)).first->second);
}

core::LaunchOutcome FakeFleet::outcome_of(const Launched& launched) const {
  core::LaunchOutcome outcome{.machines = {}, .faults = launched.faults};
  for (const MachineId& id : launched.machines)
    outcome.machines.push_back(machines_.at(id).machine);
  return outcome;
}

core::Result<std::vector<MachineId>> FakeFleet::answering(std::span<const MachineId> machines) {
  const std::scoped_lock lock(mutex_);
  if (core::Status fine = refuse(); !fine) return std::unexpected(fine.error());
  std::vector<MachineId> answer;
  for (const MachineId& id : machines) {
    const auto row = machines_.find(id);
    if (row != machines_.end() && row->second.machine.state == MachineState::running) {
      answer.push_back(id);
    }
  }
  return answer;
}

core::Status FakeFleet::start(const MachineId& machine, const core::RunnerName& runner,
                              const core::Secret& jit) {
  const std::scoped_lock lock(mutex_);
  if (core::Status fine = refuse(); !fine) return fine;
  const auto found = machines_.find(machine);
  if (found == machines_.end() || found->second.gone) {
    return core::fail(Fault::not_found, "machine " + machine + " is gone");
  }
  Row& row = found->second;
  if (row.starts > 0) return {};
  if (row.machine.state == MachineState::pending) {
    return core::fail(Fault::not_ready, "machine " + machine + " does not answer yet");
  }
  if (jit.empty()) {
    return core::fail(Fault::invalid, "there is no JIT configuration for machine " + machine);
  }
  row.starts = 1;
  row.runner = runner;
  row.machine.started = true;
  return {};
}

core::Result<std::vector<MachineId>> FakeFleet::stop(std::span<const MachineId> machines) {
  const std::scoped_lock lock(mutex_);
  if (core::Status fine = refuse(); !fine) return std::unexpected(fine.error());
  for (const MachineId& id : machines) {
    const auto row = machines_.find(id);
    if (row == machines_.end()) continue;
    row->second.gone = true;
    row->second.machine.state = MachineState::stopping;
  }
  return std::vector<MachineId>(machines.begin(), machines.end());
}

core::Result<std::vector<Machine>> FakeFleet::list() {
  const std::scoped_lock lock(mutex_);
  if (core::Status fine = refuse(); !fine) return std::unexpected(fine.error());
  std::vector<Machine> all;
  for (const auto& [id, row] : machines_) {
    if (!row.gone) all.push_back(row.machine);
  }
  return all;
}

core::Result<std::optional<Machine>> FakeFleet::find(const MachineId& machine) {
  const std::scoped_lock lock(mutex_);
  if (core::Status fine = refuse(); !fine) return std::unexpected(fine.error());
  const auto row = machines_.find(machine);
  if (row == machines_.end() || row->second.gone) return std::nullopt;
  return row->second.machine;
}

}  // namespace jitney::fakes
