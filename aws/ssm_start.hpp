// SPDX-License-Identifier: Apache-2.0
// Starting runners through Systems Manager, and learning how they ended. The JIT configuration goes
// to the one object of S3 that only the machine itself may read; the command names the object.
// runner/README.md says what the command does on the machine. Thread-safe.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "aws/client.hpp"
#include "core/fleet.hpp"

namespace jitney::aws {

struct SsmOptions {
  std::string region;
  std::string jit_bucket;
  // Of the machines' instance role: "AROA...". A machine's role session may read
  // jit/<role id>:<instance id>/* and nothing else: ${aws:userid} in the bucket's policy.
  std::string machine_role_id;
  std::string script;     // s3://bucket/key of runner/jitney-runner
  std::string log_group;  // of CloudWatch Logs; empty: output is kept by Systems Manager alone
};

// Where the JIT configuration for a machine lies: one place a machine, so that a command that comes
// late reads the newest, whose registration is the one that lives.
std::string jit_key(std::string_view machine_role_id, std::string_view machine);

// What all commands on one machine say together.
struct CommandResult {
  // Whether any command reached the machine or still may; false: all were lost on the way.
  bool started = false;
  // The runner's process ended: some command followed it to its end and none is still at work.
  bool ended = false;
  std::optional<int> exit_code;  // as in runner/README.md; nullopt: not known
};

class SsmStart {
 public:
  // Borrowed; outlives this.
  SsmStart(Client& client, SsmOptions options);

  // Those whose agent is online. One call for fifty.
  core::Result<std::vector<core::MachineId>> answering(std::span<const core::MachineId> machines);

  // Faults as of core::Fleet::start, but a machine that is gone is `not_ready` too: Systems Manager
  // does not tell them apart. Whatever is refused leaves no JIT configuration behind.
  core::Status start(const core::MachineId& machine, const core::RunnerName& runner,
                     const core::Secret& jit);

  // By machine and not by command, because the command's id is lost exactly when it is needed: when
  // the answer to SendCommand was lost. nullopt: no command is known.
  core::Result<std::optional<CommandResult>> result(const core::MachineId& machine);

 private:
  core::Status put_jit(const std::string& key, const core::Secret& jit);
  void forget_jit(const std::string& key);
  core::Status send(const core::MachineId& machine, const core::RunnerName& runner,
                    const std::string& key);

  Client& client_;
  const SsmOptions options_;
};

}  // namespace jitney::aws
