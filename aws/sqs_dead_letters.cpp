// SPDX-License-Identifier: Apache-2.0
// Dead letters: those with a cause in the table, and what SQS gave up by itself.
#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <map>
#include <thread>

#include "aws/dynamo_rows.hpp"
#include "aws/message_text.hpp"
#include "aws/sqs_queue.hpp"
#include "net/json.hpp"

namespace jitney::aws {

namespace json = boost::json;
using core::Fault;

namespace {

constexpr std::size_t kBatch = 10;
constexpr std::size_t kMostNoted = 200;
constexpr core::Duration kLook = std::chrono::seconds(30);  // so that each is seen once a look
constexpr core::Duration kMove = std::chrono::minutes(2);

std::string letter_id(const core::Message& message) {
  return std::string(core::to_string(message.kind)) + "/" + message.key;
}

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

core::Status SqsQueue::bury(const core::Message& message, const std::string& cause,
                            core::Time now) {
  return table_.put(dead_letter_item(message, cause, now));
}

core::Result<std::vector<core::DeadLetter>> SqsQueue::dead_letters(std::size_t limit) {
  const auto rows = table_.query({.pk = std::string(kDeadPartition)});
  if (!rows) return std::unexpected(rows.error());
  std::vector<core::DeadLetter> letters;
  for (const Item& row : *rows) {
    auto letter = read_dead_letter(row);
    if (!letter) continue;  // of a newer version
    letter->id = letter_id(letter->message);
    letters.push_back(std::move(*letter));
  }
  std::ranges::sort(letters, std::greater{}, &core::DeadLetter::at);
  if (letters.size() > limit) letters.resize(limit);
  return letters;
}

core::Status SqsQueue::forget(core::MessageKind kind, const std::string& key) {
  return table_.erase(dead_letter_key(core::to_string(kind), key));
}

core::Result<std::size_t> SqsQueue::note_deaths(core::Time now) {
  std::size_t noted = 0;
  for (std::size_t seen = 0; seen < kMostNoted;) {
    const auto some = receive(options_.dead_letter_queue_url, kBatch, kLook);
    if (!some) return std::unexpected(some.error());
    if (some->empty()) break;
    seen += some->size();
    for (const Received& dead : *some) {
      const auto text = parse_message(dead.body);
      if (!text) continue;
      // SQS goes on counting in the dead-letter queue; the look itself is no try.
      const int tries = std::max(dead.receives - 1, 1);
      const std::string cause = "SQS gave it up after it was taken " + std::to_string(tries) +
                                " times: whoever took it died or ran out of time";
      if (auto buried = bury(text->message, cause, now); !buried) {
        return std::unexpected(buried.error());
      }
      ++noted;
    }
  }
  return noted;
}

const std::string& SqsQueue::home_of(const Received& dead) const {
  if (!dead.source.empty()) {
    const bool stop = name_in(dead.source, ':') == name_in(options_.stop_queue_url, '/');
    return stop ? options_.stop_queue_url : options_.queue_url;
  }
  const auto text = parse_message(dead.body);
  return text ? url_of(text->message.kind) : options_.queue_url;
}

core::Status SqsQueue::start_move_task() {
  const auto answer = client_.json(Service::sqs, "GetQueueAttributes",
                                   json::object{{"QueueUrl", options_.dead_letter_queue_url},
                                                {"AttributeNames", json::array{"QueueArn"}}});
  if (!answer) return std::unexpected(answer.error());
  const json::value* attributes = net::get_object(*answer, "Attributes");
  const std::string arn =
      attributes == nullptr ? "" : net::get_string_or(*attributes, "QueueArn", "");
  // Without a destination each goes back to the queue it died in.
  const auto started =
      client_.json(Service::sqs, "StartMessageMoveTask", json::object{{"SourceArn", arn}});
  if (!started) return std::unexpected(started.error());
  return {};
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

core::Result<std::size_t> SqsQueue::redrive(std::size_t max) {
  core::Result<std::size_t> moved =
      attribute(options_.dead_letter_queue_url, "ApproximateNumberOfMessages");
  if (!moved) return moved;
  if (*moved != 0) {
    const auto started = start_move_task();
    const bool hopeless = !started && (started.error().fault == Fault::unauthorized ||
                                       started.error().fault == Fault::throttled ||
                                       started.error().fault == Fault::cancelled);
    if (hopeless) return std::unexpected(started.error());
    // An emulator, or an SQS-alike, that has no such call; or a task that runs already.
    if (!started) moved = move_by_hand(max);
    if (!moved) return moved;
  }
  if (auto forgotten = forget_wakeups(); !forgotten) return std::unexpected(forgotten.error());
  return moved;
}

}  // namespace jitney::aws
