// SPDX-License-Identifier: Apache-2.0
// One scope of GitHub (a repository, organisation or enterprise with its credentials). A port:
// github::RestForge, and the fake; both pass tests/contract/forge_contract.hpp. Thread-safe.
//
// Faults of every call: `throttled` with retry_after (primary or secondary rate limit),
// `unauthorized` (401, or 403 that is no rate limit), `transient` (unreachable, 5xx, timeout),
// `cancelled` (deadline).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/job.hpp"
#include "core/runner.hpp"
#include "core/secret.hpp"

namespace jitney::core {

struct Registration {
  ForgeId id = 0;
  RunnerName name;
  bool online = false;
  bool busy = false;
};

struct Minted {
  ForgeId id = 0;
  Secret jit;  // base64 JSON of the three files: facts in docs/formats.md
};

enum class Removal { removed, absent, busy };  // busy: a job runs on it; nothing was changed

// A webhook delivery that GitHub could not hand over.
struct FailedDelivery {
  std::int64_t id = 0;
  std::string guid;
  Time at{};
};
struct Deliveries {
  std::vector<FailedDelivery> failed;  // whose guid has no later success
  Time seen_until{};                   // all deliveries up to here were looked at
};

struct CallBudget {
  std::int64_t limit = 0;
  std::int64_t remaining = 0;
  Time resets_at{};
};

class Forge {
 public:
  virtual ~Forge() = default;

  // generate-jitconfig. `conflict`: the name is taken (409). `invalid`: refused for good (422).
  // `not_found`: no such scope or runner group. `no_capacity`: the runner group is full.
  virtual Result<Minted> mint(const RunnerName& name, std::span<const std::string> labels,
                              std::int64_t runner_group) = 0;

  virtual Result<std::optional<Registration>> find(const RunnerName& name) = 0;
  virtual Result<Removal> remove(ForgeId id) = 0;

  // All registrations whose name begins with `<deployment>-`, all pages.
  virtual Result<std::vector<Registration>> runners() = 0;

  // `not_found`: GitHub does not know it (any more): repository deleted, or out of scope.
  virtual Result<JobEvent> job(const std::string& repository, JobId id) = 0;
  virtual Result<std::vector<JobEvent>> run_jobs(const std::string& repository,
                                                 std::int64_t run) = 0;

  // The repositories this scope can see and that `poll` may ask about; of very many, the first
  // 10,000.
  virtual Result<std::vector<std::string>> repositories() = 0;
  // Jobs of queued and in-progress runs of one repository. One call a run, plus pages.
  virtual Result<std::vector<JobEvent>> open_jobs(const std::string& repository) = 0;

  // Deliveries of our webhooks that failed since `since`. Empty when the credentials cannot see
  // them.
  virtual Result<Deliveries> failed_deliveries(Time since) = 0;
  virtual Status redeliver(std::int64_t delivery) = 0;

  // As of the last answer; nullopt before the first. Makes no call.
  virtual std::optional<CallBudget> budget() = 0;
};

}  // namespace jitney::core
