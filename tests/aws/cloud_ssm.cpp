// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "net/json.hpp"
#include "tests/aws/cloud.hpp"

namespace jitney::tests {

namespace {

using boost::json::array;
using boost::json::object;
using boost::json::value;

std::string argument(const std::string& line, const std::string& name) {
  const auto begin = line.find("--" + name + " ");
  if (begin == std::string::npos) return "";
  const auto from = begin + name.size() + 3;
  return line.substr(from, line.find(' ', from) - from);
}

std::string parameter(const value& input, const char* name) {
  const auto* parameters = net::get_object(input, "Parameters");
  const auto* values = parameters == nullptr ? nullptr : net::get_array(*parameters, name);
  if (values == nullptr || values->size() != 1 || !values->front().is_string()) return "";
  return values->front().as_string().c_str();
}

}  // namespace

net::Response json_answer(const object& body) {
  return {.status = 200,
          .headers = {{"Content-Type", "application/x-amz-json-1.1"}},
          .body = boost::json::serialize(body)};
}

net::Response ssm_fault(const CloudFault& fault) {
  net::Response answer = json_answer({{"__type", fault.code}, {"message", fault.message}});
  answer.status = fault.status;
  return answer;
}

net::Response Cloud::ssm(const std::string& operation, const value& input) {
  if (operation == "DescribeInstanceInformation") return describe_agents(input);
  if (operation == "SendCommand") return send_command(input);
  if (operation == "ListCommandInvocations") return list_invocations(input);
  if (operation == "GetParameter") return get_parameter(input);
  return ssm_fault({400, "UnknownOperationException", operation, ""});
}

void Cloud::put_parameter(const std::string& name, const std::string& value) {
  const std::lock_guard lock(mutex_);
  parameters_[name] = value;
}

net::Response Cloud::get_parameter(const value& input) {
  const std::string name = net::get_string_or(input, "Name", "");
  const auto found = parameters_.find(name);
  if (found == parameters_.end()) return ssm_fault({400, "ParameterNotFound", name, ""});
  return json_answer({{"Parameter", object{{"Name", name}, {"Value", found->second}}}});
}

net::Response Cloud::describe_agents(const value& input) {
  std::vector<std::string> wanted;
  if (const auto* filters = net::get_array(input, "Filters")) {
    for (const auto& one : *filters) {
      if (net::get_string_or(one, "Key", "") == "InstanceIds") {
        wanted = net::get_strings(one, "Values");
      }
    }
  }
  array list;
  const std::string token = net::get_string_or(input, "NextToken", "");
  std::size_t next = token.empty() ? 0 : std::stoul(token);
  for (; next < wanted.size() && list.size() < page_size_; ++next) {
    const auto found = instances_.find(wanted[next]);
    if (found == instances_.end()) continue;
    if (!found->second.agent) continue;
    list.push_back({{"InstanceId", found->first}, {"PingStatus", "Online"}});
  }
  object body{{"InstanceInformationList", std::move(list)}};
  if (next < wanted.size()) body["NextToken"] = std::to_string(next);
  return json_answer(body);
}

void Cloud::finish(CloudCommand& command, int exit_code) {
  command.status = exit_code == 0 ? "Success" : "Failed";
  command.details = command.status;
  command.exit_code = exit_code;
}

// runner/jitney-runner, seen from outside.
void Cloud::run_script(CloudCommand& command, CloudInstance& machine) {
  command.status = command.details = "InProgress";
  const std::string place = argument(command.line, "jit").substr(std::string("s3://").size());
  if (machine.starts > 0) {
    objects_.erase(place);
    if (machine.exit_code) finish(command, *machine.exit_code);
    return;
  }
  const std::string own = std::string(kBucket) + "/jit/" + kRole + ":" + machine.id + "/";
  const auto jit = objects_.find(place);
  if (!place.starts_with(own) || jit == objects_.end()) return finish(command, 66);
  machine.jit = jit->second;
  objects_.erase(jit);
  machine.starts += 1;
}

net::Response Cloud::send_command(const value& input) {
  if (net::get_string_or(input, "DocumentName", "") != "AWS-RunRemoteScript") {
    return ssm_fault({400, "InvalidDocument", "", ""});
  }
  const std::string line = parameter(input, "commandLine");
  if (parameter(input, "sourceType") != "S3" || parameter(input, "sourceInfo").empty() ||
      parameter(input, "executionTimeout").empty() || !line.starts_with("bash ")) {
    return ssm_fault({400, "InvalidParameters", "", ""});
  }
  if (net::get_string_or(input, "Comment", "").size() > 100) {
    return ssm_fault({400, "ValidationException", "Comment", ""});
  }
  const auto ids = net::get_strings(input, "InstanceIds");
  for (const std::string& id : ids) {
    const auto found = instances_.find(id);
    if (found == instances_.end() || !found->second.agent) {
      return ssm_fault({400, "InvalidInstanceId", "Instances not in a valid state", ""});
    }
  }
  for (const std::string& id : ids) {
    CloudCommand& command = commands_.emplace_back();
    command.id = "command-" + std::to_string(commands_.size());
    command.instance = id;
    command.line = line;
    if (lost_commands_.empty()) {
      run_script(command, instances_[id]);
    } else {
      command.status = lost_commands_ == "DeliveryTimedOut" ? "TimedOut" : "Failed";
      command.details = lost_commands_;
    }
  }
  return json_answer(
      {{"Command",
        {{"CommandId", "command-" + std::to_string(commands_.size())}, {"Status", "Pending"}}}});
}

net::Response Cloud::list_invocations(const value& input) {
  const std::string wanted = net::get_string_or(input, "InstanceId", "");
  const bool details = net::get_bool(input, "Details").value_or(false);
  array list;
  for (const CloudCommand& command : commands_) {
    if (command.instance != wanted) continue;
    object one{{"CommandId", command.id},
               {"InstanceId", command.instance},
               {"Status", command.status},
               {"StatusDetails", command.details}};
    if (details) {
      object step{{"Name", "runShellScript"},
                  {"Status", command.status},
                  {"ResponseCode", command.exit_code.value_or(-1)}};
      one["CommandPlugins"] =
          array{{{"Name", "downloadContent"}, {"Status", "Success"}, {"ResponseCode", 0}},
                std::move(step)};
    }
    list.push_back(std::move(one));
  }
  return json_answer({{"CommandInvocations", std::move(list)}});
}

void Cloud::boot(const std::string& id) {
  const std::lock_guard lock(mutex_);
  CloudInstance& instance = instances_.at(id);
  instance.state = "running";
  instance.agent = true;
}

void Cloud::settle() {
  const std::lock_guard lock(mutex_);
  for (auto& [id, instance] : instances_) {
    instance.hidden = 0;
    if (instance.state == "shutting-down") instance.state = "terminated";
    if (instance.state != "pending") continue;
    instance.state = "running";
    instance.agent = !agents_by_hand_;
  }
}

void Cloud::end_runner(const std::string& id, int exit_code) {
  const std::lock_guard lock(mutex_);
  instances_.at(id).exit_code = exit_code;
  for (CloudCommand& command : commands_) {
    if (command.instance == id && command.status == "InProgress") finish(command, exit_code);
  }
}

void Cloud::end_commands(const std::string& id, const std::string& status,
                         const std::string& details, std::optional<int> exit_code) {
  const std::lock_guard lock(mutex_);
  for (CloudCommand& command : commands_) {
    if (command.instance != id) continue;
    command.status = status;
    command.details = details;
    command.exit_code = exit_code;
  }
}

void Cloud::set_state(const std::string& id, const std::string& state) {
  const std::lock_guard lock(mutex_);
  instances_.at(id).state = state;
}

void Cloud::interrupt(const std::string& id) {
  const std::lock_guard lock(mutex_);
  end_machine(instances_.at(id), "terminated");
}

}  // namespace jitney::tests
