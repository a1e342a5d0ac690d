// SPDX-License-Identifier: Apache-2.0
#include "aws/ssm_start.hpp"

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "aws/ec2_instance.hpp"
#include "aws/ssm_results.hpp"
#include "net/json.hpp"
#include "net/log.hpp"

namespace jitney::aws {

namespace {

using core::Fault;

constexpr std::size_t kMachinesACall = 50;  // one page of an answer
constexpr int kMostPages = 20;
constexpr int kDeliverySeconds = 120;                // the agent answered a moment ago
constexpr const char* kExecutionSeconds = "172800";  // Systems Manager's longest: 48 hours
constexpr core::Duration kAgentComes = std::chrono::seconds(3);

bool is_runner_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  });
}

// As the document wants a script's place: an https address of S3, whatever the region.
std::string script_address(const SsmOptions& options) {
  constexpr std::string_view kScheme = "s3://";
  const std::string domain =
      options.region.starts_with("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
  std::string path = options.script;
  if (path.starts_with(kScheme)) path.erase(0, kScheme.size());
  return "https://s3." + options.region + "." + domain + "/" + path;
}

std::string script_name(const SsmOptions& options) {
  return options.script.substr(options.script.rfind('/') + 1);
}

}  // namespace

std::string jit_key(std::string_view machine_role_id, std::string_view machine) {
  return std::string("jit/").append(machine_role_id).append(":").append(machine).append("/config");
}

SsmStart::SsmStart(Client& client, SsmOptions options)
    : client_(client), options_(std::move(options)) {}

core::Result<std::vector<core::MachineId>> SsmStart::answering(
    std::span<const core::MachineId> machines) {
  std::vector<core::MachineId> online;
  while (!machines.empty()) {
    const auto some = machines.first(std::min(machines.size(), kMachinesACall));
    machines = machines.subspan(some.size());
    boost::json::array ids;
    for (const core::MachineId& machine : some) ids.emplace_back(machine);
    boost::json::object ask{
        {"Filters", boost::json::array{{{"Key", "InstanceIds"}, {"Values", std::move(ids)}}}},
        {"MaxResults", kMachinesACall}};
    for (int page = 0; page < kMostPages; ++page) {
      const auto answer = client_.json(Service::ssm, "DescribeInstanceInformation", ask);
      if (!answer) return std::unexpected(answer.error());
      if (const auto* list = net::get_array(*answer, "InstanceInformationList")) {
        for (const auto& one : *list) {
          if (net::get_string_or(one, "PingStatus", "") != "Online") continue;
          online.push_back(net::get_string_or(one, "InstanceId", ""));
        }
      }
      const std::string next = net::get_string_or(*answer, "NextToken", "");
      if (next.empty()) break;
      ask["NextToken"] = next;
    }
  }
  return online;
}

core::Status SsmStart::put_jit(const std::string& key, const core::Secret& jit) {
  const auto stored = client_.s3("PUT", options_.jit_bucket, key, {},
                                 {{"Content-Type", "application/octet-stream"}}, jit.reveal());
  if (stored) return {};
  core::Error error = stored.error();
  if (stored.error().code == "NoSuchBucket") {
    error.what = "the bucket for JIT configurations is not there: correct jit_bucket of [ec2] (" +
                 error.what + ")";
  }
  switch (error.fault) {
    case Fault::not_found:  // nothing of the machine's
      error.fault = Fault::invalid;
      break;
    case Fault::transient:
    case Fault::cancelled:
    case Fault::conflict:
      error.fault = Fault::not_ready;  // no command was sent: nothing can have started
      break;
    case Fault::invalid:
    case Fault::unauthorized:
    case Fault::throttled:
    case Fault::no_capacity:
    case Fault::not_ready:
      break;
  }
  return std::unexpected(std::move(error));
}

// The bucket's lifecycle rule takes what is left by a failure here.
void SsmStart::forget_jit(const std::string& key) {
  const auto gone = client_.s3("DELETE", options_.jit_bucket, key);
  if (!gone && gone.error().fault != Fault::not_found) {
    net::log(net::LogLevel::warning, "a JIT configuration that no machine took stays in its bucket",
             {{"key", key}, {"error", gone.error().what}});
  }
}

core::Status SsmStart::send(const core::MachineId& machine, const core::RunnerName& runner,
                            const std::string& key) {
  const std::string line = "bash " + script_name(options_) + " --jit s3://" + options_.jit_bucket +
                           "/" + key + " --name " + runner + " --region " + options_.region;
  const std::string source =
      boost::json::serialize(boost::json::object{{"path", script_address(options_)}});
  boost::json::object ask{{"DocumentName", "AWS-RunRemoteScript"},
                          {"InstanceIds", boost::json::array{machine}},
                          {"Comment", "Jitney: runner " + runner},
                          {"TimeoutSeconds", kDeliverySeconds},
                          {"Parameters",
                           {{"sourceType", boost::json::array{"S3"}},
                            {"sourceInfo", boost::json::array{source}},
                            {"commandLine", boost::json::array{line}},
                            {"executionTimeout", boost::json::array{kExecutionSeconds}}}}};
  if (!options_.log_group.empty()) {
    ask["CloudWatchOutputConfig"] = {{"CloudWatchLogGroupName", options_.log_group},
                                     {"CloudWatchOutputEnabled", true}};
  }
  const auto sent = client_.json(Service::ssm, "SendCommand", ask);
  if (sent) return {};
  return std::unexpected(sent.error());
}

core::Status SsmStart::start(const core::MachineId& machine, const core::RunnerName& runner,
                             const core::Secret& jit) {
  if (!is_instance_id(machine)) {
    return core::fail(Fault::not_found, "there is no machine " + machine);
  }
  // It becomes part of a command line.
  if (!is_runner_name(runner)) {
    return core::fail(Fault::invalid, "a runner of this name cannot be started over SSM");
  }
  const std::string key = jit_key(options_.machine_role_id, machine);
  if (core::Status stored = put_jit(key, jit); !stored) return stored;
  core::Status sent = send(machine, runner, key);
  if (sent) return {};
  core::Error error = sent.error();
  // It may be on its way: the machine must find what it names.
  if (error.fault == Fault::transient || error.fault == Fault::cancelled) return sent;
  forget_jit(key);
  // InvalidInstanceId: no agent answers there, yet or any more.
  if (error.fault == Fault::not_found) error.fault = Fault::not_ready;
  if (error.fault == Fault::not_ready && !error.retry_after) error.retry_after = kAgentComes;
  return std::unexpected(std::move(error));
}

core::Result<std::optional<CommandResult>> SsmStart::result(const core::MachineId& machine) {
  boost::json::object ask{{"InstanceId", machine}, {"Details", true}, {"MaxResults", 50}};
  boost::json::array all;
  for (int page = 0; page < kMostPages; ++page) {
    auto answer = client_.json(Service::ssm, "ListCommandInvocations", ask);
    if (!answer) return std::unexpected(answer.error());
    if (const auto* some = net::get_array(*answer, "CommandInvocations")) {
      all.insert(all.end(), some->begin(), some->end());
    }
    const std::string next = net::get_string_or(*answer, "NextToken", "");
    if (next.empty()) break;
    ask["NextToken"] = next;
  }
  if (all.empty()) return std::nullopt;
  return read_invocations(all);
}

}  // namespace jitney::aws
