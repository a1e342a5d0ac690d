// SPDX-License-Identifier: Apache-2.0
// The line between the core and each port: latency, lost answers, death at any call. A killed fiber
// makes no further call. One thread; only meant for fibers of the Scheduler.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "core/fleet.hpp"
#include "core/forge.hpp"
#include "core/ledger.hpp"
#include "core/queue.hpp"
#include "sim/world/mix.hpp"
#include "sim/world/random.hpp"
#include "sim/world/scheduler.hpp"

namespace jitney::sim {

class Line {
 public:
  // How long a call takes, by its name.
  using Latency = std::function<core::Duration(std::string_view name)>;

  // Without `latency`, calls take what the mix says.
  Line(Scheduler& scheduler, Random& random, const Mix& mix, Latency latency = {})
      : scheduler_(scheduler), random_(random), mix_(mix), latency_(std::move(latency)) {}

  template <class Call>
  auto through(const char* name, Call&& call) -> decltype(call()) {
    if (!scheduler_.inside()) return call();
    const core::Duration told = latency_ ? latency_(name) : core::Duration{};
    pause(told / 2);
    if (random_.chance(mix_.die_before)) scheduler_.die();
    if (random_.chance(mix_.fail_before)) return lost(name, "was not sent");
    auto answer = call();
    pause(told / 2);
    if (random_.chance(mix_.die_after)) scheduler_.die();
    if (random_.chance(mix_.fail_after)) return lost(name, "was not answered");
    return answer;
  }

  // How many of so many are carried out: all, or with a lost answer's rate fewer.
  std::size_t cut(std::size_t all) {
    if (all < 2 || !scheduler_.inside() || !random_.chance(mix_.fail_after)) return all;
    return static_cast<std::size_t>(random_.below(all));
  }

 private:
  std::unexpected<core::Error> lost(const char* name, const char* how) {
    return core::fail(core::Fault::transient, std::string(name) + " " + how);
  }
  void pause(core::Duration told) {
    if (latency_) return scheduler_.pause(told);
    const bool crawl = random_.chance(5);
    scheduler_.pause(random_.between(core::Duration(0), crawl ? 20 * mix_.slow : mix_.slow));
  }

  Scheduler& scheduler_;
  Random& random_;
  const Mix& mix_;
  const Latency latency_;
};

// What an observer sees of the writes; the invariants are one.
class Witness {
 public:
  virtual ~Witness() = default;
  virtual void claimed(const core::Batch& batch) = 0;
  // A text that is stored or sent where a secret must never be.
  virtual void wrote(std::string_view where, std::string_view text) = 0;
};

class FaultyLedger final : public core::Ledger {
 public:
  FaultyLedger(core::Ledger& inner, Line& line, Witness& witness)
      : inner_(inner), line_(line), witness_(witness) {}

  core::Result<std::vector<core::Recorded>> record(
      std::span<const core::JobEvent> events) override {
    return line_.through("ledger.record", [&] {
      // A storage whose transactions are small may have stopped half-way.
      const std::size_t some = line_.cut(events.size());
      auto recorded = inner_.record(events.first(some));
      if (recorded && some < events.size()) {
        return core::Result<std::vector<core::Recorded>>(
            core::fail(core::Fault::transient, "ledger.record stopped half-way"));
      }
      return recorded;
    });
  }
  core::Result<core::Claimed> claim(const core::Batch& batch, std::int64_t version,
                                    int max) override {
    witness_.wrote("a request", batch.request);
    return line_.through("ledger.claim", [&] {
      auto claimed = inner_.claim(batch, version, max);
      if (claimed && *claimed == core::Claimed::ok) witness_.claimed(batch);
      return claimed;
    });
  }
  core::Result<core::Runner> advance(const core::RunnerName& name, core::Event event,
                                     const core::Facts& facts, core::Time now) override {
    witness_.wrote("a runner's reason", facts.reason);
    return line_.through("ledger.advance", [&] { return inner_.advance(name, event, facts, now); });
  }
  core::Result<core::Batch> update(const core::Batch& batch, core::Time now,
                                   std::string_view text) override {
    witness_.wrote("a batch", batch.request + batch.waiting);
    witness_.wrote("a batch's timeline", text);
    return line_.through("ledger.update", [&] { return inner_.update(batch, now, text); });
  }
  core::Result<core::Job> fail(core::JobId job, const std::string& key, const core::Error& error,
                               const core::RetryPolicy& policy, core::Time now) override {
    witness_.wrote("a failure", key + error.what);
    return line_.through("ledger.fail", [&] { return inner_.fail(job, key, error, policy, now); });
  }
  core::Result<core::Job> bury(core::JobId job, const core::Death& death) override {
    witness_.wrote("a death", death.cause);
    return line_.through("ledger.bury", [&] { return inner_.bury(job, death); });
  }
  core::Result<core::Job> redrive(core::JobId job, core::Time now) override {
    return line_.through("ledger.redrive", [&] { return inner_.redrive(job, now); });
  }
  core::Status checked(core::JobId job, core::Time now) override {
    return line_.through("ledger.checked", [&] { return inner_.checked(job, now); });
  }
  core::Result<core::Snapshot> snapshot_with(std::string_view pool,
                                             std::span<const std::string> notes) override {
    return line_.through("ledger.snapshot", [&] { return inner_.snapshot_with(pool, notes); });
  }
  core::Result<std::optional<core::Job>> job(core::JobId id) override {
    return line_.through("ledger.job", [&] { return inner_.job(id); });
  }
  core::Result<std::vector<core::Job>> jobs(const core::JobFilter& filter) override {
    return line_.through("ledger.jobs", [&] { return inner_.jobs(filter); });
  }
  core::Result<std::optional<core::Runner>> runner(const core::RunnerName& name) override {
    return line_.through("ledger.runner", [&] { return inner_.runner(name); });
  }
  core::Result<std::vector<core::Runner>> runners_named(
      std::span<const core::RunnerName> names) override {
    return line_.through("ledger.runners_named", [&] { return inner_.runners_named(names); });
  }
  core::Result<std::optional<core::Runner>> runner_on(const core::MachineId& machine) override {
    return line_.through("ledger.runner_on", [&] { return inner_.runner_on(machine); });
  }
  core::Result<std::optional<core::Batch>> batch(const core::BatchId& id) override {
    return line_.through("ledger.batch", [&] { return inner_.batch(id); });
  }
  core::Result<std::vector<core::Runner>> live_runners() override {
    return line_.through("ledger.live_runners", [&] { return inner_.live_runners(); });
  }
  core::Result<std::vector<core::TimelineEntry>> timeline(std::string_view subject) override {
    return line_.through("ledger.timeline", [&] { return inner_.timeline(subject); });
  }
  core::Status append(std::span<const core::TimelineEntry> entries) override {
    for (const core::TimelineEntry& entry : entries) witness_.wrote("a timeline", entry.text);
    return line_.through("ledger.append", [&] { return inner_.append(entries); });
  }
  core::Result<std::optional<core::Note>> note(std::string_view key) override {
    return line_.through("ledger.note", [&] { return inner_.note(key); });
  }
  core::Result<std::vector<core::Note>> notes(std::string_view prefix) override {
    return line_.through("ledger.notes", [&] { return inner_.notes(prefix); });
  }
  core::Status put(const core::Note& note) override {
    witness_.wrote("a note", note.key + note.value);
    return line_.through("ledger.put", [&] { return inner_.put(note); });
  }
  core::Status erase_note(std::string_view key) override {
    return line_.through("ledger.erase_note", [&] { return inner_.erase_note(key); });
  }
  core::Result<std::size_t> prune(core::Time before, core::Time now) override {
    return line_.through("ledger.prune", [&] { return inner_.prune(before, now); });
  }

 private:
  core::Ledger& inner_;
  Line& line_;
  Witness& witness_;
};

class FaultyQueue final : public core::Queue {
 public:
  FaultyQueue(core::Queue& inner, Line& line, Witness& witness)
      : inner_(inner), line_(line), witness_(witness) {}

  core::Status push(const core::Message& message, core::Duration delay, core::Time now) override {
    witness_.wrote("a message", message.key + message.detail);
    return line_.through("queue.push", [&] { return inner_.push(message, delay, now); });
  }
  core::Result<std::vector<core::Delivery>> take(int max, core::Duration lease,
                                                 core::Time now) override {
    return inner_.take(max, lease, now);
  }
  core::Status done(const core::Delivery& delivery) override {
    return line_.through("queue.done", [&] { return inner_.done(delivery); });
  }
  core::Status retry(const core::Delivery& delivery, core::Duration after,
                     core::Time now) override {
    return line_.through("queue.retry", [&] { return inner_.retry(delivery, after, now); });
  }
  core::Status bury(const core::Message& message, const std::string& cause,
                    core::Time now) override {
    witness_.wrote("a dead letter", message.key + message.detail + cause);
    return line_.through("queue.bury", [&] { return inner_.bury(message, cause, now); });
  }
  core::Result<std::vector<core::DeadLetter>> dead_letters(std::size_t limit) override {
    return line_.through("queue.dead_letters", [&] { return inner_.dead_letters(limit); });
  }
  core::Status forget(core::MessageKind kind, const std::string& key) override {
    return line_.through("queue.forget", [&] { return inner_.forget(kind, key); });
  }
  core::Result<std::size_t> depth() override { return inner_.depth(); }

 private:
  core::Queue& inner_;
  Line& line_;
  Witness& witness_;
};

class FaultyFleet final : public core::Fleet {
 public:
  FaultyFleet(core::Fleet& inner, Line& line) : inner_(inner), line_(line) {}

  core::Result<std::string> compose(const core::Pool& pool, const core::Batch& batch, int rung,
                                    int count) override {
    return line_.through("fleet.compose", [&] { return inner_.compose(pool, batch, rung, count); });
  }
  core::Result<core::LaunchOutcome> launch(const std::string& request,
                                           const std::string& token) override {
    return line_.through("fleet.launch", [&] { return inner_.launch(request, token); });
  }
  core::Result<std::vector<core::MachineId>> answering(
      std::span<const core::MachineId> machines) override {
    return line_.through("fleet.answering", [&] { return inner_.answering(machines); });
  }
  core::Status start(const core::MachineId& machine, const core::RunnerName& runner,
                     const core::Secret& jit) override {
    return line_.through("fleet.start", [&] { return inner_.start(machine, runner, jit); });
  }
  core::Result<std::vector<core::MachineId>> stop(
      std::span<const core::MachineId> machines) override {
    return line_.through("fleet.stop", [&] { return inner_.stop(machines); });
  }
  core::Result<std::vector<core::Machine>> list() override {
    return line_.through("fleet.list", [&] { return inner_.list(); });
  }
  core::Result<std::optional<core::Machine>> find(const core::MachineId& machine) override {
    return line_.through("fleet.find", [&] { return inner_.find(machine); });
  }

 private:
  core::Fleet& inner_;
  Line& line_;
};

class FaultyForge final : public core::Forge {
 public:
  FaultyForge(core::Forge& inner, Line& line) : inner_(inner), line_(line) {}

  core::Result<core::Minted> mint(const core::RunnerName& name, std::span<const std::string> labels,
                                  std::int64_t group) override {
    return line_.through("forge.mint", [&] { return inner_.mint(name, labels, group); });
  }
  core::Result<std::optional<core::Registration>> find(const core::RunnerName& name) override {
    return line_.through("forge.find", [&] { return inner_.find(name); });
  }
  core::Result<core::Removal> remove(core::ForgeId id) override {
    return line_.through("forge.remove", [&] { return inner_.remove(id); });
  }
  core::Result<std::vector<core::Registration>> runners() override {
    return line_.through("forge.runners", [&] { return inner_.runners(); });
  }
  core::Result<core::JobEvent> job(const std::string& repository, core::JobId id) override {
    return line_.through("forge.job", [&] { return inner_.job(repository, id); });
  }
  core::Result<std::vector<core::JobEvent>> run_jobs(const std::string& repository,
                                                     std::int64_t run) override {
    return line_.through("forge.run_jobs", [&] { return inner_.run_jobs(repository, run); });
  }
  core::Result<std::vector<std::string>> repositories() override {
    return line_.through("forge.repositories", [&] { return inner_.repositories(); });
  }
  core::Result<std::vector<core::JobEvent>> open_jobs(const std::string& repository) override {
    return line_.through("forge.open_jobs", [&] { return inner_.open_jobs(repository); });
  }
  core::Result<core::Deliveries> failed_deliveries(core::Time since) override {
    return line_.through("forge.failed_deliveries",
                         [&] { return inner_.failed_deliveries(since); });
  }
  core::Status redeliver(std::int64_t delivery) override {
    return line_.through("forge.redeliver", [&] { return inner_.redeliver(delivery); });
  }
  std::optional<core::CallBudget> budget() override { return inner_.budget(); }

 private:
  core::Forge& inner_;
  Line& line_;
};

}  // namespace jitney::sim
