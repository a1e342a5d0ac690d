// SPDX-License-Identifier: Apache-2.0
#include "sim/world/ec2.hpp"

#include <algorithm>
#include <array>
#include <sstream>
#include <utility>

namespace jitney::sim {

using core::Duration;
using core::fail;
using core::Fault;
using namespace std::chrono_literals;

namespace {

constexpr core::Time kNever = core::Time::max();
constexpr int kRungs = 3;  // spot; spot of other types; on demand
constexpr std::array kZones{"a", "b", "c"};
constexpr std::array kTypes{"m7i.large", "m7a.large", "c7i.xlarge", "c7a.xlarge"};
// The script arms it before it ends, so that the agent can still report.
constexpr Duration kPowerOff = 60s;

struct Request {
  std::string pool;
  core::BatchId batch;
  int rung = 0;
  int count = 0;
};

// "ec2 v<template version> <pool> <batch> <rung> <count>"
std::optional<Request> parse(const std::string& text) {
  std::istringstream words(text);
  std::string ec2, version;
  Request request;
  words >> ec2 >> version >> request.pool >> request.batch >> request.rung >> request.count;
  if (!words || ec2 != "ec2" || request.count < 1) return std::nullopt;
  return request;
}

}  // namespace

Ec2::Ec2(Scheduler& scheduler, Random& random, const Mix& mix, Hooks hooks, const Pace& pace)
    : Machines(scheduler, random, mix, std::move(hooks)), pace_(pace), capacity_(random, mix) {
  const int load = random.chance(mix.busy_account) ? 990 : 0;
  const auto meter = [&](const char* action, int most, int per_second) {
    meters_.emplace(action,
                    Meter{most, per_second, Bucket(most, per_second, scheduler.now(), load)});
  };
  meter("launch", 50, 5);     // CreateFleet
  meter("stop", 100, 5);      // TerminateInstances
  meter("list", 100, 20);     // DescribeInstances with a filter
  meter("find", 100, 20);     // by id
  meter("answering", 40, 5);  // DescribeInstanceInformation
  meter("start", pace.commands, pace.commands_a_second);
}

void Ec2::relieve() {
  for (auto& [action, meter] : meters_) meter.bucket.relieve(meter.most, meter.per_second);
}

core::Status Ec2::metered(const char* action) {
  ++calls_;
  if (meters_.find(action)->second.bucket.take(scheduler_.now())) return {};
  return fail(Fault::throttled, std::string("RequestLimitExceeded: ") + action);
}

// The template's newest version is named: a launch that is composed again, not replayed, shows.
core::Result<std::string> Ec2::compose(const core::Pool& pool, const core::Batch& batch, int rung,
                                       int count) {
  if (rung >= kRungs) return fail(Fault::not_found, "no rung " + std::to_string(rung));
  return "ec2 v" + std::to_string(template_version_) + " " + pool.name + " " + batch.id + " " +
         std::to_string(rung) + " " + std::to_string(count);
}

core::Result<core::LaunchOutcome> Ec2::launch(const std::string& text, const std::string& token) {
  const auto request = parse(text);
  if (!request) return fail(Fault::invalid, "MalformedRequest");
  const auto known = repeated(token, text);
  if (!known) return std::unexpected(known.error());
  if (auto ok = metered("launch"); !ok) return std::unexpected(ok.error());
  if (*known != nullptr) return told(**known);
  if (random_.chance(mix_.launch_throttled)) {
    return fail(Fault::throttled, "RequestLimitExceeded",
                random_.between(Duration(1s), Duration(20s)));
  }
  Launch& made = launches_[token];
  made.request = text;
  fill(made, request->pool, request->batch, request->rung, request->count);
  return told(made);
}

// What there is, wherever it is; a message a place that had too little.
void Ec2::fill(Launch& launch, const std::string& pool, const core::BatchId& batch, int rung,
               int count) {
  const std::size_t first = rung == 0 ? 0 : 2;
  const bool spot = rung < kRungs - 1;
  for (std::size_t type = first; type < first + 2; ++type) {
    for (const char* zone : kZones) {
      const int wanted = count - static_cast<int>(launch.machines.size());
      if (wanted == 0) return;
      const int given = capacity_.take({kTypes[type], zone, spot}, wanted, scheduler_.now());
      for (int i = 0; i < given; ++i) launch.machines.push_back(boot(pool, batch, spot));
      if (given < wanted) {
        const bool strange = random_.chance(100);
        launch.faults.push_back(
            strange ? core::Error{Fault::transient, std::string("InternalError in ") + zone, {}}
                    : core::Error{Fault::no_capacity,
                                  std::string("InsufficientInstanceCapacity: ") + kTypes[type] +
                                      " in " + zone,
                                  {}});
      }
    }
  }
}

core::MachineId Ec2::boot(const std::string& pool, const core::BatchId& batch, bool spot) {
  Box box;
  box.id = "i-" + std::to_string(100'000 + next_++);
  box.pool = pool;
  box.batch = batch;
  box.spot = spot;
  box.launched_at = scheduler_.now();
  const bool slow = random_.chance(mix_.slow_boot);
  box.running_at = box.launched_at + random_.between(pace_.running);
  box.answers_at = random_.chance(mix_.never_answers)
                       ? kNever
                       : box.running_at + (slow ? random_.between(Duration(1min), Duration(12min))
                                                : random_.between(pace_.agent));
  const core::MachineId id = add(std::move(box)).id;
  if (random_.chance(mix_.fails_at_boot)) {
    scheduler_.after(random_.between(Duration(0), Duration(20s)), [this, id] {
      if (Box* const failed = alive(id)) end(*failed, "Server.InternalError");
    });
  } else {
    scheduler_.at(boxes_.at(id).running_at, [this, id] {
      if (Box* const running = alive(id)) tell(Notice::Kind::machine_running, *running, 1s);
    });
  }
  if (random_.chance(mix_.interrupted)) plan_interruption(id);
  return id;
}

// Spot capacity is taken back with two minutes' notice at best; any machine's host may fail.
void Ec2::plan_interruption(const core::MachineId& id) {
  scheduler_.after(random_.between(Duration(5s), Duration(30min)), [this, id] {
    Box* const hit = alive(id);
    if (hit == nullptr || mix_.interrupted == 0) return;
    if (!hit->spot || random_.chance(500)) return end(*hit, "interrupted");
    tell(Notice::Kind::interruption, *hit, 1s);
    scheduler_.after(2min, [this, id] {
      if (Box* const late = alive(id)) end(*late, "interrupted, as announced");
    });
  });
}

core::Result<std::vector<core::MachineId>> Ec2::answering(
    std::span<const core::MachineId> machines) {
  if (auto ok = metered("answering"); !ok) return std::unexpected(ok.error());
  std::vector<core::MachineId> answering;
  for (const core::MachineId& id : machines) {
    // The agent answers on, whatever became of the runner.
    const Box* const box = alive(id);
    if (box != nullptr && box->answers_at <= scheduler_.now()) answering.push_back(id);
  }
  return answering;
}

// SendCommand says only that the command was taken.
core::Status Ec2::start(const core::MachineId& machine, const core::RunnerName& runner,
                        const core::Secret& jit) {
  if (auto ok = metered("start"); !ok) return ok;
  const Box* const box = alive(machine);
  if (box == nullptr) return fail(Fault::not_found, "InvalidInstanceId: " + machine + " is gone");
  if (box->answers_at > scheduler_.now() || random_.chance(mix_.agent_flaps)) {
    return fail(Fault::not_ready, "InvalidInstanceId");
  }
  if (random_.chance(mix_.command_lost)) return {};
  const Duration until = random_.chance(mix_.command_late)
                             ? random_.between(Duration(30s), Duration(8min))
                             : random_.between(pace_.command);
  scheduler_.after(until, [this, machine, runner, secret = std::string(jit.reveal())] {
    deliver(machine, runner, secret);
  });
  return {};
}

void Ec2::deliver(const core::MachineId& machine, const core::RunnerName& runner,
                  const std::string& jit) {
  if (Box* const box = alive(machine)) begin(*box, runner, jit);
}

void Ec2::after_end(Box& box) {
  const core::MachineId id = box.id;
  scheduler_.after(kPowerOff, [this, id] {
    if (Box* const off = alive(id)) end(*off, "powered itself off");
  });
}

Duration Ec2::lag() { return random_.between(Duration(0), mix_.list_lag); }

// Whether a command ever ran, EC2 does not know; its end, SSM tells.
core::Machine Ec2::show(const Box& box, core::Time as_of) const {
  core::Machine shown;
  shown.id = box.id;
  shown.pool = box.pool;
  shown.batch = box.batch;
  shown.launched_at = box.launched_at;
  if (!box.alive() && box.gone_at <= as_of) {
    shown.state = core::MachineState::stopping;
  } else if (box.ended && box.ended_at <= as_of) {
    shown.state = core::MachineState::ended;
    shown.exit_code = box.exit_code;
  } else if (box.answers_at <= as_of) {
    shown.state = core::MachineState::running;
  }
  return shown;
}

}  // namespace jitney::sim
