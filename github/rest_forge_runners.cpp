// SPDX-License-Identifier: Apache-2.0
// Registrations: mint, find, list, remove.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>

#include "github/job_body.hpp"
#include "github/rest_forge.hpp"
#include "net/json.hpp"

namespace jitney::github {
namespace {

namespace bj = boost::json;
using core::Fault;
using core::Registration;

constexpr int kRunnerPages = 200;  // a runner group holds 10,000; several groups share a scope
constexpr core::Duration kScopeSeenLately = std::chrono::minutes(1);

Registration read_registration(const bj::value& runner) {
  return {.id = net::get_int(runner, "id").value_or(0),
          .name = bounded(net::get_string_or(runner, "name", "")),
          .online = net::get_string_or(runner, "status", "") == "online",
          .busy = net::get_bool(runner, "busy").value_or(false)};
}

}  // namespace

core::Result<core::Minted> RestForge::mint(const core::RunnerName& name,
                                           std::span<const std::string> labels,
                                           std::int64_t runner_group) {
  bj::array list;
  for (const std::string& label : labels) list.emplace_back(label);
  const bj::object body{{"name", name},
                        {"runner_group_id", runner_group},
                        {"labels", std::move(list)},
                        {"work_folder", "_work"}};
  constexpr std::string_view kPath = "/actions/runners/generate-jitconfig";
  const auto answer = session_->call_json({.method = "POST",
                                           .route = scope_route(kPath),
                                           .path = scope_path(kPath),
                                           .body = bj::serialize(body),
                                           .lane = Lane::registration});
  if (!answer) {
    core::Error error = answer.error();
    error.what += ", for runner " + name;
    return std::unexpected(std::move(error));
  }
  const bj::value* runner = net::get_object(*answer, "runner");
  const std::int64_t id = runner == nullptr ? 0 : net::get_int(*runner, "id").value_or(0);
  auto jit = net::get_string(*answer, "encoded_jit_config");
  if (id <= 0 || !jit || jit->empty()) {
    return core::fail(
        Fault::transient,
        "POST " + scope_path(kPath) +
            ": the answer lacks \"runner.id\" or \"encoded_jit_config\", for runner " + name);
  }
  saw_scope();
  return core::Minted{id, core::Secret(*std::move(jit))};
}

core::Status RestForge::each_runner(const std::string& query,
                                    const std::function<bool(Registration)>& each) {
  auto status = session_->all_pages({.route = scope_route("/actions/runners"),
                                     .path = scope_path("/actions/runners?per_page=100" + query)},
                                    "runners", kRunnerPages, [&](const bj::value& runner) {
                                      return each(read_registration(runner));
                                    });
  if (status) saw_scope();
  return status;
}

core::Result<std::optional<Registration>> RestForge::find(const core::RunnerName& name) {
  std::optional<Registration> found;
  // GitHub Enterprise Server may not know the filter and answer with all.
  const auto status =
      each_runner("&name=" + net::percent_encode(name), [&](Registration registration) {
        if (registration.name == name && registration.id > 0) found = std::move(registration);
        return !found;
      });
  if (!status) return std::unexpected(status.error());
  return found;
}

core::Result<std::vector<Registration>> RestForge::runners() {
  std::vector<Registration> ours;
  const std::string prefix = options_.deployment + "-";
  const auto status = each_runner("", [&](Registration registration) {
    if (registration.name.starts_with(prefix) && registration.id > 0) {
      ours.push_back(std::move(registration));
    }
    return true;
  });
  if (!status) return std::unexpected(status.error());
  return ours;
}

core::Status RestForge::confirm_scope() {
  const core::Time seen = scope_seen_;
  const core::Time now = clock_.now();
  if (seen <= now && now - seen < kScopeSeenLately) return {};
  const auto answer = session_->call_json({.route = scope_route("/actions/runners"),
                                           .path = scope_path("/actions/runners?per_page=1")});
  if (!answer) {
    core::Error error = answer.error();
    if (error.fault == Fault::not_found) error.fault = Fault::unauthorized;
    return std::unexpected(std::move(error));
  }
  saw_scope();
  return {};
}

core::Result<core::Removal> RestForge::remove(core::ForgeId id) {
  const std::string path = scope_path("/actions/runners/" + std::to_string(id));
  const auto answer = session_->call({.method = "DELETE",
                                      .route = scope_route("/actions/runners/{runner_id}"),
                                      .path = path,
                                      .welcome = {404, 422}});
  if (!answer) return std::unexpected(answer.error());
  // 422 is "still running a job". Should GitHub ever mean something else by it: nothing was
  // removed, and to take a runner for busy harms no job.
  if (answer->status == 422) return core::Removal::busy;
  if (answer->status == 404) {
    // Also what credentials get that no longer see the scope, while the runner works on.
    if (auto confirmed = confirm_scope(); !confirmed) {
      return std::unexpected(std::move(confirmed.error()));
    }
    return core::Removal::absent;
  }
  saw_scope();
  return core::Removal::removed;
}

}  // namespace jitney::github
