// SPDX-License-Identifier: Apache-2.0
#include "core/runner.hpp"

#include <algorithm>

namespace jitney::core {

namespace {

using enum Phase;
using enum Event;

// docs/lifecycle.md is this table for people; core/lifecycle_doc_test.cpp keeps them equal.
constexpr auto kLifecycle = std::to_array<Edge>({
    {planned, machine_bound, launched},
    {planned, launch_abandoned, gone},
    {planned, job_ended, stopping},
    {planned, command_ended, stopping},
    {planned, machine_gone, gone},

    {launched, machine_bound, launched},
    {launched, machine_answered, ready},
    {launched, job_started, busy},
    {launched, job_ended, stopping},
    {launched, command_ended, stopping},
    {launched, machine_gone, gone},
    {launched, stop_requested, stopping},

    {ready, machine_bound, ready},
    {ready, machine_answered, ready},
    {ready, start_claimed, starting},
    {ready, job_started, busy},
    {ready, job_ended, stopping},
    {ready, command_ended, stopping},
    {ready, machine_gone, gone},
    {ready, stop_requested, stopping},

    {starting, machine_bound, starting},
    {starting, machine_answered, starting},
    {starting, start_claimed, starting},
    {starting, start_refused, launched},
    {starting, start_done, registered},
    {starting, job_started, busy},
    {starting, job_ended, stopping},
    {starting, command_ended, stopping},
    {starting, machine_gone, gone},
    {starting, stop_requested, stopping},

    {registered, machine_bound, registered},
    {registered, machine_answered, registered},
    {registered, start_done, registered},
    {registered, job_started, busy},
    {registered, job_ended, stopping},
    {registered, command_ended, stopping},
    {registered, machine_gone, gone},
    {registered, stop_requested, stopping},

    {busy, machine_bound, busy},
    {busy, machine_answered, busy},
    {busy, start_done, busy},
    {busy, job_started, busy},
    {busy, found_busy, busy},
    {busy, job_ended, stopping},
    {busy, command_ended, stopping},
    {busy, machine_gone, gone},
    {busy, job_overdue, stopping},

    {stopping, machine_bound, stopping},
    {stopping, machine_answered, stopping},
    {stopping, start_done, stopping},
    {stopping, job_started, stopping},
    {stopping, found_busy, busy},
    {stopping, job_ended, stopping},
    {stopping, command_ended, stopping},
    {stopping, job_overdue, stopping},
    {stopping, stop_requested, stopping},
    {stopping, machine_gone, gone},

    {gone, job_started, gone},
    {gone, job_ended, gone},
    {gone, command_ended, gone},
    {gone, machine_gone, gone},
    {gone, stop_requested, gone},
    {gone, launch_abandoned, gone},
});

consteval bool no_pair_twice() {
  for (std::size_t i = 0; i < kLifecycle.size(); ++i) {
    for (std::size_t j = i + 1; j < kLifecycle.size(); ++j) {
      if (kLifecycle[i].from == kLifecycle[j].from && kLifecycle[i].event == kLifecycle[j].event) {
        return false;
      }
    }
  }
  return true;
}

// An end that was seen must never be lost, whatever we believed before.
consteval bool every_end_is_taken() {
  for (int p = 0; p < kPhases; ++p) {
    for (const Event end : {job_ended, command_ended, machine_gone}) {
      bool taken = false;
      for (const Edge& edge : kLifecycle) {
        taken |= edge.from == static_cast<Phase>(p) && edge.event == end && edge.to >= stopping;
      }
      if (!taken) return false;
    }
  }
  return true;
}

consteval bool nothing_returns_from_gone() {
  for (const Edge& edge : kLifecycle) {
    if (edge.from == gone && edge.to != gone) return false;
  }
  return true;
}

// P6: a busy runner leaves only by proof of its end or by max_job_time.
consteval bool busy_is_left_only_by_proof() {
  for (const Edge& edge : kLifecycle) {
    if (edge.from == busy && edge.to != busy && edge.event != job_ended &&
        edge.event != command_ended && edge.event != machine_gone && edge.event != job_overdue) {
      return false;
    }
  }
  return true;
}

static_assert(no_pair_twice());
static_assert(every_end_is_taken());
static_assert(nothing_returns_from_gone());
static_assert(busy_is_left_only_by_proof());

}  // namespace

std::span<const Edge> lifecycle() { return kLifecycle; }

std::optional<Phase> next(Phase from, Event event) {
  for (const Edge& edge : kLifecycle) {
    if (edge.from == from && edge.event == event) return edge.to;
  }
  return std::nullopt;
}

std::string_view to_string(Phase phase) {
  switch (phase) {
    case planned:
      return "planned";
    case launched:
      return "launched";
    case ready:
      return "ready";
    case starting:
      return "starting";
    case registered:
      return "registered";
    case busy:
      return "busy";
    case stopping:
      return "stopping";
    case gone:
      return "gone";
  }
  return "unknown";
}

std::string_view to_string(Event event) {
  switch (event) {
    case machine_bound:
      return "machine_bound";
    case machine_answered:
      return "machine_answered";
    case start_claimed:
      return "start_claimed";
    case start_refused:
      return "start_refused";
    case start_done:
      return "start_done";
    case job_started:
      return "job_started";
    case job_ended:
      return "job_ended";
    case command_ended:
      return "command_ended";
    case machine_gone:
      return "machine_gone";
    case stop_requested:
      return "stop_requested";
    case job_overdue:
      return "job_overdue";
    case found_busy:
      return "found_busy";
    case launch_abandoned:
      return "launch_abandoned";
  }
  return "unknown";
}

std::optional<Phase> parse_phase(std::string_view text) {
  for (int i = 0; i < kPhases; ++i) {
    if (to_string(static_cast<Phase>(i)) == text) return static_cast<Phase>(i);
  }
  return std::nullopt;
}

std::optional<Event> parse_event(std::string_view text) {
  for (int i = 0; i < kEvents; ++i) {
    if (to_string(static_cast<Event>(i)) == text) return static_cast<Event>(i);
  }
  return std::nullopt;
}

namespace {

std::unexpected<Error> refuse(const Runner& runner, Event event, std::string_view why) {
  return fail(Fault::conflict, "runner " + runner.name + " is " +
                                   std::string(to_string(runner.phase)) + ": " +
                                   std::string(to_string(event)) + " refused, " + std::string(why));
}

// What the table cannot say, because it depends on more than the phase.
Status check(const Runner& runner, Event event, const Facts& facts, Time now) {
  if (event == machine_bound && !runner.machine.empty() && runner.machine != facts.machine) {
    return refuse(runner, event, "it has machine " + runner.machine + ", not " + facts.machine);
  }
  if (event == start_claimed && runner.phase == starting && runner.lease_until > now) {
    return refuse(runner, event, "another function holds its lease");
  }
  if (event == found_busy && runner.phase == stopping && (runner.end_proved || runner.overdue)) {
    return refuse(runner, event, "its end is settled: " + runner.reason);
  }
  return {};
}

void absorb(Runner& runner, Event event, const Facts& facts) {
  if (!facts.machine.empty() && runner.machine.empty()) runner.machine = facts.machine;
  if (facts.forge_id != 0) runner.forge_id = facts.forge_id;
  if (facts.exit_code && !runner.exit_code) runner.exit_code = facts.exit_code;
  switch (event) {
    case start_claimed:
      runner.minted = true;
      runner.lease_until = facts.lease_until;
      break;
    case start_done:
      runner.minted = true;
      break;
    case job_started:
    case job_ended:
      runner.minted = true;
      runner.had_job = true;
      if (facts.job != 0) runner.job = facts.job;
      runner.end_proved |= event == job_ended;
      break;
    case found_busy:
      runner.had_job = true;
      runner.reason.clear();
      break;
    case command_ended:
    case machine_gone:
      runner.end_proved = true;
      break;
    case job_overdue:
      runner.overdue = true;
      break;
    case machine_bound:
    case machine_answered:
    case start_refused:
    case stop_requested:
    case launch_abandoned:
      break;
  }
}

std::string default_reason(Event event, const Facts& facts) {
  switch (event) {
    case job_ended:
      return "job ended";
    case command_ended:
      return facts.exit_code
                 ? "runner process ended with exit code " + std::to_string(*facts.exit_code)
                 : "runner process ended";
    case machine_gone:
      return "machine gone";
    case machine_bound:
    case machine_answered:
    case start_claimed:
    case start_refused:
    case start_done:
    case job_started:
    case stop_requested:
    case job_overdue:
    case found_busy:
    case launch_abandoned:
      break;
  }
  return std::string(to_string(event));
}

}  // namespace

Result<Runner> advance(const Runner& runner, Event event, const Facts& facts, Time now) {
  const std::optional<Phase> to = next(runner.phase, event);
  if (!to) return refuse(runner, event, "the lifecycle has no such step");
  if (Status ok = check(runner, event, facts, now); !ok) return std::unexpected(ok.error());

  Runner after = runner;
  absorb(after, event, facts);
  if (*to != runner.phase) {
    after.phase = *to;
    after.phase_since = now;
    if (*to >= stopping && after.reason.empty()) {
      after.reason = facts.reason.empty() ? default_reason(event, facts) : facts.reason;
    }
  }
  if (after != runner) after.version += 1;
  return after;
}

}  // namespace jitney::core
