// SPDX-License-Identifier: Apache-2.0
// A GitHub that people and tests can run: REST, webhooks, and the service that stand-in runners
// talk to, on loopback. Nothing outlives the object.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "core/secret.hpp"
#include "sim/github/state.hpp"

namespace jitney::sim {

struct SimOptions {
  std::uint16_t port = 0;          // 0: the system picks
  std::uint16_t control_port = 0;  // of the second listener, which outages leave alone
  std::uint64_t seed = 1;
  std::vector<std::string> repositories;  // "owner/name"; their owners become organisations
  std::vector<std::pair<std::string, std::string>> enterprises;  // enterprise, organisation
  std::vector<PersonalToken> tokens;
  std::vector<App> apps;
  std::vector<Installation> installations;
  // Where webhooks go. With Apps it is their hook; else every organisation gets one.
  std::string webhook_url;  // empty: nowhere
  core::Secret webhook_secret;
  std::int64_t rate_limit = 15'000;
  Rules rules;
  int senders = 8;
  std::chrono::milliseconds webhook_timeout{10'000};
  std::chrono::milliseconds poll_time{5'000};  // how long a runner's poll is held
};

// Thread-safe.
class SimGithub {
 public:
  // Serving on return. `invalid`: the port cannot be bound, or an option is wrong.
  static core::Result<std::unique_ptr<SimGithub>> start(SimOptions options);
  ~SimGithub();

  [[nodiscard]] std::string url() const;          // "http://127.0.0.1:PORT"; API base too
  [[nodiscard]] std::string control_url() const;  // serves /_sim/ through every outage
  // Adds a hook for webhooks to a place that was not known at the start.
  void add_hook(HookKind kind, const std::string& owner, const std::string& url,
                const core::Secret& secret);

  // Runs `what` on the State under the lock; what it causes is published and dispatched at once.
  void with(const std::function<void(State&, Time now)>& what);
  core::Result<std::int64_t> queue(const WorkflowSpec& spec);  // the run's id

  // Polls until `reached` holds; false when `within` has passed.
  bool wait_for(const std::function<bool(const State&)>& reached, std::chrono::milliseconds within);

 private:
  struct Impl;
  explicit SimGithub(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace jitney::sim
