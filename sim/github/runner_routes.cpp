// SPDX-License-Identifier: Apache-2.0
// Self-hosted runners of repositories, organisations and enterprises.
#include <algorithm>
#include <tuple>

#include "sim/github/jit.hpp"
#include "sim/github/rest.hpp"
#include "sim/github/runner/version.hpp"

namespace jitney::sim {
namespace {

bool in_scope(const Runner& runner, const Scope& scope) {
  return runner.scope.kind == scope.kind && same_name(runner.scope.name, scope.name);
}

net::Response invalid(const std::string& why) { return refusal(422, "Invalid request.\n\n" + why); }

struct Wish {
  Registering registering;
  std::string work_folder = "_work";
};

std::expected<Wish, net::Response> read_wish(const Exchange& e) {
  boost::system::error_code error;
  const json::value parsed = json::parse(e.request.body, error);
  if (error) return std::unexpected(refusal(400, "Problems parsing JSON"));
  const json::object* body = parsed.if_object();
  if (body == nullptr) return std::unexpected(invalid("For 'root', not an object."));
  Wish wish;
  wish.registering.scope = scope_of(e).scope;
  const json::value* name = body->if_contains("name");
  const json::value* group = body->if_contains("runner_group_id");
  const json::value* labels = body->if_contains("labels");
  if (name == nullptr) return std::unexpected(invalid("\"name\" wasn't supplied."));
  if (group == nullptr) return std::unexpected(invalid("\"runner_group_id\" wasn't supplied."));
  if (labels == nullptr) return std::unexpected(invalid("\"labels\" wasn't supplied."));
  if (!name->is_string() || name->get_string().empty() || name->get_string().size() > 64) {
    return std::unexpected(invalid("Invalid \"name\": 1 to 64 characters are allowed."));
  }
  if (!group->is_int64()) return std::unexpected(invalid("\"runner_group_id\" is not an integer."));
  const json::array* list = labels->if_array();
  if (list == nullptr || list->empty() || list->size() > 100 ||
      !std::ranges::all_of(*list, [](const json::value& v) {
        return v.is_string() && !v.get_string().empty() && v.get_string().size() <= 256;
      })) {
    return std::unexpected(invalid("\"labels\" must be 1 to 100 strings."));
  }
  wish.registering.name = std::string(name->get_string());
  wish.registering.group_id = group->get_int64();
  for (const json::value& label : *list) {
    wish.registering.labels.emplace_back(label.get_string());
  }
  if (const json::value* folder = body->if_contains("work_folder")) {
    if (!folder->is_string()) return std::unexpected(invalid("\"work_folder\" is not a string."));
    if (!folder->get_string().empty()) wish.work_folder = std::string(folder->get_string());
  }
  return wish;
}

net::Response generate_jit(Exchange& e) {
  const std::expected<Wish, net::Response> wish = read_wish(e);
  if (!wish) return wish.error();
  const auto added = e.state.world.add_runner(wish->registering, e.now);
  if (!added) {
    switch (added.error()) {
      case Refused::no_scope:
      case Refused::no_group:
        return not_found();
      case Refused::foreign_group:
        return refusal(403, "Resource not accessible by integration");
      case Refused::duplicate_name:
        return refusal(409, "Already exists - A runner with the name '" + wish->registering.name +
                                "' already exists.");
      case Refused::group_full:
        return refusal(422, "Runner group " + std::to_string(wish->registering.group_id) +
                                " has reached max limit");
    }
  }
  Runner& runner = **added;
  JitConfiguration jit;
  jit.agent_id = runner.id;
  jit.agent_name = runner.name;
  jit.server_url = e.state.base + "/_sim/runner";
  jit.work_folder = wish->work_folder;
  jit.client_id = runner.client_id;
  jit.authorization_url = e.state.base + "/_sim/runner/token";
  jit.key = e.state.runner_key;
  const core::Secret blob = encode_jit(jit);
  e.state.secrets.emplace_back(blob.reveal());
  return json_answer(201, json::object{{"runner", e.bodies.runner(runner)},
                                       {"encoded_jit_config", blob.reveal()}});
}

net::Response list_runners(Exchange& e) {
  const Scope scope = scope_of(e).scope;
  const std::optional<std::string> name = e.request.query("name");
  std::vector<json::value> items;
  for (const auto& [id, runner] : e.state.world.runners()) {
    if (in_scope(runner, scope) && (!name || same_name(runner.name, *name))) {
      items.emplace_back(e.bodies.runner(runner));
    }
  }
  return page_of(e, "runners", items);
}

net::Response get_runner(Exchange& e) {
  const Placed placed = scope_of(e);
  const Runner* runner = e.state.world.runner(e.id(placed.next));
  if (runner == nullptr || !in_scope(*runner, placed.scope)) return not_found();
  return json_answer(200, e.bodies.runner(*runner));
}

net::Response delete_runner(Exchange& e) {
  const Placed placed = scope_of(e);
  const Runner* runner = e.state.world.runner(e.id(placed.next));
  if (runner == nullptr || !in_scope(*runner, placed.scope)) return not_found();
  const std::string name = runner->name;
  if (e.state.world.remove_runner(runner->id, e.now) == Removal::busy) {
    return refusal(422, "Bad request - Runner \"" + name + "\" is still running a job\"");
  }
  return no_content();
}

net::Response list_groups(Exchange& e) {
  std::vector<json::value> items;
  for (const Group& group : e.state.world.organization(e.vars[0])->groups) {
    items.emplace_back(e.bodies.group(e.vars[0], group));
  }
  return page_of(e, "runner_groups", items);
}

net::Response get_group(Exchange& e) {
  const Group* group =
      e.state.world.group(Scope{.kind = ScopeKind::organization, .name = e.vars[0]}, e.id(1));
  if (group == nullptr) return not_found();
  return json_answer(200, e.bodies.group(e.vars[0], *group));
}

net::Response list_group_repositories(Exchange& e) {
  const Group* group =
      e.state.world.group(Scope{.kind = ScopeKind::organization, .name = e.vars[0]}, e.id(1));
  if (group == nullptr) return not_found();
  std::vector<json::value> items;
  for (const Repository& each : e.state.world.repositories()) {
    if (group->repositories.contains(each.full_name())) {
      items.emplace_back(e.bodies.repository(each));
    }
  }
  return page_of(e, "repositories", items);
}

// An enterprise has the default group alone here.
net::Response get_enterprise_group(Exchange& e) {
  if (e.id(1) != 1) return not_found();
  const std::string url = e.state.base + "/enterprises/" + e.vars[0] + "/actions/runner-groups/1";
  return json_answer(200, json::object{{"id", 1},
                                       {"name", "Default"},
                                       {"visibility", "all"},
                                       {"default", true},
                                       {"runners_url", url + "/runners"},
                                       {"allows_public_repositories", false}});
}

net::Response list_downloads(Exchange&) {
  json::array downloads;
  const std::string version = runner::kVersion;
  for (const auto& [os, architecture, end] :
       {std::tuple{"osx", "x64", ".tar.gz"}, std::tuple{"linux", "x64", ".tar.gz"},
        std::tuple{"linux", "arm64", ".tar.gz"}, std::tuple{"win", "x64", ".zip"}}) {
    const std::string file =
        std::string("actions-runner-") + os + "-" + architecture + "-" + version + end;
    downloads.push_back(json::object{
        {"os", os},
        {"architecture", architecture},
        {"download_url",
         "https://github.com/actions/runner/releases/download/v" + version + "/" + file},
        {"filename", file}});
  }
  return json_answer(200, downloads);
}

}  // namespace

const std::vector<Route>& runner_routes() {
  static const std::vector<Route> kRoutes{
      {"POST", "/repos/{owner}/{repo}/actions/runners/generate-jitconfig", generate_jit},
      {"POST", "/orgs/{org}/actions/runners/generate-jitconfig", generate_jit},
      {"POST", "/enterprises/{enterprise}/actions/runners/generate-jitconfig", generate_jit},
      {"GET", "/repos/{owner}/{repo}/actions/runners", list_runners},
      {"GET", "/orgs/{org}/actions/runners", list_runners},
      {"GET", "/enterprises/{enterprise}/actions/runners", list_runners},
      {"GET", "/repos/{owner}/{repo}/actions/runners/downloads", list_downloads},
      {"GET", "/orgs/{org}/actions/runners/downloads", list_downloads},
      {"GET", "/enterprises/{enterprise}/actions/runners/downloads", list_downloads},
      {"GET", "/repos/{owner}/{repo}/actions/runners/{runner_id}", get_runner},
      {"GET", "/orgs/{org}/actions/runners/{runner_id}", get_runner},
      {"GET", "/enterprises/{enterprise}/actions/runners/{runner_id}", get_runner},
      {"DELETE", "/repos/{owner}/{repo}/actions/runners/{runner_id}", delete_runner},
      {"DELETE", "/orgs/{org}/actions/runners/{runner_id}", delete_runner},
      {"DELETE", "/enterprises/{enterprise}/actions/runners/{runner_id}", delete_runner},
      {"GET", "/orgs/{org}/actions/runner-groups", list_groups},
      {"GET", "/orgs/{org}/actions/runner-groups/{runner_group_id}", get_group},
      {"GET", "/orgs/{org}/actions/runner-groups/{runner_group_id}/repositories",
       list_group_repositories},
      {"GET", "/enterprises/{enterprise}/actions/runner-groups/{runner_group_id}",
       get_enterprise_group},
  };
  return kRoutes;
}

}  // namespace jitney::sim
