// SPDX-License-Identifier: Apache-2.0
// The knobs: what goes wrong, how often, and until when. Values; one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "core/time.hpp"

namespace jitney::sim {

// Strikes the next `next` times for certain, and else with `probability`.
struct Chance {
  double probability = 0;
  int next = 0;
  bool strikes(std::mt19937_64& random);
};

struct WebhookFaults {
  Chance lose;     // never sent, and no record of it
  Chance fail;     // recorded as failed ("failed to connect to host"): redelivery is possible
  Chance repeat;   // sent twice with the same GUID
  Chance delay;    // sent after `delay_by`, and so is all of that job that follows it
  Chance reorder;  // sent after up to `delay_by`, overtaken by what follows it
  core::Duration delay_by{std::chrono::seconds(2)};
};

// Refuses or slows REST calls.
struct CallFault {
  enum class Kind {
    status,     // answers `status` without doing anything
    primary,    // 403, x-ratelimit-remaining 0, reset after `retry_after`
    secondary,  // 403 with retry-after and GitHub's words on the secondary limit
    lost,       // does it, then answers `status` (502): the caller cannot know
    slow,       // does it, answers properly after `delay`
  };
  std::int64_t id = 0;
  Kind kind = Kind::status;
  std::string method = "*";
  std::string path = "*";  // '*' stands for any text; the path without /api/v3
  int status = 500;
  std::string message;  // empty: GitHub's usual words for the status
  core::Duration retry_after{0};
  core::Duration delay{0};
  std::optional<int> next;  // nullopt: until switched off
  double probability = 1;
};

// What the stand-in runner is told to do to itself.
struct RunnerFault {
  // Asking for a session; polling, before any job; given a job; with the job started.
  enum class When { session, polling, assigned, started };
  When when = When::session;
  std::optional<int> exit_code;  // nullopt: it kills itself with SIGKILL
  std::string name = "*";        // of the runner
  std::optional<int> next = 1;
  double probability = 1;
};

struct Outage {
  enum class Kind { none, unavailable, refused };  // 503; or nobody listens on the port
  Kind kind = Kind::none;
  std::optional<core::Time> until;
};

struct Faults {
  WebhookFaults webhooks;
  std::vector<CallFault> calls;
  std::vector<RunnerFault> runners;
  Outage outage;
  std::int64_t next_id = 1;

  // The first fault that matches, counted down. `path` without /api/v3 and query.
  std::optional<CallFault> on_call(const std::string& method, const std::string& path,
                                   std::mt19937_64& random);
  std::optional<RunnerFault> on_runner(RunnerFault::When when, const std::string& name,
                                       std::mt19937_64& random);
};

bool matches(std::string_view pattern, std::string_view text);  // '*' stands for any text

}  // namespace jitney::sim
