// SPDX-License-Identifier: Apache-2.0
// The part of Bodies that knows Apps, hooks, deliveries and webhook payloads.
#include "net/crypto.hpp"
#include "sim/github/bodies.hpp"

namespace jitney::sim {
namespace {

json::value id_or_null(std::int64_t id) { return id == 0 ? json::value(nullptr) : json::value(id); }

json::array list(const std::set<std::string>& names) {
  return json::array(names.begin(), names.end());
}

json::object headers_object(const net::Headers& headers) {
  json::object object;
  for (const auto& [name, value] : headers.fields()) object[name] = value;
  return object;
}

// GitHub shows a payload as JSON, and answers as text.
json::value payload_of(const Delivery& delivery) {
  boost::system::error_code error;
  json::value value = json::parse(*delivery.payload, error);
  return error ? json::value(json::object()) : value;
}

}  // namespace

json::object Bodies::permissions() const {
  return json::object{{"actions", "read"},
                      {"administration", "write"},
                      {"metadata", "read"},
                      {"organization_self_hosted_runners", "write"}};
}

json::object Bodies::app(const App& app) const {
  const std::string made = "2024-01-01T00:00:00Z";
  return json::object{{"id", app.id},
                      {"slug", app.slug},
                      {"client_id", app.client_id},
                      {"node_id", "A_" + net::base64url(std::to_string(app.id))},
                      {"owner", owner(app.owner)},
                      {"name", app.slug},
                      {"description", nullptr},
                      {"external_url", "https://example.com"},
                      {"html_url", base_ + "/apps/" + app.slug},
                      {"created_at", made},
                      {"updated_at", made},
                      {"permissions", permissions()},
                      {"events", json::array{"workflow_job", "workflow_run"}},
                      {"installations_count",
                       std::ranges::count(accounts_.installations, app.id, &Installation::app_id)}};
}

json::object Bodies::installation(const Installation& installation) const {
  const App* its = accounts_.app(installation.app_id);
  const Organization* account = world_.organization(installation.account);
  const std::string made = "2024-01-01T00:00:00Z";
  const std::string id = std::to_string(installation.id);
  return json::object{
      {"id", installation.id},
      {"account", owner(installation.account)},
      {"repository_selection", installation.repositories.empty() ? "all" : "selected"},
      {"access_tokens_url", base_ + "/app/installations/" + id + "/access_tokens"},
      {"repositories_url", base_ + "/installation/repositories"},
      {"html_url",
       base_ + "/organizations/" + installation.account + "/settings/installations/" + id},
      {"app_id", installation.app_id},
      {"app_slug", its != nullptr ? its->slug : ""},
      {"target_id", account != nullptr ? account->id : 0},
      {"target_type", "Organization"},
      {"permissions", permissions()},
      {"events", json::array{"workflow_job", "workflow_run"}},
      {"created_at", made},
      {"updated_at", made},
      {"single_file_name", nullptr},
      {"has_multiple_single_files", false},
      {"single_file_paths", json::array()},
      {"suspended_by", nullptr},
      {"suspended_at", nullptr}};
}

std::string Bodies::hooks_url(const Hook& hook) const {
  switch (hook.kind) {
    case HookKind::app:
      return base_ + "/app/hook";
    case HookKind::organization:
      return base_ + "/orgs/" + hook.owner + "/hooks/" + std::to_string(hook.id);
    case HookKind::repository:
      return base_ + "/repos/" + hook.owner + "/hooks/" + std::to_string(hook.id);
  }
  return base_;
}

json::object Bodies::hook_config(const Hook& hook) const {
  json::object config{{"url", hook.url},
                      {"content_type", hook.form ? "form" : "json"},
                      {"insecure_ssl", hook.insecure ? "1" : "0"}};
  if (!hook.secret.empty()) config["secret"] = "********";
  return config;
}

json::object Bodies::hook(const Hook& hook) const {
  const std::string url = hooks_url(hook);
  json::object body{{"id", hook.id},
                    {"type", hook.kind == HookKind::app            ? "App"
                             : hook.kind == HookKind::organization ? "Organization"
                                                                   : "Repository"},
                    {"name", "web"},
                    {"active", hook.active},
                    {"events", list(hook.events)},
                    {"config", hook_config(hook)},
                    {"url", url},
                    {"ping_url", url + "/pings"},
                    {"deliveries_url", url + "/deliveries"},
                    {"created_at", rfc3339(hook.created_at)},
                    {"updated_at", rfc3339(hook.created_at)}};
  if (hook.kind == HookKind::repository) {
    body["test_url"] = url + "/test";
    body["last_response"] =
        json::object{{"code", nullptr}, {"status", "unused"}, {"message", nullptr}};
  }
  return body;
}

json::object Bodies::delivery(const Delivery& delivery, bool whole) const {
  json::object body{
      {"id", delivery.id},
      {"guid", delivery.guid},
      {"delivered_at", rfc3339(delivery.delivered_at)},
      {"redelivery", delivery.redelivery},
      {"duration", delivery.duration},
      {"status", delivery.status},
      {"status_code", delivery.status_code},
      {"event", delivery.event},
      {"action", delivery.action.empty() ? json::value(nullptr) : json::value(delivery.action)},
      {"installation_id", id_or_null(delivery.installation_id)},
      {"repository_id", id_or_null(delivery.repository_id)},
      {"throttled_at", nullptr}};
  if (whole) {
    body["url"] = "";
    body["request"] = json::object{{"headers", headers_object(delivery.headers)},
                                   {"payload", payload_of(delivery)}};
    body["response"] = json::object{{"headers", headers_object(delivery.answer_headers)},
                                    {"payload", delivery.answer}};
  }
  return body;
}

std::string Bodies::event_payload(const Event& event, const Installation* installation) const {
  const Repository& where = *world_.repository(event.run.repository);
  json::object body{{"action", event.action}};
  if (event.of_run) {
    body["workflow_run"] = run(event.run);
    const std::string url = base_ + "/repos/" + where.full_name() + "/actions/workflows/" +
                            std::to_string(event.run.workflow_id);
    body["workflow"] =
        json::object{{"id", event.run.workflow_id},
                     {"node_id", "W_" + net::base64url(std::to_string(event.run.workflow_id))},
                     {"name", event.run.workflow},
                     {"path", ".github/workflows/" + lower_case(event.run.workflow) + ".yml"},
                     {"state", "active"},
                     {"created_at", rfc3339(where.created_at)},
                     {"updated_at", rfc3339(where.created_at)},
                     {"url", url},
                     {"html_url", url},
                     {"badge_url", url + "/badge.svg"}};
  } else {
    body["workflow_job"] = job(event.job, true);
  }
  body["repository"] = repository(where);
  if (const Organization* owner_of = world_.organization(where.owner)) {
    body["organization"] = organization(*owner_of);
  }
  body["sender"] = owner("octocat");
  if (installation != nullptr) {
    body["installation"] = json::object{
        {"id", installation->id},
        {"node_id", net::base64("023:IntegrationInstallation" + std::to_string(installation->id))}};
  }
  return json::serialize(body);
}

std::string Bodies::ping_payload(const Hook& target) const {
  json::object body{{"zen", "Keep it logically awesome."},
                    {"hook_id", target.id},
                    {"hook", hook(target)},
                    {"sender", owner("octocat")}};
  if (target.kind == HookKind::organization) {
    if (const Organization* its = world_.organization(target.owner)) {
      body["organization"] = organization(*its);
    }
  }
  if (target.kind == HookKind::repository) {
    if (const Repository* its = world_.repository(target.owner)) {
      body["repository"] = repository(*its);
    }
  }
  return json::serialize(body);
}

}  // namespace jitney::sim
