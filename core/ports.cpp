// SPDX-License-Identifier: Apache-2.0
// The words of the ports' enums, the names of timeline subjects, and the notes of a snapshot.
#include <algorithm>

#include "core/fleet.hpp"
#include "core/ledger.hpp"
#include "core/queue.hpp"

namespace jitney::core {

std::string job_subject(JobId id) { return "job:" + std::to_string(id); }
std::string runner_subject(const RunnerName& name) { return "runner:" + name; }
std::string batch_subject(const BatchId& id) { return "batch:" + id; }
std::string pool_subject(std::string_view pool) { return "pool:" + std::string(pool); }

const Note* Snapshot::note(std::string_view key) const {
  const auto found = std::ranges::find(notes, key, &Note::key);
  return found == notes.end() ? nullptr : &*found;
}

std::string_view to_string(MessageKind kind) {
  switch (kind) {
    case MessageKind::create_runner:
      return "create_runner";
    case MessageKind::stop_runner:
      return "stop_runner";
    case MessageKind::check_job:
      return "check_job";
    case MessageKind::check_run:
      return "check_run";
    case MessageKind::dead_job:
      return "dead_job";
  }
  return "unknown";
}

std::optional<MessageKind> parse_message_kind(std::string_view text) {
  for (const MessageKind kind :
       {MessageKind::create_runner, MessageKind::stop_runner, MessageKind::check_job,
        MessageKind::check_run, MessageKind::dead_job}) {
    if (to_string(kind) == text) return kind;
  }
  return std::nullopt;
}

std::string_view to_string(MachineState state) {
  switch (state) {
    case MachineState::pending:
      return "pending";
    case MachineState::running:
      return "running";
    case MachineState::ended:
      return "ended";
    case MachineState::stopping:
      return "stopping";
  }
  return "unknown";
}

}  // namespace jitney::core
