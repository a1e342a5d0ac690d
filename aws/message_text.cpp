// SPDX-License-Identifier: Apache-2.0
#include "aws/message_text.hpp"

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "net/json.hpp"

namespace jitney::aws {

namespace {

constexpr std::size_t kLongest = 1u << 20;  // of any SQS message
constexpr std::int64_t kMostTries = 1'000'000;

}  // namespace

std::string write_message(const core::Message& message, int tries) {
  boost::json::object object{{"kind", core::to_string(message.kind).data()}, {"key", message.key}};
  if (!message.detail.empty()) object["detail"] = message.detail;
  if (tries > 0) object["tries"] = tries;
  return boost::json::serialize(object);
}

core::Result<MessageText> read_message(const boost::json::value& body) {
  const auto kind = net::get_string(body, "kind");
  if (!kind) return core::fail(core::Fault::invalid, "the message has no \"kind\"");
  const auto known = core::parse_message_kind(*kind);
  if (!known) return core::fail(core::Fault::invalid, "the message is of no known kind");
  auto key = net::get_string(body, "key");
  if (!key || key->empty()) return core::fail(core::Fault::invalid, "the message has no \"key\"");
  const std::int64_t tries = net::get_int(body, "tries").value_or(0);
  if (tries < 0) return core::fail(core::Fault::invalid, "the message has negative \"tries\"");
  return MessageText{.message = {.kind = *known,
                                 .key = *std::move(key),
                                 .detail = net::get_string_or(body, "detail", "")},
                     .tries = static_cast<int>(std::min(tries, kMostTries))};
}

core::Result<MessageText> parse_message(std::string_view body) {
  const auto parsed = net::parse_json(body, kLongest);
  if (!parsed) return std::unexpected(parsed.error());
  return read_message(*parsed);
}

}  // namespace jitney::aws
