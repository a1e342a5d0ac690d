// SPDX-License-Identifier: Apache-2.0
#include "local/machine_files.hpp"

#include <boost/json.hpp>
#include <limits>

#include "net/json.hpp"

namespace jitney::local {

namespace {

namespace json = boost::json;

json::object to_object(const ProcessIdentity& process) {
  return {{"boot_id", process.boot_id}, {"pid", process.pid}, {"start_time", process.start_time}};
}

ProcessIdentity to_identity(const json::value* value) {
  if (value == nullptr) return {};
  return {net::get_string_or(*value, "boot_id", ""),
          static_cast<pid_t>(net::get_int(*value, "pid").value_or(0)),
          static_cast<std::uint64_t>(net::get_int(*value, "start_time").value_or(0))};
}

json::object to_object(const Limits& limits) {
  return {{"memory", limits.memory},
          {"cpu_millis", static_cast<std::int64_t>(limits.cpu * 1000)},
          {"tasks", limits.tasks}};
}

Limits to_limits(const json::value* value) {
  if (value == nullptr) return {};
  return {net::get_int(*value, "memory").value_or(0),
          static_cast<double>(net::get_int(*value, "cpu_millis").value_or(0)) / 1000,
          static_cast<int>(net::get_int(*value, "tasks").value_or(0))};
}

std::int64_t millis(core::Time time) { return time.time_since_epoch().count(); }
core::Time to_time(const json::value& value, std::string_view key) {
  return core::Time{core::Duration{net::get_int(value, key).value_or(0)}};
}
core::Duration to_duration(const json::value& value, std::string_view key) {
  return core::Duration{net::get_int(value, key).value_or(0)};
}
std::optional<int> to_int(const json::value& value, std::string_view key) {
  const auto found = net::get_int(value, key);
  return found ? std::optional<int>(static_cast<int>(*found)) : std::nullopt;
}

// Of a user or group. What does not fit is refused: cut to its size it would be another one's, and
// 2^32 would be root's.
std::optional<std::uint32_t> to_id(std::optional<std::int64_t> number) {
  if (!number || *number < 0 || *number >= std::numeric_limits<std::uint32_t>::max()) {
    return std::nullopt;
  }
  return static_cast<std::uint32_t>(*number);
}

core::Result<std::optional<json::value>> read_json(const std::string& path) {
  const auto text = read_small_file(path);
  if (!text) return std::unexpected(text.error());
  if (!*text) return std::nullopt;
  auto value = net::parse_json(**text);
  if (!value) return core::fail(core::Fault::transient, path + ": " + value.error().what);
  return std::move(*value);
}

}  // namespace

core::Time wall_clock() {
  return std::chrono::time_point_cast<core::Duration>(std::chrono::system_clock::now());
}

core::Result<std::optional<MachineMeta>> read_meta(const MachineFiles& files) {
  return read_tombstone(files.meta());
}

core::Result<std::optional<MachineMeta>> read_tombstone(const std::string& path) {
  const auto value = read_json(path);
  if (!value) return std::unexpected(value.error());
  if (!*value) return std::nullopt;
  return MachineMeta{net::get_string_or(**value, "deployment", ""),
                     net::get_string_or(**value, "pool", ""),
                     net::get_string_or(**value, "batch", ""),
                     net::get_string_or(**value, "user", ""),
                     to_limits(net::get_object(**value, "limits")),
                     net::get_string_or(**value, "boot_id", ""),
                     to_time(**value, "launched_at")};
}

std::string to_json(const MachineMeta& meta) {
  return json::serialize(json::object{{"deployment", meta.deployment},
                                      {"pool", meta.pool},
                                      {"batch", meta.batch},
                                      {"user", meta.user},
                                      {"limits", to_object(meta.limits)},
                                      {"boot_id", meta.boot_id},
                                      {"launched_at", millis(meta.launched_at)}});
}

core::Result<std::optional<ShimRecord>> read_shim(const MachineFiles& files) {
  const auto value = read_json(files.shim());
  if (!value) return std::unexpected(value.error());
  if (!*value) return std::nullopt;
  return ShimRecord{
      to_identity(net::get_object(**value, "shim")),
      to_identity(net::get_object(**value, "keeper")), net::get_string_or(**value, "runner", ""),
      net::get_string_or(**value, "cgroup", ""), to_int(**value, "restarts").value_or(0)};
}

core::Status write_shim(const MachineFiles& files, const ShimRecord& record) {
  return write_durably(files.shim(),
                       json::serialize(json::object{{"shim", to_object(record.shim)},
                                                    {"keeper", to_object(record.keeper)},
                                                    {"runner", record.runner},
                                                    {"cgroup", record.cgroup},
                                                    {"restarts", record.restarts}}));
}

core::Result<std::optional<EndRecord>> read_end(const MachineFiles& files) {
  const auto value = read_json(files.status());
  if (!value) return std::unexpected(value.error());
  if (!*value) return std::nullopt;
  return EndRecord{to_int(**value, "exit_code"), to_int(**value, "signal"),
                   net::get_string_or(**value, "cause", ""), to_time(**value, "ended_at")};
}

core::Status write_end(const MachineFiles& files, const EndRecord& record) {
  json::object value{{"cause", record.cause}, {"ended_at", millis(record.ended_at)}};
  if (record.exit_code) value["exit_code"] = *record.exit_code;
  if (record.signal) value["signal"] = *record.signal;
  return write_durably(files.status(), json::serialize(value));
}

// One line of JSON, then the JIT configuration as it is: a JSON value would keep copies of it that
// nobody wipes.
core::Secret serialize(const StartOrder& order) {
  json::object value{{"machine", order.machine},
                     {"runner", order.runner},
                     {"root", order.root},
                     {"runners_dir", order.runners_dir},
                     {"uid", order.uid},
                     {"gid", order.gid},
                     {"other_user", order.other_user},
                     {"cgroup_parent", order.cgroup_parent},
                     {"limits", to_object(order.limits)},
                     {"namespaces", order.namespaces},
                     {"no_new_privileges", order.no_new_privileges},
                     {"log_bytes", order.log_bytes},
                     {"grace", order.grace.count()},
                     {"restart_delay", order.restart_delay.count()},
                     {"update_wait", order.update_wait.count()},
                     {"max_restarts", order.max_restarts}};
  value["groups"] = json::array(order.groups.begin(), order.groups.end());
  value["environment"] = json::array(order.environment.begin(), order.environment.end());
  value["controllers"] = json::array(order.controllers.begin(), order.controllers.end());
  std::string text = json::serialize(value) + "\n";
  text.reserve(text.size() + order.jit.reveal().size());
  text += order.jit.reveal();
  return core::Secret(std::move(text));
}

core::Result<StartOrder> parse_order(const core::Secret& text) {
  const std::string_view all = text.reveal();
  const auto line_end = all.find('\n');
  if (line_end == std::string_view::npos) {
    return core::fail(core::Fault::invalid, "the start order is cut short");
  }
  const auto value = net::parse_json(all.substr(0, line_end));
  if (!value) return core::fail(core::Fault::invalid, "start order: " + value.error().what);
  StartOrder order;
  order.machine = net::get_string_or(*value, "machine", "");
  order.runner = net::get_string_or(*value, "runner", "");
  order.root = net::get_string_or(*value, "root", "");
  order.runners_dir = net::get_string_or(*value, "runners_dir", "");
  const auto uid = to_id(net::get_int(*value, "uid"));
  const auto gid = to_id(net::get_int(*value, "gid"));
  if (!uid || !gid || order.root.empty() || order.machine.empty()) {
    return core::fail(core::Fault::invalid, "the start order says neither user nor place");
  }
  order.uid = *uid;
  order.gid = *gid;
  if (const json::array* groups = net::get_array(*value, "groups")) {
    for (const json::value& group : *groups) {
      const auto* number = group.if_int64();
      const auto id = number == nullptr ? std::nullopt : to_id(*number);
      if (!id) return core::fail(core::Fault::invalid, "the start order names no possible group");
      order.groups.push_back(*id);
    }
  }
  order.other_user = net::get_bool(*value, "other_user").value_or(false);
  order.environment = net::get_strings(*value, "environment");
  order.cgroup_parent = net::get_string_or(*value, "cgroup_parent", "");
  order.controllers = net::get_strings(*value, "controllers");
  order.limits = to_limits(net::get_object(*value, "limits"));
  order.namespaces = net::get_bool(*value, "namespaces").value_or(false);
  order.no_new_privileges = net::get_bool(*value, "no_new_privileges").value_or(false);
  order.log_bytes = net::get_int(*value, "log_bytes").value_or(0);
  order.grace = to_duration(*value, "grace");
  order.restart_delay = to_duration(*value, "restart_delay");
  order.update_wait = to_duration(*value, "update_wait");
  order.max_restarts = to_int(*value, "max_restarts").value_or(0);
  order.jit = core::Secret(std::string(all.substr(line_end + 1)));
  return order;
}

}  // namespace jitney::local
