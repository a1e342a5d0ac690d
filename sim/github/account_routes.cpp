// SPDX-License-Identifier: Apache-2.0
// Apps, installations, their tokens and repositories, and the rate limit.
#include <algorithm>

#include "sim/github/rest.hpp"

namespace jitney::sim {
namespace {

net::Response get_app(Exchange& e) {
  return json_answer(200, e.bodies.app(*e.state.accounts.app(e.who.id)));
}

net::Response list_installations(Exchange& e) {
  std::vector<json::value> items;
  for (const Installation& each : e.state.accounts.installations) {
    if (each.app_id == e.who.id) items.emplace_back(e.bodies.installation(each));
  }
  return page_of(e, "", items);
}

net::Response show_installation(Exchange& e, const auto& wanted) {
  for (const Installation& each : e.state.accounts.installations) {
    if (each.app_id == e.who.id && wanted(each)) {
      return json_answer(200, e.bodies.installation(each));
    }
  }
  return not_found();
}

net::Response get_installation(Exchange& e) {
  return show_installation(e, [&](const Installation& i) { return i.id == e.id(0); });
}

net::Response get_owner_installation(Exchange& e) {
  return show_installation(e,
                           [&](const Installation& i) { return same_name(i.account, e.vars[0]); });
}

net::Response get_repository_installation(Exchange& e) {
  const Repository* where = e.state.world.repository(e.full_name());
  if (where == nullptr) return not_found();
  return show_installation(e, [&](const Installation& i) {
    return same_name(i.account, where->owner) &&
           (i.repositories.empty() || i.repositories.contains(where->full_name()));
  });
}

net::Response create_token(Exchange& e) {
  const Installation* its = e.state.accounts.installation(e.id(0));
  if (its == nullptr || its->app_id != e.who.id) return not_found();
  const auto [token, expires_at] = e.state.accounts.issue(*its, e.now);
  e.state.secrets.push_back(token);
  return json_answer(
      201, json::object{{"token", token},
                        {"expires_at", rfc3339(expires_at)},
                        {"permissions", e.bodies.permissions()},
                        {"repository_selection", its->repositories.empty() ? "all" : "selected"}});
}

net::Response list_installation_repositories(Exchange& e) {
  std::vector<json::value> items;
  for (const Repository& each : e.state.world.repositories()) {
    if (e.state.accounts.sees_repository(e.who, each.full_name())) {
      items.emplace_back(e.bodies.repository(each));
    }
  }
  return page_of(e, "repositories", items);
}

net::Response list_owner_repositories(Exchange& e) {
  std::vector<json::value> items;
  for (const Repository& each : e.state.world.repositories()) {
    if (same_name(each.owner, e.vars[0]) &&
        e.state.accounts.sees_repository(e.who, each.full_name())) {
      items.emplace_back(e.bodies.repository(each));
    }
  }
  return page_of(e, "", items);
}

net::Response get_repository(Exchange& e) {
  return json_answer(200, e.bodies.full_repository(*e.state.world.repository(e.full_name())));
}

net::Response get_rate_limit(Exchange& e) {
  const Budget budget = e.state.accounts.budget(e.who, e.now);
  const auto shown = [&](std::int64_t limit, std::int64_t used) {
    return json::object{
        {"limit", limit},
        {"used", used},
        {"remaining", std::max<std::int64_t>(0, limit - used)},
        {"reset",
         std::chrono::floor<std::chrono::seconds>(budget.resets_at).time_since_epoch().count()}};
  };
  return json_answer(
      200, json::object{{"resources", json::object{{"core", shown(budget.limit, budget.used)},
                                                   {"search", shown(30, 0)}}},
                        {"rate", shown(budget.limit, budget.used)}});
}

}  // namespace

const std::vector<Route>& account_routes() {
  static const std::vector<Route> kRoutes{
      {"GET", "/app", get_app},
      {"GET", "/app/installations", list_installations},
      {"GET", "/app/installations/{id}", get_installation},
      {"POST", "/app/installations/{id}/access_tokens", create_token},
      {"GET", "/repos/{owner}/{repo}/installation", get_repository_installation},
      {"GET", "/orgs/{org}/installation", get_owner_installation},
      {"GET", "/installation/repositories", list_installation_repositories},
      {"GET", "/orgs/{org}/repos", list_owner_repositories},
      {"GET", "/repos/{owner}/{repo}", get_repository},
      {"GET", "/rate_limit", get_rate_limit},
  };
  return kRoutes;
}

}  // namespace jitney::sim
