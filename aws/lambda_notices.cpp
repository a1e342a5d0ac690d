// SPDX-License-Identifier: Apache-2.0
#include "aws/lambda_notices.hpp"

#include <algorithm>

#include "net/json.hpp"

namespace jitney::aws {

namespace {

namespace bj = boost::json;

std::unexpected<core::Error> wrong(std::string_view type, std::string_view what) {
  return core::fail(core::Fault::invalid,
                    "malformed event \"" + std::string(type) + "\": " + std::string(what));
}

// i-0123456789abcdef0, or a hybrid machine's mi-...: these reach the ledger as keys.
bool is_machine(std::string_view id) {
  const std::size_t dash = id.find('-');
  return dash != std::string_view::npos && dash > 0 && dash + 1 < id.size() && id.size() <= 64 &&
         std::ranges::all_of(id, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
         });
}

core::Result<core::MachineId> machine_of(std::string_view type, const bj::value& detail) {
  auto id = net::get_string(detail, "instance-id");
  if (!id || !is_machine(*id)) return wrong(type, "there is no instance-id");
  return *std::move(id);
}

core::Result<std::string> text_of(std::string_view type, const bj::value& detail,
                                  std::string_view key) {
  auto text = net::get_string(detail, key);
  if (!text || text->empty()) return wrong(type, "there is no " + std::string(key));
  return *std::move(text);
}

core::Result<Notice> read_machine(std::string_view type, const bj::value& detail) {
  auto machine = machine_of(type, detail);
  if (!machine) return std::unexpected(machine.error());
  if (type == "EC2 Instance Rebalance Recommendation") return MachineAtRisk{*std::move(machine)};
  const bool warning = type == "EC2 Spot Instance Interruption Warning";
  auto what = text_of(type, detail, warning ? "instance-action" : "state");
  if (!what) return std::unexpected(what.error());
  if (warning) return MachineInterrupted{*std::move(machine), *std::move(what)};
  return MachineChanged{*std::move(machine), *std::move(what)};
}

core::Result<Notice> read_command(std::string_view type, const bj::value& detail) {
  auto machine = machine_of(type, detail);
  if (!machine) return std::unexpected(machine.error());
  auto command = text_of(type, detail, "command-id");
  if (!command) return std::unexpected(command.error());
  auto status = text_of(type, detail, "status");
  if (!status) return std::unexpected(status.error());
  return CommandChanged{.machine = *std::move(machine),
                        .command = *std::move(command),
                        .document = net::get_string_or(detail, "document-name", ""),
                        .status = *std::move(status)};
}

}  // namespace

core::Result<Notice> read_notice(const bj::value& body) {
  if (net::get_value(body, "kind") != nullptr) {
    auto message = read_message(body);
    if (!message) return std::unexpected(message.error());
    return *std::move(message);
  }
  const std::string type = net::get_string_or(body, "detail-type", "");
  const std::string source = net::get_string_or(body, "source", "");
  if (type == "Scheduled Event") {
    const auto rules = net::get_strings(body, "resources");
    return Scheduled{.rule = rules.empty() ? "" : rules.front()};
  }
  const bool machine = source == "aws.ec2" && (type == "EC2 Instance State-change Notification" ||
                                               type == "EC2 Spot Instance Interruption Warning" ||
                                               type == "EC2 Instance Rebalance Recommendation");
  const bool command =
      source == "aws.ssm" && type == "EC2 Command Invocation Status-change Notification";
  if (!machine && !command) return Unknown{.source = source, .detail_type = type};
  const auto* detail = net::get_object(body, "detail");
  if (detail == nullptr) return wrong(type, "there is no detail");
  return machine ? read_machine(type, *detail) : read_command(type, *detail);
}

}  // namespace jitney::aws
