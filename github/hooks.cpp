// SPDX-License-Identifier: Apache-2.0
#include "github/hooks.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "github/job_body.hpp"
#include "net/json.hpp"
#include "net/rfc3339.hpp"

namespace jitney::github {
namespace {

namespace bj = boost::json;
using core::Fault;

constexpr int kHookPages = 5;
constexpr std::size_t kMaxWord = 300;

std::string word(const bj::value& value, std::string_view key) {
  return bounded(net::get_string_or(value, key, ""), kMaxWord);
}

core::Status has_hooks(const Session& session) {
  if (session.is_app() || session.endpoint().kind != ScopeKind::enterprise) return {};
  return core::fail(Fault::invalid,
                    "GitHub's API shows no webhooks of enterprises: an owner of the enterprise "
                    "looks after them, in its settings under Hooks");
}

// "/orgs/{org}/hooks" or "/repos/{owner}/{repo}/hooks".
Call hooks_call(const Session& session, std::string_view route_rest, std::string_view path_rest) {
  const bool organization = session.endpoint().kind == ScopeKind::organization;
  return {.route = (organization ? "/orgs/{org}/hooks" : "/repos/{owner}/{repo}/hooks") +
                   std::string(route_rest),
          .path = session.endpoint().scope_path() + "/hooks" + std::string(path_rest)};
}

Call app_call(std::string method, const std::string& path) {
  return {.method = std::move(method), .route = path, .path = path, .lane = Lane::app};
}

void read_config(const bj::value& config, Hook& hook) {
  hook.url = word(config, "url");
  hook.content_type = word(config, "content_type");
  // Text or number, as GitHub pleases.
  const bj::value* insecure = net::get_value(config, "insecure_ssl");
  hook.verifies_tls =
      insecure == nullptr || (net::get_string_or(config, "insecure_ssl", "") != "1" &&
                              net::get_int(config, "insecure_ssl").value_or(0) != 1);
  hook.has_secret = !net::get_string_or(config, "secret", "").empty();
}

core::Result<std::vector<Hook>> app_hook(Session& session) {
  const auto config = session.call_json(app_call("GET", "/app/hook/config"));
  if (!config) return std::unexpected(config.error());
  const auto app = session.call_json(app_call("GET", "/app"));
  if (!app) return std::unexpected(app.error());
  Hook hook;
  read_config(*config, hook);
  hook.events = net::get_strings(*app, "events");
  if (hook.url.empty()) return std::vector<Hook>{};
  return std::vector{std::move(hook)};
}

// The secret stands in the request's body, as GitHub wants it, and nowhere else.
bj::object config_of(const HookWish& wish) {
  return {{"url", wish.url},
          {"content_type", "json"},
          {"insecure_ssl", "0"},
          {"secret", wish.secret.reveal()}};
}

bj::object body_of(const HookWish& wish) {
  return {{"active", true},
          {"events", bj::array(wish.events.begin(), wish.events.end())},
          {"config", config_of(wish)}};
}

}  // namespace

core::Result<std::vector<Hook>> list_hooks(Session& session) {
  if (auto some = has_hooks(session); !some) return std::unexpected(std::move(some.error()));
  if (session.is_app()) return app_hook(session);
  std::vector<Hook> hooks;
  const auto read = [&](const bj::value& item) {
    Hook hook;
    hook.id = net::get_int(item, "id").value_or(0);
    if (hook.id <= 0) return true;
    if (const bj::value* config = net::get_object(item, "config")) read_config(*config, hook);
    hook.active = net::get_bool(item, "active").value_or(false);
    hook.events = net::get_strings(item, "events");
    hooks.push_back(std::move(hook));
    return true;
  };
  const auto listed =
      session.all_pages(hooks_call(session, "", "?per_page=100"), "", kHookPages, read);
  if (!listed) return std::unexpected(listed.error());
  return hooks;
}

core::Result<std::vector<HookDelivery>> last_deliveries(Session& session, std::int64_t hook) {
  if (auto some = has_hooks(session); !some) return std::unexpected(std::move(some.error()));
  Call call;
  if (session.is_app()) {
    call = app_call("GET", "/app/hook/deliveries");
    call.path += "?per_page=100";
  } else {
    call = hooks_call(session, "/{hook_id}/deliveries",
                      "/" + std::to_string(hook) + "/deliveries?per_page=100");
  }
  std::vector<HookDelivery> deliveries;
  const auto read = [&](const bj::value& item) {
    const auto at = net::parse_rfc3339(net::get_string_or(item, "delivered_at", ""));
    if (!at) return true;
    HookDelivery delivery;
    delivery.id = net::get_int(item, "id").value_or(0);
    delivery.at = *at;
    delivery.event = word(item, "event");
    if (const std::string action = word(item, "action"); !action.empty()) {
      delivery.event += "." + action;
    }
    delivery.answer = static_cast<int>(
        std::clamp<std::int64_t>(net::get_int(item, "status_code").value_or(0), 0, 999));
    delivery.status = word(item, "status");
    deliveries.push_back(std::move(delivery));
    return true;
  };
  const auto listed = session.pages(call, "", 1, read);
  if (!listed) return std::unexpected(listed.error());
  return deliveries;
}

core::Result<std::int64_t> create_hook(Session& session, const HookWish& wish) {
  if (auto some = has_hooks(session); !some) return std::unexpected(std::move(some.error()));
  if (session.is_app()) {
    const core::Status changed = change_hook(session, kAppHook, wish);
    if (!changed) return std::unexpected(changed.error());
    return kAppHook;
  }
  Call call = hooks_call(session, "", "");
  call.method = "POST";
  bj::object body = body_of(wish);
  body["name"] = "web";
  call.body = bj::serialize(body);
  const auto made = session.call_json(call);
  if (!made) return std::unexpected(made.error());
  return net::get_int(*made, "id").value_or(0);
}

core::Status change_hook(Session& session, std::int64_t hook, const HookWish& wish) {
  if (auto some = has_hooks(session); !some) return some;
  Call call;
  if (session.is_app()) {
    call = app_call("PATCH", "/app/hook/config");
    call.body = bj::serialize(config_of(wish));
  } else {
    call = hooks_call(session, "/{hook_id}", "/" + std::to_string(hook));
    call.method = "PATCH";
    call.body = bj::serialize(body_of(wish));
  }
  const auto changed = session.call(call);
  if (!changed) return std::unexpected(changed.error());
  return {};
}

core::Status ping_hook(Session& session, std::int64_t hook) {
  if (auto some = has_hooks(session); !some) return some;
  if (session.is_app()) {
    return core::fail(Fault::invalid, "GitHub sends no ping to an App's webhook when asked");
  }
  Call call = hooks_call(session, "/{hook_id}/pings", "/" + std::to_string(hook) + "/pings");
  call.method = "POST";
  const auto sent = session.call(call);
  if (!sent) return std::unexpected(sent.error());
  return {};
}

bool same_address(std::string_view one, std::string_view other) {
  while (one.ends_with('/')) one.remove_suffix(1);
  while (other.ends_with('/')) other.remove_suffix(1);
  return one == other;
}

}  // namespace jitney::github
