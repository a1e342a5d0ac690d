// SPDX-License-Identifier: Apache-2.0
// `jitney serve`: the whole embedded deployment in one process. Server is what tests and the demo
// run inside theirs; serve() adds signals and systemd.
#pragma once

#include <cstdint>
#include <memory>

#include "apps/config/config.hpp"
#include "apps/serve/metrics.hpp"
#include "core/deployment.hpp"
#include "core/result.hpp"

namespace jitney::app {

// One thread starts and ends it; what runs inside has threads of its own. The destructor drains.
class Server {
 public:
  // Database open and locked, listeners bound and accepting on return; the first sweep has begun,
  // and workers follow it. `invalid`: the text says what to change (port taken, state directory not
  // writable, another process holds the database, runner_dir without bin/Runner.Listener, ...).
  static core::Result<std::unique_ptr<Server>> start(const Config& config);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  [[nodiscard]] std::uint16_t webhook_port() const;  // 0 when ingress = "poll" has no listener
  [[nodiscard]] std::uint16_t admin_port() const;

  // Stops accepting, answers what is under way, lets functions that run finish; runners and their
  // jobs are left alone. True when all ended within the configured deadline. Idempotent.
  bool drain();

  // For who lives in the same process and wants to see: the demo, tests.
  core::Context context(core::Duration until_deadline);
  [[nodiscard]] const Metrics& metrics() const;

 private:
  struct Parts;
  explicit Server(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

// Runs until SIGTERM or SIGINT, then drains; a second one ends at once. Returns the exit status: 0
// after a drain, 78 (EX_CONFIG) when it could not start for a reason that will stay, 1 otherwise.
int serve(const Config& config);

}  // namespace jitney::app
