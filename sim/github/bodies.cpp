// SPDX-License-Identifier: Apache-2.0
// Owners, repositories, runs, jobs and runners. Apps, hooks and payloads: hook_bodies.cpp.
#include "sim/github/bodies.hpp"

#include <array>

#include "net/crypto.hpp"
#include "net/rfc3339.hpp"
#include "sim/github/runner/version.hpp"

namespace jitney::sim {
namespace {

std::string node_id(std::string_view type, std::int64_t id) {
  return std::string(type) + "_" + net::base64url(std::to_string(id));
}

json::value text_or_null(const std::string& text) {
  return text.empty() ? json::value(nullptr) : json::value(text);
}

constexpr std::array<std::pair<const char*, const char*>, 38> kRepositoryLinks{{
    {"archive_url", "/{archive_format}{/ref}"},
    {"assignees_url", "/assignees{/user}"},
    {"blobs_url", "/git/blobs{/sha}"},
    {"branches_url", "/branches{/branch}"},
    {"collaborators_url", "/collaborators{/collaborator}"},
    {"comments_url", "/comments{/number}"},
    {"commits_url", "/commits{/sha}"},
    {"compare_url", "/compare/{base}...{head}"},
    {"contents_url", "/contents/{+path}"},
    {"contributors_url", "/contributors"},
    {"deployments_url", "/deployments"},
    {"downloads_url", "/downloads"},
    {"events_url", "/events"},
    {"forks_url", "/forks"},
    {"git_commits_url", "/git/commits{/sha}"},
    {"git_refs_url", "/git/refs{/sha}"},
    {"git_tags_url", "/git/tags{/sha}"},
    {"hooks_url", "/hooks"},
    {"issue_comment_url", "/issues/comments{/number}"},
    {"issue_events_url", "/issues/events{/number}"},
    {"issues_url", "/issues{/number}"},
    {"keys_url", "/keys{/key_id}"},
    {"labels_url", "/labels{/name}"},
    {"languages_url", "/languages"},
    {"merges_url", "/merges"},
    {"milestones_url", "/milestones{/number}"},
    {"notifications_url", "/notifications{?since,all,participating}"},
    {"pulls_url", "/pulls{/number}"},
    {"releases_url", "/releases{/id}"},
    {"stargazers_url", "/stargazers"},
    {"statuses_url", "/statuses/{sha}"},
    {"subscribers_url", "/subscribers"},
    {"subscription_url", "/subscription"},
    {"tags_url", "/tags"},
    {"teams_url", "/teams"},
    {"trees_url", "/git/trees{/sha}"},
    {"url", ""},
    {"svn_url", ""},
}};

}  // namespace

std::string rfc3339(Time time) { return net::format_rfc3339(time); }

json::value time_or_null(Time time) {
  return time == Time{} ? json::value(nullptr) : json::value(rfc3339(time));
}

std::string Bodies::repository_url(const Repository& repository) const {
  return base_ + "/repos/" + repository.full_name();
}

json::object Bodies::owner(const std::string& login) const {
  const Organization* known = world_.organization(login);
  const std::string user = base_ + "/users/" + login;
  const std::int64_t id = known != nullptr ? known->id : 1;
  return json::object{{"login", login},
                      {"id", id},
                      {"node_id", node_id("O", id)},
                      {"avatar_url", base_ + "/avatars/" + login},
                      {"gravatar_id", ""},
                      {"url", user},
                      {"html_url", base_ + "/" + login},
                      {"followers_url", user + "/followers"},
                      {"following_url", user + "/following{/other_user}"},
                      {"gists_url", user + "/gists{/gist_id}"},
                      {"starred_url", user + "/starred{/owner}{/repo}"},
                      {"subscriptions_url", user + "/subscriptions"},
                      {"organizations_url", user + "/orgs"},
                      {"repos_url", user + "/repos"},
                      {"events_url", user + "/events{/privacy}"},
                      {"received_events_url", user + "/received_events"},
                      {"type", known != nullptr ? "Organization" : "User"},
                      {"site_admin", false}};
}

json::object Bodies::organization(const Organization& organization) const {
  const std::string url = base_ + "/orgs/" + organization.login;
  return json::object{{"login", organization.login},
                      {"id", organization.id},
                      {"node_id", node_id("O", organization.id)},
                      {"url", url},
                      {"repos_url", url + "/repos"},
                      {"events_url", url + "/events"},
                      {"hooks_url", url + "/hooks"},
                      {"issues_url", url + "/issues"},
                      {"members_url", url + "/members{/member}"},
                      {"public_members_url", url + "/public_members{/member}"},
                      {"avatar_url", base_ + "/avatars/" + organization.login},
                      {"description", ""}};
}

json::object Bodies::repository(const Repository& repository) const {
  const std::string url = repository_url(repository);
  const std::string html = base_ + "/" + repository.full_name();
  json::object body{{"id", repository.id},
                    {"node_id", node_id("R", repository.id)},
                    {"name", repository.name},
                    {"full_name", repository.full_name()},
                    {"private", repository.is_private},
                    {"visibility", repository.is_private ? "private" : "public"},
                    {"owner", owner(repository.owner)},
                    {"html_url", html},
                    {"clone_url", html + ".git"},
                    {"git_url", "git" + html.substr(html.find(':')) + ".git"},
                    {"ssh_url", "git@localhost:" + repository.full_name() + ".git"},
                    {"mirror_url", nullptr},
                    {"description", nullptr},
                    {"homepage", nullptr},
                    {"language", nullptr},
                    {"license", nullptr},
                    {"default_branch", "main"},
                    {"topics", json::array()},
                    {"created_at", rfc3339(repository.created_at)},
                    {"updated_at", rfc3339(repository.created_at)},
                    {"pushed_at", rfc3339(repository.created_at)}};
  for (const auto& [name, path] : kRepositoryLinks) body[name] = url + path;
  for (const char* name : {"fork", "archived", "disabled", "has_pages", "has_wiki", "is_template",
                           "web_commit_signoff_required", "allow_forking", "has_discussions"}) {
    body[name] = false;
  }
  for (const char* name : {"has_downloads", "has_issues", "has_projects"}) body[name] = true;
  for (const char* name : {"forks", "forks_count", "open_issues", "open_issues_count", "size",
                           "stargazers_count", "watchers", "watchers_count"}) {
    body[name] = 0;
  }
  return body;
}

json::object Bodies::full_repository(const Repository& repository) const {
  json::object body = this->repository(repository);
  body["network_count"] = 0;
  body["subscribers_count"] = 0;
  return body;
}

json::object Bodies::run(const Run& run) const {
  const Repository& where = *world_.repository(run.repository);
  const std::string url = repository_url(where) + "/actions/runs/" + std::to_string(run.id);
  const std::int64_t suite = run.id + 7;
  json::object person{{"name", "Mona Lisa"}, {"email", "octocat@example.com"}};
  json::object body{
      {"id", run.id},
      {"name", run.workflow},
      {"node_id", node_id("WFR", run.id)},
      {"check_suite_id", suite},
      {"check_suite_node_id", node_id("CS", suite)},
      {"head_branch", run.branch},
      {"head_sha", run.sha},
      {"path", ".github/workflows/" + lower_case(run.workflow) + ".yml"},
      {"display_title", run.workflow},
      {"run_number", run.number},
      {"run_attempt", run.attempt},
      {"referenced_workflows", json::array()},
      {"event", run.event},
      {"status", to_string(run.status)},
      {"conclusion", text_or_null(run.conclusion)},
      {"workflow_id", run.workflow_id},
      {"url", url},
      {"html_url", base_ + "/" + where.full_name() + "/actions/runs/" + std::to_string(run.id)},
      {"pull_requests", json::array()},
      {"created_at", rfc3339(run.created_at)},
      {"updated_at", rfc3339(run.updated_at)},
      {"run_started_at", rfc3339(run.started_at)},
      {"actor", owner(where.owner)},
      {"triggering_actor", owner(where.owner)},
      {"jobs_url", url + "/jobs"},
      {"logs_url", url + "/logs"},
      {"check_suite_url", repository_url(where) + "/check-suites/" + std::to_string(suite)},
      {"artifacts_url", url + "/artifacts"},
      {"cancel_url", url + "/cancel"},
      {"rerun_url", url + "/rerun"},
      {"previous_attempt_url", nullptr},
      {"workflow_url",
       repository_url(where) + "/actions/workflows/" + std::to_string(run.workflow_id)},
      {"head_commit", json::object{{"id", run.sha},
                                   {"tree_id", run.sha},
                                   {"message", "Change things"},
                                   {"timestamp", rfc3339(run.created_at)},
                                   {"author", person},
                                   {"committer", person}}},
      {"repository", repository(where)},
      {"head_repository", repository(where)},
      {"head_repository_id", where.id}};
  if (run.attempt > 1) {
    body["previous_attempt_url"] = url + "/attempts/" + std::to_string(run.attempt - 1);
  }
  return body;
}

namespace {

json::array steps_of(const Job& job) {
  json::array steps;
  if (job.started_at == Time{}) return steps;
  int number = 1;
  for (const Step& step : job.steps) {
    steps.push_back(json::object{{"name", step.name},
                                 {"status", to_string(step.status)},
                                 {"conclusion", text_or_null(step.conclusion)},
                                 {"number", number++},
                                 {"started_at", time_or_null(step.started_at)},
                                 {"completed_at", time_or_null(step.completed_at)}});
  }
  return steps;
}

}  // namespace

json::object Bodies::job(const Job& job, bool in_webhook) const {
  const Run& run = *world_.run(job.run_id);
  const Repository& where = *world_.repository(job.repository);
  const std::string repo = repository_url(where);
  const std::string id = std::to_string(job.id);
  const std::string run_id = std::to_string(job.run_id);
  json::object body{
      {"id", job.id},
      {"run_id", job.run_id},
      {"workflow_name", run.workflow},
      {"head_branch", run.branch},
      {"run_url", repo + "/actions/runs/" + run_id},
      {"run_attempt", job.attempt},
      {"node_id", node_id("CR", job.id)},
      {"head_sha", run.sha},
      {"url", repo + "/actions/jobs/" + id},
      {"html_url", base_ + "/" + where.full_name() + "/actions/runs/" + run_id + "/job/" + id},
      {"status", to_string(job.status)},
      {"conclusion", text_or_null(job.conclusion)},
      {"created_at", rfc3339(job.created_at)},
      {"started_at", rfc3339(job.started_at == Time{} ? job.created_at : job.started_at)},
      {"completed_at", time_or_null(job.completed_at)},
      {"name", job.name},
      {"steps", steps_of(job)},
      {"check_run_url", repo + "/check-runs/" + id},
      {"labels", json::array(job.labels.begin(), job.labels.end())},
      {"runner_id", nullptr},
      {"runner_name", nullptr},
      {"runner_group_id", nullptr},
      {"runner_group_name", nullptr}};
  if (job.runner_id != 0) {
    body["runner_id"] = job.runner_id;
    body["runner_name"] = job.runner_name;
    body["runner_group_id"] = job.group_id;
    body["runner_group_name"] = job.group_name;
  } else if (job.status == Status::completed || !in_webhook) {
    // GitHub writes "none" in two ways; the payload of a queued job has nulls.
    body["runner_id"] = 0;
    body["runner_name"] = "";
    body["runner_group_id"] = 0;
    body["runner_group_name"] = "";
  }
  return body;
}

json::object Bodies::runner(const Runner& runner) const {
  json::array labels;
  std::int64_t id = 1;
  for (const std::string& label : runner.labels) {
    labels.push_back(json::object{{"id", id++}, {"name", label}, {"type", "custom"}});
  }
  return json::object{{"id", runner.id},
                      {"name", runner.name},
                      {"os", runner.first_online_at == Time{} ? "unknown" : "Linux"},
                      {"status", world_.online(runner) ? "online" : "offline"},
                      {"busy", runner.busy()},
                      {"ephemeral", runner.ephemeral},
                      {"runner_group_id", runner.group_id},
                      {"version", runner.first_online_at == Time{} ? json::value(nullptr)
                                                                   : json::value(runner::kVersion)},
                      {"labels", std::move(labels)}};
}

json::object Bodies::group(const std::string& organization, const Group& group) const {
  const std::string url =
      base_ + "/orgs/" + organization + "/actions/runner-groups/" + std::to_string(group.id);
  json::object body{{"id", group.id},
                    {"name", group.name},
                    {"visibility", group.repositories.empty() ? "all" : "selected"},
                    {"default", group.id == 1},
                    {"runners_url", url + "/runners"},
                    {"hosted_runners_url", url + "/hosted-runners"},
                    {"inherited", false},
                    {"allows_public_repositories", false},
                    {"restricted_to_workflows", false},
                    {"selected_workflows", json::array()},
                    {"workflow_restrictions_read_only", false}};
  if (!group.repositories.empty()) body["selected_repositories_url"] = url + "/repositories";
  return body;
}

}  // namespace jitney::sim
