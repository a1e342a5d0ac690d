// SPDX-License-Identifier: Apache-2.0
// Wake-up messages with delay, and dead letters. A port: local::SqliteQueue, an SQS adapter, and
// the fake; all pass tests/contract/queue_contract.hpp. Implementations are thread-safe.
//
// At least once, in no order. Messages only wake a function: what is true stands in the ledger, so
// a lost, repeated or stale message costs time, never correctness.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/result.hpp"

namespace jitney::core {

enum class MessageKind {
  create_runner,  // key: pool
  stop_runner,    // key: runner name; detail: reason
  check_job,      // key: job id; ask GitHub
  check_run,      // key: <scope> <owner/name> <run id>; ask GitHub for the run's jobs
  dead_job,       // key: job id; only ever in the dead letters; detail: cause
};

std::string_view to_string(MessageKind kind);
std::optional<MessageKind> parse_message_kind(std::string_view text);

struct Message {
  MessageKind kind = MessageKind::create_runner;
  std::string key;
  std::string detail;
  friend bool operator==(const Message&, const Message&) = default;
};

struct Delivery {
  Message message;
  std::string handle;  // opaque; valid until the lease ends
  int receives = 1;    // how often it was taken; a receive is not a failure
};

struct DeadLetter {
  std::string id;
  Message message;
  std::string cause;
  Time at{};
};

class Queue {
 public:
  virtual ~Queue() = default;

  // Durable on return. A queue may coalesce: when an equal (kind, key) already waits to be taken,
  // due no later than this one, nothing need be added. Delay at most 15 minutes (SQS); longer waits
  // are chained by `not_before` in the ledger. `transient`: nothing was pushed.
  virtual Status push(const Message& message, Duration delay, Time now) = 0;

  // Up to `max` due messages, each hidden from others until now + lease. Never blocks: empty when
  // none.
  virtual Result<std::vector<Delivery>> take(int max, Duration lease, Time now) = 0;

  // Removes it for good. Idempotent; `not_found` when the lease ended and another took it, or may
  // have: then it comes again.
  virtual Status done(const Delivery& delivery) = 0;

  // Gives it back, due after `after`. Same faults.
  virtual Status retry(const Delivery& delivery, Duration after, Time now) = 0;

  // Puts a message among the dead letters, with a cause a person can read. At most one dead letter
  // a (kind, key): a second one replaces the cause. It does not touch any delivery.
  virtual Status bury(const Message& message, const std::string& cause, Time now) = 0;

  virtual Result<std::vector<DeadLetter>> dead_letters(std::size_t limit) = 0;
  // Removes the dead letter of (kind, key), if there is one. Idempotent.
  virtual Status forget(MessageKind kind, const std::string& key) = 0;

  // How many wait (due or delayed), for metrics.
  virtual Result<std::size_t> depth() = 0;
};

}  // namespace jitney::core
