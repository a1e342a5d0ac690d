// SPDX-License-Identifier: Apache-2.0
// What Lambda is woken with: requests of API Gateway and function URLs, batches of SQS messages,
// and what EventBridge tells of machines. Pure functions; immutable values.
#pragma once

#include <boost/json/value.hpp>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "aws/message_text.hpp"
#include "core/fleet.hpp"
#include "net/http.hpp"

namespace jitney::aws {

// Payload format 2.0. Header names are as sent; the body is the bytes that were signed.
struct HttpEvent {
  net::Request request;
  std::string request_id;  // API Gateway's, for logs
};

// One message of a batch. `handle` deletes it; `id` names it in the answer.
struct SqsRecord {
  std::string id;
  std::string handle;
  std::string body;
  int receives = 1;
};
struct SqsEvent {
  std::vector<SqsRecord> records;
};

// EC2 Instance State-change Notification.
struct MachineChanged {
  core::MachineId machine;
  std::string state;  // pending, running, stopping, stopped, shutting-down, terminated
};
// EC2 Spot Instance Interruption Warning: two minutes ahead, at best.
struct MachineInterrupted {
  core::MachineId machine;
  std::string action;  // terminate, stop, hibernate
};
// EC2 Instance Rebalance Recommendation: more likely than others to be interrupted.
struct MachineAtRisk {
  core::MachineId machine;
};
// EC2 Command Invocation Status-change Notification: one command on one machine.
struct CommandChanged {
  core::MachineId machine;
  std::string command;
  std::string document;
  std::string status;  // Pending, InProgress, Success, Failed, TimedOut, Cancelled, ...
};
// A schedule's rule or EventBridge Scheduler.
struct Scheduled {
  std::string rule;  // ARN; may be empty
};
// Properly formed, and nothing to us.
struct Unknown {
  std::string source;
  std::string detail_type;
};

using Notice = std::variant<MessageText, MachineChanged, MachineInterrupted, MachineAtRisk,
                            CommandChanged, Scheduled, Unknown>;
using Event = std::variant<HttpEvent, SqsEvent, Notice>;

// A whole event as Lambda hands it over. What has none of the known shapes is Unknown. `invalid`:
// it has one, and what must be there is missing or cannot be; the text quotes nothing.
core::Result<Event> parse_event(std::string_view payload);

// The body of one SQS message: ours, or an EventBridge envelope. Same faults.
core::Result<Notice> parse_notice(std::string_view body);

// What API Gateway and function URLs expect. A body that is no UTF-8 goes out as base64.
std::string http_answer(const net::Response& response);

// {"batchItemFailures":[...]}: these come again, the others are deleted.
std::string batch_answer(std::span<const std::string> failed);

}  // namespace jitney::aws
