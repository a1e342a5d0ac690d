// SPDX-License-Identifier: Apache-2.0
#include "github/standing.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "github/faults.hpp"
#include "github/job_body.hpp"
#include "net/http_date.hpp"
#include "net/json.hpp"

namespace jitney::github {
namespace {

namespace bj = boost::json;

constexpr int kGroupPages = 10;
constexpr std::size_t kMaxWord = 300;
constexpr std::size_t kMostVersions = 1000;

std::string word(const bj::value& value, std::string_view key) {
  return bounded(net::get_string_or(value, key, ""), kMaxWord);
}

struct Told {
  Trial trial;
  net::Headers headers;
  bj::value body;
};

// A refusal is an answer, too: its headers and words are what is asked for.
Told ask(Session& session, Call call) {
  call.welcome = {401, 403, 404, 410, 422};
  Told told;
  const auto answer = session.call(call);
  if (!answer) {
    told.trial.message = answer.error().what;
    told.trial.fault = answer.error().fault;
    return told;
  }
  told.trial.status = answer->status;
  told.headers = answer->headers;
  if (!told.trial.succeeded()) {
    const core::Error refused = session.rest().refused(call, *answer);
    told.trial.message = refused.what;
    told.trial.fault = refused.fault;
    return told;
  }
  if (auto body = net::parse_json(answer->body)) told.body = *std::move(body);
  return told;
}

std::string scope_route(const Endpoint& endpoint) {
  switch (endpoint.kind) {
    case ScopeKind::repository:
      return "/repos/{owner}/{repo}";
    case ScopeKind::organization:
      return "/orgs/{org}";
    case ScopeKind::enterprise:
      return "/enterprises/{enterprise}";
  }
  return "";
}

Told ask_scope(Session& session, const std::string& rest, const std::string& query = "") {
  return ask(session, {.route = scope_route(session.endpoint()) + rest,
                       .path = session.endpoint().scope_path() + rest + query});
}

class Look {
 public:
  Look(Session& session, core::Clock& clock) : session_(session), clock_(clock) {}

  Standing run() {
    if (session_.is_app()) app();
    // An App that GitHub does not know gets no token, and no other answer either.
    if (!out_.app || (out_.app->app.succeeded() && out_.app->installation.succeeded())) {
      runners();
      if (out_.runners.status != 0 && out_.runners.status != 401) rest();
    } else {
      out_.runners = out_.app->app.succeeded() ? out_.app->installation : out_.app->app;
    }
    out_.budget = session_.rest().budget();
    return std::move(out_);
  }

 private:
  Told timed(const std::function<Told()>& question) {
    const core::Time before = clock_.now();
    Told told = question();
    const core::Time after = clock_.now();
    const auto date = net::parse_http_date(told.headers.get("date").value_or(""));
    // The header counts whole seconds, and stands somewhere between question and answer.
    if (date) out_.skew = before + (after - before) / 2 - (*date + std::chrono::milliseconds(500));
    return told;
  }

  void app() {
    AppStanding& app = out_.app.emplace();
    Told told =
        timed([&] { return ask(session_, {.route = "/app", .path = "/app", .lane = Lane::app}); });
    app.app = std::move(told.trial);
    app.name = word(told.body, "slug");
    if (!app.app.succeeded()) return;
    installation(app);
  }

  void installation(AppStanding& app) {
    // A first token settles which installation it is: the App may have been installed anew.
    static_cast<void>(session_.credentials().authorization());
    const std::string id = std::to_string(session_.credentials().installation());
    Told told = ask(session_, {.route = "/app/installations/{installation_id}",
                               .path = "/app/installations/" + id,
                               .lane = Lane::app});
    app.installation = std::move(told.trial);
    if (const bj::value* account = net::get_object(told.body, "account")) {
      app.account = word(*account, "login");
    }
    app.suspended = !word(told.body, "suspended_at").empty();
    app.all_repositories = word(told.body, "repository_selection") != "selected";
    app.events = net::get_strings(told.body, "events");
    if (const bj::value* permissions = net::get_object(told.body, "permissions")) {
      for (const auto& [name, level] : permissions->get_object()) {
        if (level.is_string()) {
          app.permissions[bounded(name, kMaxWord)] = bounded(level.get_string(), kMaxWord);
        }
      }
    }
  }

  void runners() {
    Told told = timed([&] { return ask_scope(session_, "/actions/runners", "?per_page=100"); });
    out_.runners = std::move(told.trial);
    scopes(told.headers);
    const bj::array* list = net::get_array(told.body, "runners");
    if (list == nullptr) return;
    for (const bj::value& runner : *list) {
      std::string version = word(runner, "version");
      if (version.empty() || out_.versions.size() >= kMostVersions) continue;
      out_.versions.push_back({word(runner, "name"), std::move(version)});
    }
  }

  // Classic tokens alone have the header, be it empty.
  void scopes(const net::Headers& headers) {
    const auto header = headers.get("x-oauth-scopes");
    if (!header || session_.is_app()) return;
    std::vector<std::string>& scopes = out_.scopes.emplace();
    std::string_view rest = *header;
    while (!rest.empty()) {
      std::string_view one = rest.substr(0, rest.find(','));
      rest.remove_prefix(std::min(rest.size(), one.size() + 1));
      while (one.starts_with(' ')) one.remove_prefix(1);
      while (one.ends_with(' ')) one.remove_suffix(1);
      if (!one.empty()) scopes.push_back(bounded(one, kMaxWord));
    }
  }

  void rest() {
    newest();
    repositories();
    if (out_.tried.empty()) return;
    out_.runs = ask(session_, {.route = "/repos/{owner}/{repo}/actions/runs",
                               .path = "/repos/" + out_.tried + "/actions/runs?per_page=1"})
                    .trial;
  }

  void newest() {
    const Told told = ask_scope(session_, "/actions/runners/downloads");
    const bj::array* list = told.body.if_array();
    if (list == nullptr) return;
    for (const bj::value& download : *list) {
      // "actions-runner-linux-x64-2.336.0.tar.gz"
      std::string_view file = "";
      const std::string name = word(download, "filename");
      file = name;
      if (word(download, "os") != "linux" || !file.ends_with(".tar.gz")) continue;
      file.remove_suffix(7);
      out_.newest_runner = std::string(file.substr(file.rfind('-') + 1));
      return;
    }
  }

  void repositories() {
    const Endpoint& endpoint = session_.endpoint();
    if (endpoint.kind == ScopeKind::enterprise) return;
    if (endpoint.kind == ScopeKind::repository) {
      out_.tried = endpoint.full_name();
      out_.repositories = look_at_repository(session_, out_.tried);
      out_.visible = {out_.tried};
      out_.visible_count = 1;
      return;
    }
    Told told = session_.is_app()
                    ? ask(session_, {.route = "/installation/repositories",
                                     .path = "/installation/repositories?per_page=100"})
                    : ask_scope(session_, "/repos", "?per_page=100");
    out_.repositories = std::move(told.trial);
    const bj::array* list =
        session_.is_app() ? net::get_array(told.body, "repositories") : told.body.if_array();
    if (list == nullptr) return;
    for (const bj::value& repository : *list) {
      const std::string name = word(repository, "full_name");
      if (!name.empty() && !net::get_bool(repository, "archived").value_or(false)) {
        out_.visible.push_back(name);
      }
    }
    out_.visible_count = net::get_int(told.body, "total_count")
                             .value_or(static_cast<std::int64_t>(out_.visible.size()));
    if (!out_.visible.empty()) out_.tried = out_.visible.front();
  }

  Session& session_;
  core::Clock& clock_;
  Standing out_;
};

}  // namespace

Standing look_at_standing(Session& session, core::Clock& clock) {
  return Look(session, clock).run();
}

RunnerGroup look_at_group(Session& session, std::int64_t group) {
  const std::string rest = "/actions/runner-groups/" + std::to_string(group);
  const std::string path = session.endpoint().scope_path() + rest;
  const std::string route =
      scope_route(session.endpoint()) + "/actions/runner-groups/{runner_group_id}";
  Told told = ask(session, {.route = route, .path = path});
  RunnerGroup out;
  out.shown = std::move(told.trial);
  out.name = word(told.body, "name");
  out.visibility = word(told.body, "visibility");
  out.allows_public = net::get_bool(told.body, "allows_public_repositories").value_or(false);
  out.limited_to_workflows = net::get_bool(told.body, "restricted_to_workflows").value_or(false);
  if (out.visibility != "selected" || session.endpoint().kind != ScopeKind::organization) {
    return out;
  }
  std::vector<std::string> names;
  const auto end =
      session.pages({.route = route + "/repositories", .path = path + "/repositories?per_page=100"},
                    "repositories", kGroupPages, [&](const bj::value& repository) {
                      names.push_back(word(repository, "full_name"));
                      return true;
                    });
  if (end && *end == Pages::all) out.repositories = std::move(names);
  return out;
}

Trial look_at_repository(Session& session, const std::string& repository) {
  return ask(session, {.route = "/repos/{owner}/{repo}", .path = "/repos/" + repository}).trial;
}

}  // namespace jitney::github
