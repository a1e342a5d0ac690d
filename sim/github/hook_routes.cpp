// SPDX-License-Identifier: Apache-2.0
// Webhooks of Apps, organisations and repositories, and their deliveries.
#include <algorithm>
#include <charconv>

#include "sim/github/rest.hpp"

namespace jitney::sim {
namespace {

// The hooks that this path is about: of the App, of an organisation, of a repository.
struct Place {
  HookKind kind;
  std::string owner;
  std::size_t next;  // index of the first variable after the owner
};

Place place_of(const Exchange& e) {
  if (e.who.kind == Identity::Kind::app) return {HookKind::app, std::to_string(e.who.id), 0};
  if (scope_of(e).scope.kind == ScopeKind::repository) {
    return {HookKind::repository, e.full_name(), 2};
  }
  return {HookKind::organization, e.vars[0], 1};
}

bool at(const Hook& hook, const Place& place) {
  return hook.kind == place.kind && same_name(hook.owner, place.owner);
}

// Null when the path names a hook that is not there.
const Hook* hook_here(const Exchange& e, const Place& place) {
  for (const auto& hook : e.state.hooks.all()) {
    if (at(*hook, place) && (place.kind == HookKind::app || hook->id == e.id(place.next))) {
      return hook.get();
    }
  }
  return nullptr;
}

net::Response list_hooks(Exchange& e) {
  std::vector<json::value> items;
  for (const auto& hook : e.state.hooks.all()) {
    if (at(*hook, place_of(e))) items.emplace_back(e.bodies.hook(*hook));
  }
  return page_of(e, "", items);
}

net::Response get_hook(Exchange& e) {
  const Hook* hook = hook_here(e, place_of(e));
  return hook == nullptr ? not_found() : json_answer(200, e.bodies.hook(*hook));
}

const json::object* object_in(const json::object& body, std::string_view key) {
  const json::value* found = body.if_contains(key);
  return found == nullptr ? nullptr : found->if_object();
}

std::optional<std::string> text_in(const json::object& body, std::string_view key) {
  const json::value* found = body.if_contains(key);
  if (found == nullptr || !found->is_string()) return std::nullopt;
  return std::string(found->get_string());
}

// What is not there stays as it is, but for the secret, which a new configuration without one ends.
void read_config(const json::object& config, Hook& hook, bool keeps_secret) {
  if (auto url = text_in(config, "url")) hook.url = *std::move(url);
  if (const auto type = text_in(config, "content_type")) hook.form = *type != "json";
  if (const auto insecure = text_in(config, "insecure_ssl")) hook.insecure = *insecure == "1";
  if (auto secret = text_in(config, "secret")) {
    hook.secret = core::Secret(*std::move(secret));
  } else if (!keeps_secret) {
    hook.secret = core::Secret();
  }
}

// Events and "active" as a body gives them.
void read_rest(const json::object& body, Hook& hook) {
  if (const json::value* events = body.if_contains("events");
      events != nullptr && events->is_array()) {
    hook.events.clear();
    for (const json::value& event : events->get_array()) {
      if (event.is_string()) hook.events.emplace(event.get_string());
    }
  }
  if (const json::value* active = body.if_contains("active");
      active != nullptr && active->is_bool()) {
    hook.active = active->get_bool();
  }
}

net::Response create_hook(Exchange& e) {
  boost::system::error_code error;
  const json::value parsed = json::parse(e.request.body, error);
  if (error || !parsed.is_object()) return refusal(400, "Problems parsing JSON");
  const json::object* config = object_in(parsed.get_object(), "config");
  if (config == nullptr || !text_in(*config, "url")) return refusal(422, "Validation Failed");
  const Place place = place_of(e);
  Hook hook;
  hook.kind = place.kind;
  hook.owner = place.owner;
  hook.events = {"push"};
  hook.form = true;  // GitHub's own default
  read_config(*config, hook, false);
  read_rest(parsed.get_object(), hook);
  const Hook& added = e.state.hooks.add(std::move(hook), e.now);
  ping(e.state, added, e.now);
  return json_answer(201, e.bodies.hook(added));
}

net::Response update_hook(Exchange& e) {
  const Hook* found = hook_here(e, place_of(e));
  if (found == nullptr) return not_found();
  boost::system::error_code error;
  const json::value parsed = json::parse(e.request.body, error);
  if (error || !parsed.is_object()) return refusal(400, "Problems parsing JSON");
  Hook& hook = *e.state.hooks.find(found->id);
  if (const json::object* config = object_in(parsed.get_object(), "config")) {
    read_config(*config, hook, false);
  }
  read_rest(parsed.get_object(), hook);
  return json_answer(200, e.bodies.hook(hook));
}

net::Response get_app_hook(Exchange& e) {
  const Hook* hook = hook_here(e, place_of(e));
  return json_answer(200, hook == nullptr ? json::object() : e.bodies.hook_config(*hook));
}

net::Response update_app_hook(Exchange& e) {
  boost::system::error_code error;
  const json::value parsed = json::parse(e.request.body, error);
  if (error || !parsed.is_object()) return refusal(400, "Problems parsing JSON");
  const Place place = place_of(e);
  const Hook* found = hook_here(e, place);
  if (found == nullptr) {
    Hook made;
    made.kind = place.kind;
    made.owner = place.owner;
    found = &e.state.hooks.add(std::move(made), e.now);
  }
  Hook& hook = *e.state.hooks.find(found->id);
  read_config(parsed.get_object(), hook, true);
  return json_answer(200, e.bodies.hook_config(hook));
}

net::Response ping_hook(Exchange& e) {
  const Hook* hook = hook_here(e, place_of(e));
  if (hook == nullptr) return not_found();
  ping(e.state, *hook, e.now);
  return no_content();
}

std::int64_t cursor_of(const Exchange& e) {
  const std::string text = e.request.query("cursor").value_or("");
  std::int64_t cursor = 0;
  std::from_chars(text.data(), text.data() + text.size(), cursor);
  return cursor;
}

// Newest first, paged by cursor and not by number.
net::Response list_deliveries(Exchange& e) {
  const Hook* hook = hook_here(e, place_of(e));
  if (hook == nullptr) return not_found();
  const std::string wanted = e.request.query("per_page").value_or("30");
  std::size_t size = 30;
  std::from_chars(wanted.data(), wanted.data() + wanted.size(), size);
  size = std::clamp<std::size_t>(size, 1, 100);
  const std::int64_t cursor = cursor_of(e);
  const std::string status = e.request.query("status").value_or("");
  json::array shown;
  std::int64_t next = 0;
  for (const auto& [id, delivery] : e.state.hooks.deliveries()) {
    const bool failed = delivery.status_code < 200 || delivery.status_code > 399;
    if (delivery.hook != hook->id || !delivery.done || (cursor != 0 && id > cursor) ||
        (status == "failure" && !failed) || (status == "success" && failed)) {
      continue;
    }
    if (shown.size() == size) {
      next = id;
      break;
    }
    shown.push_back(e.bodies.delivery(delivery, false));
  }
  net::Response response = json_answer(200, shown);
  if (next != 0) {
    std::string link = "<" + e.state.base + std::string(e.request.path()) +
                       "?per_page=" + std::to_string(size) + "&cursor=" + std::to_string(next);
    if (!status.empty()) link += "&status=" + net::percent_encode(status);
    response.headers.set("Link", link + ">; rel=\"next\"");
  }
  return response;
}

const Delivery* delivery_here(const Exchange& e) {
  const Place place = place_of(e);
  const Hook* hook = hook_here(e, place);
  if (hook == nullptr) return nullptr;
  const std::size_t index = place.kind == HookKind::app ? 0 : place.next + 1;
  const auto found = e.state.hooks.deliveries().find(e.id(index));
  return found == e.state.hooks.deliveries().end() || found->second.hook != hook->id
             ? nullptr
             : &found->second;
}

net::Response get_delivery(Exchange& e) {
  const Delivery* delivery = delivery_here(e);
  return delivery == nullptr ? not_found() : json_answer(200, e.bodies.delivery(*delivery, true));
}

net::Response redeliver(Exchange& e) {
  const Delivery* delivery = delivery_here(e);
  if (delivery == nullptr) return not_found();
  e.state.hooks.redeliver(delivery->id, e.now);
  return json_answer(202, json::object());
}

}  // namespace

const std::vector<Route>& hook_routes() {
  static const std::vector<Route> kRoutes{
      {"GET", "/app/hook/config", get_app_hook},
      {"PATCH", "/app/hook/config", update_app_hook},
      {"GET", "/app/hook/deliveries", list_deliveries},
      {"GET", "/app/hook/deliveries/{delivery_id}", get_delivery},
      {"POST", "/app/hook/deliveries/{delivery_id}/attempts", redeliver},
      {"GET", "/orgs/{org}/hooks", list_hooks},
      {"POST", "/orgs/{org}/hooks", create_hook},
      {"GET", "/orgs/{org}/hooks/{hook_id}", get_hook},
      {"PATCH", "/orgs/{org}/hooks/{hook_id}", update_hook},
      {"POST", "/orgs/{org}/hooks/{hook_id}/pings", ping_hook},
      {"GET", "/orgs/{org}/hooks/{hook_id}/deliveries", list_deliveries},
      {"GET", "/orgs/{org}/hooks/{hook_id}/deliveries/{delivery_id}", get_delivery},
      {"POST", "/orgs/{org}/hooks/{hook_id}/deliveries/{delivery_id}/attempts", redeliver},
      {"GET", "/repos/{owner}/{repo}/hooks", list_hooks},
      {"POST", "/repos/{owner}/{repo}/hooks", create_hook},
      {"GET", "/repos/{owner}/{repo}/hooks/{hook_id}", get_hook},
      {"PATCH", "/repos/{owner}/{repo}/hooks/{hook_id}", update_hook},
      {"POST", "/repos/{owner}/{repo}/hooks/{hook_id}/pings", ping_hook},
      {"GET", "/repos/{owner}/{repo}/hooks/{hook_id}/deliveries", list_deliveries},
      {"GET", "/repos/{owner}/{repo}/hooks/{hook_id}/deliveries/{delivery_id}", get_delivery},
      {"POST", "/repos/{owner}/{repo}/hooks/{hook_id}/deliveries/{delivery_id}/attempts",
       redeliver},
  };
  return kRoutes;
}

}  // namespace jitney::sim
