// SPDX-License-Identifier: Apache-2.0
// Webhook deliveries that failed, and asking for them again. An App has one hook, asked about with
// its JWT; an organisation or repository may have many, asked about with the token.
#include <boost/json/value.hpp>
#include <map>
#include <set>

#include "github/job_body.hpp"
#include "github/rest_forge.hpp"
#include "net/json.hpp"
#include "net/rfc3339.hpp"

namespace jitney::github {
namespace {

namespace bj = boost::json;
using core::FailedDelivery;
using core::Fault;
using core::Time;

constexpr int kDeliveryPages = 100;
constexpr int kHookPages = 5;
constexpr std::int64_t kAppHook = 0;
// Deliveries under way appear when they end, and hooks are read one after the other: the last
// minute is looked at again next time.
constexpr core::Duration kOverlap = std::chrono::minutes(1);
constexpr std::size_t kMaxGuid = 100;

std::string_view without_slash(std::string_view url) {
  while (url.ends_with('/')) url.remove_suffix(1);
  return url;
}

bool wants_jobs(const bj::value& hook) {
  for (const std::string& event : net::get_strings(hook, "events")) {
    if (event == "workflow_job" || event == "*") return true;
  }
  return false;
}

}  // namespace

struct RestForge::Harvest {
  std::int64_t installation = 0;  // of our App; 0: any
  std::set<std::string> succeeded;
  std::map<std::string, std::pair<FailedDelivery, std::int64_t>> failed;  // by guid; the hook
  Time newest{};

  // Newest first. False: older than `since`, and so is all that follows.
  bool take(const bj::value& record, std::int64_t hook, Time since) {
    const auto at = net::parse_rfc3339(net::get_string_or(record, "delivered_at", ""));
    const std::int64_t id = net::get_int(record, "id").value_or(0);
    std::string guid = bounded(net::get_string_or(record, "guid", ""), kMaxGuid);
    if (!at || id <= 0 || guid.empty()) return true;
    if (*at < since) return false;
    newest = std::max(newest, *at);
    const std::string event = net::get_string_or(record, "event", "");
    if (event != "workflow_job" && event != "workflow_run") return true;
    // Other scopes of the same App look after their own.
    const auto whose = net::get_int(record, "installation_id");
    if (installation != 0 && whose && *whose != installation) return true;
    const std::int64_t status = net::get_int(record, "status_code").value_or(0);
    if (status >= 200 && status < 400) {
      succeeded.insert(std::move(guid));
    } else if (!succeeded.contains(guid)) {
      failed.try_emplace(guid, FailedDelivery{id, guid, *at}, hook);
    }
    return true;
  }
};

Call RestForge::deliveries_call(std::int64_t hook, bool failures_only) const {
  const std::string query = failures_only ? "?per_page=100&status=failure" : "?per_page=100";
  if (hook == kAppHook) {
    return {
        .route = "/app/hook/deliveries", .path = "/app/hook/deliveries" + query, .lane = Lane::app};
  }
  return {.route = scope_route("/hooks/{hook_id}/deliveries"),
          .path = scope_path("/hooks/" + std::to_string(hook) + "/deliveries" + query)};
}

// Whether it is only the hooks that these credentials may not see. Else the error stands: a token
// that is no good at all is no reason to say that nothing failed.
core::Result<bool> RestForge::may_not_see_hooks(const Call& list) {
  Call trial = list;
  trial.welcome = {403, 404};
  const auto answer = session_->call(trial);
  if (!answer) return std::unexpected(answer.error());
  if (answer->status != 403 && answer->status != 404) return false;
  core::Error error = session_->rest().refused(list, *answer);
  if (error.fault == Fault::throttled) return std::unexpected(std::move(error));
  return true;
}

// Empty when the credentials may not see hooks.
core::Result<std::vector<std::int64_t>> RestForge::hooks() {
  if (session_->is_app()) return std::vector{kAppHook};
  std::vector<std::int64_t> ours;
  // Enterprises have hooks that only people can see.
  if (session_->endpoint().kind == ScopeKind::enterprise) return ours;
  const Call list{.route = scope_route("/hooks"), .path = scope_path("/hooks?per_page=100")};
  const auto status = session_->all_pages(list, "", kHookPages, [&](const bj::value& hook) {
    const bj::value* config = net::get_object(hook, "config");
    const std::string url = config == nullptr ? "" : net::get_string_or(*config, "url", "");
    const bool named =
        options_.webhook_url.empty() || without_slash(url) == without_slash(options_.webhook_url);
    const std::int64_t id = net::get_int(hook, "id").value_or(0);
    if (id > 0 && named && wants_jobs(hook)) ours.push_back(id);
    return true;
  });
  if (status) return ours;
  if (status.error().fault == Fault::unauthorized || status.error().fault == Fault::not_found) {
    const auto hidden = may_not_see_hooks(list);
    if (!hidden) return std::unexpected(hidden.error());
    if (*hidden) return std::vector<std::int64_t>{};
  }
  return std::unexpected(status.error());
}

core::Status RestForge::gather(std::int64_t hook, Time since, Harvest& harvest) {
  const auto take = [&](const bj::value& record) { return harvest.take(record, hook, since); };
  const auto end = session_->pages(deliveries_call(hook, false), "", kDeliveryPages, take);
  if (!end) return std::unexpected(end.error());
  if (*end == Pages::all) return {};
  // After a long outage: too many to read them all, but the failures alone may fit.
  return session_->all_pages(deliveries_call(hook, true), "", kDeliveryPages, take);
}

core::Result<core::Deliveries> RestForge::failed_deliveries(Time since) {
  const auto ours = hooks();
  if (!ours) return std::unexpected(ours.error());
  Harvest harvest;
  if (session_->is_app()) {
    // Known once a token was fetched; GitHub is asked for one where none was yet.
    if (const auto token = session_->credentials().authorization(); !token) {
      return std::unexpected(token.error());
    }
    harvest.installation = session_->credentials().installation();
  }
  for (const std::int64_t hook : *ours) {
    if (auto status = gather(hook, since, harvest); !status) {
      return std::unexpected(std::move(status.error()));
    }
  }
  core::Deliveries out;
  out.seen_until = std::max(since, harvest.newest - kOverlap);
  const std::lock_guard lock(mutex_);
  hook_of_.clear();
  for (auto& [guid, entry] : harvest.failed) {
    if (harvest.succeeded.contains(guid)) continue;
    hook_of_[entry.first.id] = entry.second;
    out.failed.push_back(std::move(entry.first));
  }
  return out;
}

// False: this hook has no such delivery.
core::Result<bool> RestForge::ask_again(std::int64_t hook, std::int64_t delivery) {
  Call call{.method = "POST", .welcome = {404}};
  const std::string end = "/deliveries/" + std::to_string(delivery) + "/attempts";
  if (hook == kAppHook) {
    call.route = "/app/hook/deliveries/{delivery_id}/attempts";
    call.path = "/app/hook" + end;
    call.lane = Lane::app;
  } else {
    call.route = scope_route("/hooks/{hook_id}/deliveries/{delivery_id}/attempts");
    call.path = scope_path("/hooks/" + std::to_string(hook) + end);
  }
  const auto answer = session_->call(call);
  if (!answer) return std::unexpected(answer.error());
  return answer->status != 404;
}

core::Status RestForge::redeliver(std::int64_t delivery) {
  std::vector<std::int64_t> candidates;
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = hook_of_.find(delivery); known != hook_of_.end()) {
      candidates.push_back(known->second);
    }
  }
  if (candidates.empty()) {
    auto ours = hooks();
    if (!ours) return std::unexpected(std::move(ours.error()));
    candidates = *std::move(ours);
  }
  for (const std::int64_t hook : candidates) {
    const auto asked = ask_again(hook, delivery);
    if (!asked) return std::unexpected(asked.error());
    if (*asked) return {};
  }
  return core::fail(Fault::not_found, "GitHub knows no webhook delivery " +
                                          std::to_string(delivery) + " of ours (any more)");
}

}  // namespace jitney::github
