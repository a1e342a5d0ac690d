// SPDX-License-Identifier: Apache-2.0
// core::Queue on SQS; its dead letters stand in the ledger's table, at most one a (kind, key), with
// their cause. Messages are as aws/message_text.hpp writes them. Thread-safe.
//
// Beyond the port's contract: SQS counts time in seconds, so delays and leases are rounded up. It
// cannot tell whether another took a message: once its lease is over by this machine's clock, a
// delivery is `not_found`, and within the lease a delivery that was given back counts as done. A
// body that is no message of ours is not delivered by take(); SQS's own policy sends it to the
// dead-letter queue.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "aws/client.hpp"
#include "aws/dynamo_table.hpp"
#include "core/clock.hpp"
#include "core/queue.hpp"

namespace jitney::aws {

struct SqsQueueOptions {
  std::string queue_url;
  std::string stop_queue_url;         // of stop_runner messages; may be the same
  std::string dead_letter_queue_url;  // where SQS puts what was taken too often
  // Between two batches of ten when dead messages are moved one by one.
  std::chrono::milliseconds pace{100};
  // SQS's own task that moves them is looked at so often, with so much between two looks, before it
  // is left to itself.
  std::chrono::milliseconds look{1'000};
  int looks = 60;
};

class SqsQueue final : public core::Queue {
 public:
  // `client` and `clock` outlive this.
  SqsQueue(Client& client, std::string table, SqsQueueOptions options, core::Clock& clock);

  core::Status push(const core::Message& message, core::Duration delay, core::Time now) override;
  core::Result<std::vector<core::Delivery>> take(int max, core::Duration lease,
                                                 core::Time now) override;
  core::Status done(const core::Delivery& delivery) override;
  // A new message, delayed, then the end of the old one: what SQS counts begins again, so that many
  // waits never look like a message that kills its function. A death in between doubles it.
  core::Status retry(const core::Delivery& delivery, core::Duration after, core::Time now) override;
  core::Status bury(const core::Message& message, const std::string& cause,
                    core::Time now) override;
  core::Result<std::vector<core::DeadLetter>> dead_letters(std::size_t limit) override;
  core::Status forget(core::MessageKind kind, const std::string& key) override;
  core::Result<std::size_t> depth() override;

  // Looks into SQS's dead-letter queue: what arrived there without a cause killed its function, or
  // outlasted its time, with every try. Each that has no dead letter yet is buried with that cause
  // and stays there. Returns how many are new; bounded. Idempotent.
  core::Result<std::size_t> note_deaths(core::Time now);

  // Sends all that SQS put into its dead-letter queue back to where it came from, and then forgets
  // the dead letters of wake-ups. By StartMessageMoveTask, which is watched for a minute and goes
  // on by itself; where there is no such call, and for what it fails at (events that EventBridge
  // could not deliver), by a paced loop over at most `max`. Returns how many went or go, as far as
  // is known; the dead letters stay when that is not all: ask again. Safe at any time: a doubled
  // wake-up is harmless.
  core::Result<std::size_t> redrive(std::size_t max);

 private:
  struct Received {
    std::string body;
    std::string receipt;
    std::string source;  // ARN of the queue it died in; empty: none
    int receives = 1;
  };
  core::Result<std::vector<Received>> receive(const std::string& url, std::size_t most,
                                              core::Duration lease);
  core::Status send(const std::string& url, const std::string& body, core::Duration delay);
  core::Status remove(const std::string& url, std::string_view receipt);
  core::Result<std::size_t> attribute(const std::string& url, std::string_view name);
  [[nodiscard]] const std::string& url_of(core::MessageKind kind) const;
  [[nodiscard]] const std::string& home_of(const Received& dead) const;
  [[nodiscard]] std::vector<std::string> urls() const;
  // What SQS says of the move it began last.
  struct MoveTask {
    std::int64_t started = 0;  // 0: there was none
    std::string status;        // RUNNING, COMPLETED, CANCELLING, CANCELLED, FAILED
    std::size_t moved = 0;
  };
  struct Moved {
    std::size_t count = 0;
    bool all = true;
  };
  core::Result<std::size_t> note_some(const std::vector<Received>& dead, core::Time now);
  core::Result<std::string> dead_letter_arn();
  core::Result<MoveTask> newest_move_task(const std::string& arn);
  core::Result<MoveTask> watch_move_task(const std::string& arn, std::int64_t before);
  core::Result<Moved> move_back(std::size_t waiting, std::size_t max);
  core::Result<std::size_t> move_by_hand(std::size_t max);
  core::Status move_batch(const std::string& url, const std::vector<const Received*>& dead);
  core::Status forget_wakeups();

  Client& client_;
  Table table_;
  SqsQueueOptions options_;
  core::Clock& clock_;
};

}  // namespace jitney::aws
