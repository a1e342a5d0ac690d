// SPDX-License-Identifier: Apache-2.0
// Sending, taking and giving back. Dead letters: sqs_dead_letters.cpp.
#include "aws/sqs_queue.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <charconv>
#include <optional>

#include "aws/message_text.hpp"
#include "net/json.hpp"

namespace jitney::aws {

namespace json = boost::json;
using core::Fault;

namespace {

constexpr core::Duration kLongestDelay = std::chrono::minutes(15);
constexpr core::Duration kLongestLease = std::chrono::hours(12);
constexpr std::size_t kBatch = 10;
// While a message changes places nobody else may take it.
constexpr core::Duration kSwap = std::chrono::minutes(1);

std::int64_t seconds(core::Duration duration, core::Duration most) {
  const auto rounded =
      std::chrono::ceil<std::chrono::seconds>(std::clamp(duration, core::Duration::zero(), most));
  return rounded.count();
}

std::size_t number_in(const json::value* object, std::string_view name) {
  std::size_t number = 0;
  if (object == nullptr) return number;
  const std::string text = net::get_string_or(*object, name, "");
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// "<end of the lease>:<receipt>". A receipt that Lambda delivered comes without an end.
struct Handle {
  std::optional<core::Time> lease_until;
  std::string_view receipt;
};

Handle parse_handle(std::string_view text) {
  std::int64_t until = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, until);
  if (parsed.ec != std::errc{} || parsed.ptr == end || *parsed.ptr != ':') return {{}, text};
  return {core::Time{core::Duration{until}},
          text.substr(static_cast<std::size_t>(parsed.ptr + 1 - text.data()))};
}

core::Status lost() {
  return core::fail(Fault::not_found, "the lease of the message ended; it comes again");
}

}  // namespace

SqsQueue::SqsQueue(Client& client, std::string table, SqsQueueOptions options, core::Clock& clock)
    : client_(client),
      table_(client, std::move(table)),
      options_(std::move(options)),
      clock_(clock) {
  if (options_.stop_queue_url.empty()) options_.stop_queue_url = options_.queue_url;
}

const std::string& SqsQueue::url_of(core::MessageKind kind) const {
  return kind == core::MessageKind::stop_runner ? options_.stop_queue_url : options_.queue_url;
}

std::vector<std::string> SqsQueue::urls() const {
  if (options_.stop_queue_url == options_.queue_url) return {options_.queue_url};
  return {options_.stop_queue_url, options_.queue_url};
}

core::Status SqsQueue::send(const std::string& url, const std::string& body, core::Duration delay) {
  const auto sent = client_.json(Service::sqs, "SendMessage",
                                 json::object{{"QueueUrl", url},
                                              {"MessageBody", body},
                                              {"DelaySeconds", seconds(delay, kLongestDelay)}});
  if (!sent) return std::unexpected(sent.error());
  return {};
}

core::Status SqsQueue::remove(const std::string& url, std::string_view receipt) {
  const auto gone = client_.json(Service::sqs, "DeleteMessage",
                                 json::object{{"QueueUrl", url}, {"ReceiptHandle", receipt}});
  if (!gone) return std::unexpected(gone.error());
  return {};
}

core::Result<std::vector<SqsQueue::Received>> SqsQueue::receive(const std::string& url,
                                                                std::size_t most,
                                                                core::Duration lease) {
  const auto answer = client_.json(
      Service::sqs, "ReceiveMessage",
      json::object{{"QueueUrl", url},
                   {"MaxNumberOfMessages", std::min(most, kBatch)},
                   {"VisibilityTimeout", seconds(lease, kLongestLease)},
                   {"WaitTimeSeconds", 0},
                   {"MessageSystemAttributeNames",
                    json::array{"ApproximateReceiveCount", "DeadLetterQueueSourceArn"}}});
  if (!answer) return std::unexpected(answer.error());
  std::vector<Received> all;
  const json::array* messages = net::get_array(*answer, "Messages");
  if (messages == nullptr) return all;  // an empty queue
  for (const json::value& message : *messages) {
    const json::value* attributes = net::get_object(message, "Attributes");
    const std::size_t receives = number_in(attributes, "ApproximateReceiveCount");
    all.push_back({.body = net::get_string_or(message, "Body", ""),
                   .receipt = net::get_string_or(message, "ReceiptHandle", ""),
                   .source = attributes == nullptr
                                 ? ""
                                 : net::get_string_or(*attributes, "DeadLetterQueueSourceArn", ""),
                   .receives = static_cast<int>(std::clamp<std::size_t>(receives, 1, 1'000'000))});
  }
  return all;
}

core::Status SqsQueue::push(const core::Message& message, core::Duration delay, core::Time) {
  return send(url_of(message.kind), write_message(message), delay);
}

core::Result<std::vector<core::Delivery>> SqsQueue::take(int max, core::Duration lease,
                                                         core::Time now) {
  std::vector<core::Delivery> taken;
  const auto most = static_cast<std::size_t>(std::max(max, 0));
  const std::string until = std::to_string((now + lease).time_since_epoch().count()) + ":";
  for (const std::string& url : urls()) {
    while (taken.size() < most) {
      auto some = receive(url, most - taken.size(), lease);
      // What was taken before would be hidden for nothing.
      if (!some && taken.empty()) return std::unexpected(some.error());
      if (!some || some->empty()) break;
      for (Received& one : *some) {
        auto text = parse_message(one.body);
        if (!text) continue;
        taken.push_back({.message = std::move(text->message),
                         .handle = until + one.receipt,
                         .receives = one.receives + text->tries});
      }
    }
  }
  return taken;
}

core::Status SqsQueue::done(const core::Delivery& delivery) {
  const Handle handle = parse_handle(delivery.handle);
  if (handle.lease_until && clock_.now() >= *handle.lease_until) return lost();
  return remove(url_of(delivery.message.kind), handle.receipt);
}

core::Status SqsQueue::retry(const core::Delivery& delivery, core::Duration after, core::Time now) {
  const Handle handle = parse_handle(delivery.handle);
  if (handle.lease_until && now >= *handle.lease_until) return lost();
  const std::string& url = url_of(delivery.message.kind);
  const auto held =
      client_.json(Service::sqs, "ChangeMessageVisibility",
                   json::object{{"QueueUrl", url},
                                {"ReceiptHandle", handle.receipt},
                                {"VisibilityTimeout", seconds(kSwap, kLongestLease)}});
  if (!held) {
    // What SQS says of a message that is gone, whatever else it is told about.
    if (held.error().code == "InvalidParameterValue") return lost();
    return std::unexpected(held.error());
  }
  auto sent = send(url, write_message(delivery.message, delivery.receives), after);
  if (!sent) return sent;
  // If this fails, the old one comes again too; then it was doubled, not lost.
  static_cast<void>(remove(url, handle.receipt));
  return {};
}

core::Result<std::size_t> SqsQueue::attribute(const std::string& url, std::string_view name) {
  const auto answer = client_.json(
      Service::sqs, "GetQueueAttributes",
      json::object{{"QueueUrl", url}, {"AttributeNames", json::array{json::value(name)}}});
  if (!answer) return std::unexpected(answer.error());
  return number_in(net::get_object(*answer, "Attributes"), name);
}

core::Result<std::size_t> SqsQueue::depth() {
  std::size_t all = 0;
  for (const std::string& url : urls()) {
    for (const char* name : {"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesDelayed"}) {
      const auto some = attribute(url, name);
      if (!some) return some;
      all += *some;
    }
  }
  return all;
}

}  // namespace jitney::aws
