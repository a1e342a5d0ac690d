// SPDX-License-Identifier: Apache-2.0
// An event as Lambda hands it over.
#include <algorithm>
#include <boost/json/serialize.hpp>

#include "aws/lambda_events.hpp"
#include "net/crypto.hpp"
#include "net/json.hpp"
#include "net/wire_text.hpp"
#include "tests/fuzz/property.hpp"

namespace jitney::fuzz {
namespace {

void expect_request(const aws::HttpEvent& event) {
  expect(event.request.target.starts_with('/'), "a request's target is a path");
  expect(net::is_token(event.request.method), "a request's method is a token");
  for (const auto& [name, value] : event.request.headers.fields()) {
    expect(net::is_token(name), "a header's name is a token");
  }
}

void expect_machine(const core::MachineId& machine) {
  expect(!machine.empty() && machine.size() <= 64, "a machine's id is bounded");
  expect(std::ranges::all_of(
             machine,
             [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; }),
         "a machine's id can be a key");
}

void expect_notice(const aws::Notice& notice) {
  if (const auto* changed = std::get_if<aws::MachineChanged>(&notice)) {
    expect_machine(changed->machine);
    expect(!changed->state.empty(), "a change has a state");
  } else if (const auto* interrupted = std::get_if<aws::MachineInterrupted>(&notice)) {
    expect_machine(interrupted->machine);
  } else if (const auto* at_risk = std::get_if<aws::MachineAtRisk>(&notice)) {
    expect_machine(at_risk->machine);
  } else if (const auto* command = std::get_if<aws::CommandChanged>(&notice)) {
    expect_machine(command->machine);
    expect(!command->command.empty() && !command->status.empty(), "a command has id and status");
  } else if (const auto* text = std::get_if<aws::MessageText>(&notice)) {
    expect(!text->message.key.empty() && text->tries >= 0, "a message has a key");
  }
}

// Any bytes survive the way out through API Gateway.
void expect_answer(std::string_view bytes) {
  net::Response response;
  response.headers = {{"Content-Type", "text/plain"}, {"Set-Cookie", "a=b"}, {"set-cookie", "c=d"}};
  response.body = bytes;
  const auto answer = net::parse_json(aws::http_answer(response));
  expect(answer.has_value(), "an answer is JSON");
  const auto body = net::get_string(*answer, "body");
  const auto encoded = net::get_bool(*answer, "isBase64Encoded");
  expect(body && encoded, "an answer has a body");
  expect((*encoded ? net::unbase64(*body) : body) == std::string(bytes),
         "a body comes out as it went in");
  expect(net::get_strings(*answer, "cookies").size() == 2, "cookies stay apart");
}

}  // namespace

void target(std::string_view input) {
  expect_answer(input);
  const auto event = aws::parse_event(input);
  if (!event) {
    expect(event.error().fault == core::Fault::invalid, "an event that cannot be is invalid");
    expect(event.error().what.size() < 300, "a refusal quotes nothing");
    return;
  }
  if (const auto* request = std::get_if<aws::HttpEvent>(&*event)) {
    expect_request(*request);
  } else if (const auto* batch = std::get_if<aws::SqsEvent>(&*event)) {
    std::vector<std::string> ids;
    for (const aws::SqsRecord& record : batch->records) {
      expect(!record.id.empty() && record.receives >= 1, "a record can be named as failed");
      ids.push_back(record.id);
      if (const auto notice = aws::parse_notice(record.body)) expect_notice(*notice);
    }
    const auto answer = net::parse_json(aws::batch_answer(ids));
    const auto* failures = answer ? net::get_array(*answer, "batchItemFailures") : nullptr;
    expect(failures != nullptr && failures->size() == ids.size(), "every failure is answered");
  } else {
    expect_notice(std::get<aws::Notice>(*event));
  }
}

}  // namespace jitney::fuzz
