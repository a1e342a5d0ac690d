// SPDX-License-Identifier: Apache-2.0
// Sending back what SQS put into its dead-letter queue.
#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <map>
#include <thread>
#include <variant>

#include "aws/dynamo_rows.hpp"
#include "aws/lambda_events.hpp"
#include "aws/message_text.hpp"
#include "aws/sqs_queue.hpp"
#include "net/json.hpp"

namespace jitney::aws {

namespace json = boost::json;
using core::Fault;

namespace {

constexpr std::size_t kBatch = 10;
constexpr core::Duration kMove = std::chrono::minutes(2);

std::string name_in(std::string_view url_or_arn, char separator) {
  return std::string(url_or_arn.substr(url_or_arn.rfind(separator) + 1));
}

// Of a batch call: the ids that went well.
std::vector<std::size_t> successes(const json::value& answer) {
  std::vector<std::size_t> ids;
  const json::array* list = net::get_array(answer, "Successful");
  if (list == nullptr) return ids;
  for (const json::value& one : *list) {
    const std::string id = net::get_string_or(one, "Id", "");
    if (id.size() == 1 && id[0] >= '0' && id[0] <= '9') {
      ids.push_back(static_cast<std::size_t>(id[0] - '0'));
    }
  }
  return ids;
}

}  // namespace

const std::string& SqsQueue::home_of(const Received& dead) const {
  if (!dead.source.empty()) {
    const bool stop = name_in(dead.source, ':') == name_in(options_.stop_queue_url, '/');
    return stop ? options_.stop_queue_url : options_.queue_url;
  }
  // What EventBridge could not deliver has no such queue, and says itself which was meant: what
  // runs wakes create_runner, all else is an end (the rules in terraform/modules/jitney/events.tf).
  const auto notice = parse_notice(dead.body);
  if (!notice) return options_.queue_url;
  if (const auto* text = std::get_if<MessageText>(&*notice)) return url_of(text->message.kind);
  const auto* change = std::get_if<MachineChanged>(&*notice);
  return change != nullptr && change->state == "running" ? options_.queue_url
                                                         : options_.stop_queue_url;
}

core::Result<std::string> SqsQueue::dead_letter_arn() {
  const auto answer = client_.json(Service::sqs, "GetQueueAttributes",
                                   json::object{{"QueueUrl", options_.dead_letter_queue_url},
                                                {"AttributeNames", json::array{"QueueArn"}}});
  if (!answer) return std::unexpected(answer.error());
  const json::value* attributes = net::get_object(*answer, "Attributes");
  return attributes == nullptr ? "" : net::get_string_or(*attributes, "QueueArn", "");
}

core::Result<SqsQueue::MoveTask> SqsQueue::newest_move_task(const std::string& arn) {
  const auto answer = client_.json(Service::sqs, "ListMessageMoveTasks",
                                   json::object{{"SourceArn", arn}, {"MaxResults", 1}});
  if (!answer) return std::unexpected(answer.error());
  const json::array* tasks = net::get_array(*answer, "Results");
  if (tasks == nullptr || tasks->empty()) return MoveTask{};
  const json::value& task = tasks->front();
  const auto moved = net::get_int(task, "ApproximateNumberOfMessagesMoved").value_or(0);
  return MoveTask{.started = net::get_int(task, "StartedTimestamp").value_or(0),
                  .status = net::get_string_or(task, "Status", ""),
                  .moved = static_cast<std::size_t>(std::max<std::int64_t>(moved, 0))};
}

// The task as it was when it ended, or at the last look. Lists lag: one that stood there before is
// another.
core::Result<SqsQueue::MoveTask> SqsQueue::watch_move_task(const std::string& arn,
                                                           std::int64_t before) {
  MoveTask last;
  for (int look = 0; look < options_.looks; ++look) {
    if (look != 0) std::this_thread::sleep_for(options_.look);
    auto task = newest_move_task(arn);
    if (!task) return task;
    if (task->started == before) continue;
    last = *std::move(task);
    if (last.status != "RUNNING" && last.status != "CANCELLING") break;
  }
  return last;
}

// At most ten. Sent first, then removed: a death in between doubles a wake-up.
core::Status SqsQueue::move_batch(const std::string& url,
                                  const std::vector<const Received*>& dead) {
  json::array entries;
  for (std::size_t i = 0; i < dead.size(); ++i) {
    entries.push_back(json::object{{"Id", std::to_string(i)}, {"MessageBody", dead[i]->body}});
  }
  const auto sent = client_.json(Service::sqs, "SendMessageBatch",
                                 json::object{{"QueueUrl", url}, {"Entries", std::move(entries)}});
  if (!sent) return std::unexpected(sent.error());
  json::array gone;
  for (const std::size_t i : successes(*sent)) {
    if (i >= dead.size()) continue;
    gone.push_back(json::object{{"Id", std::to_string(i)}, {"ReceiptHandle", dead[i]->receipt}});
  }
  const std::size_t moved = gone.size();
  if (moved != 0) {
    const auto removed = client_.json(
        Service::sqs, "DeleteMessageBatch",
        json::object{{"QueueUrl", options_.dead_letter_queue_url}, {"Entries", std::move(gone)}});
    if (!removed) return std::unexpected(removed.error());
  }
  if (moved == dead.size()) return {};
  return core::fail(Fault::transient, "SQS took " + std::to_string(moved) + " of " +
                                          std::to_string(dead.size()) +
                                          " dead messages back; the others stay dead");
}

core::Result<std::size_t> SqsQueue::move_by_hand(std::size_t max) {
  std::size_t moved = 0;
  while (moved < max) {
    const auto some = receive(options_.dead_letter_queue_url, std::min(kBatch, max - moved), kMove);
    if (!some) return std::unexpected(some.error());
    if (some->empty()) break;
    std::map<std::string, std::vector<const Received*>> homes;
    for (const Received& dead : *some) homes[home_of(dead)].push_back(&dead);
    for (const auto& [url, dead] : homes) {
      if (auto batch = move_batch(url, dead); !batch) return std::unexpected(batch.error());
    }
    moved += some->size();
    std::this_thread::sleep_for(options_.pace);
  }
  return moved;
}

core::Status SqsQueue::forget_wakeups() {
  const auto rows = table_.query({.pk = std::string(kDeadPartition)});
  if (!rows) return std::unexpected(rows.error());
  std::vector<Key> wakeups;
  for (const Item& row : *rows) {
    const auto letter = read_dead_letter(row);
    if (letter && letter->message.kind != core::MessageKind::dead_job) {
      wakeups.push_back(key_of(row));
    }
  }
  return table_.erase_all(wakeups);
}

core::Result<SqsQueue::Moved> SqsQueue::move_back(std::size_t waiting, std::size_t max) {
  const auto by_hand = [&](std::size_t before) -> core::Result<Moved> {
    const auto moved = move_by_hand(max);
    if (!moved) return std::unexpected(moved.error());
    return Moved{before + *moved, before + *moved >= waiting};
  };
  const auto hopeless = [](const core::Error& error) {
    return error.fault == Fault::unauthorized || error.fault == Fault::throttled ||
           error.fault == Fault::cancelled;
  };
  const auto arn = dead_letter_arn();
  if (!arn) return std::unexpected(arn.error());
  const auto before = newest_move_task(*arn);
  if (!before && hopeless(before.error())) return std::unexpected(before.error());
  // An emulator, or an SQS-alike, that has no such call.
  if (!before) return by_hand(0);
  // Without a destination each goes back to the queue it died in.
  const auto started =
      client_.json(Service::sqs, "StartMessageMoveTask", json::object{{"SourceArn", *arn}});
  if (!started && hopeless(started.error())) return std::unexpected(started.error());
  if (!started) return by_hand(0);  // one runs already
  const auto task = watch_move_task(*arn, before->started);
  if (!task) return std::unexpected(task.error());
  // Such a task ends at the first message that did not die in a queue, as those of EventBridge.
  if (task->status == "FAILED") return by_hand(task->moved);
  if (task->status == "CANCELLED" || task->status == "CANCELLING") {
    return core::fail(Fault::conflict,
                      "somebody cancelled SQS's move of the dead messages; those that are left "
                      "stay dead: ask again to send them back");
  }
  return Moved{std::max(waiting, task->moved), task->status == "COMPLETED"};
}

core::Result<std::size_t> SqsQueue::redrive(std::size_t max) {
  const auto waiting = attribute(options_.dead_letter_queue_url, "ApproximateNumberOfMessages");
  if (!waiting) return waiting;
  Moved moved;
  if (*waiting != 0) {
    const auto some = move_back(*waiting, max);
    if (!some) return std::unexpected(some.error());
    moved = *some;
  }
  // The causes are told until what they are about has gone.
  if (!moved.all) return moved.count;
  if (auto forgotten = forget_wakeups(); !forgotten) return std::unexpected(forgotten.error());
  return moved.count;
}

}  // namespace jitney::aws
