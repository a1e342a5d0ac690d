// SPDX-License-Identifier: Apache-2.0
#include "sim/github/runner_protocol.hpp"

#include <algorithm>

#include "net/crypto.hpp"
#include "net/json.hpp"
#include "net/rfc3339.hpp"
#include "sim/github/rest.hpp"

namespace jitney::sim {
namespace {

constexpr std::string_view kBase = "/_sim/runner";

net::Response error_answer(int status, const char* type, const std::string& message) {
  return json_answer(status, json::object{{"typeName", type}, {"message", message}});
}

// Adds what the runner has to do to itself, if anything.
void afflict(State& state, RunnerFault::When when, const std::string& runner, json::object& body) {
  const std::optional<RunnerFault> fault = state.faults.on_runner(when, runner, state.random);
  if (!fault) return;
  body["sim"] = fault->exit_code ? json::object{{"exit_code", *fault->exit_code}}
                                 : json::object{{"kill", true}};
}

std::string form_field(std::string_view body, std::string_view name) {
  while (!body.empty()) {
    const std::string_view pair = body.substr(0, body.find('&'));
    body.remove_prefix(std::min(pair.size() + 1, body.size()));
    const std::size_t equals = pair.find('=');
    if (equals != std::string_view::npos && pair.substr(0, equals) == name) {
      return net::percent_decode(pair.substr(equals + 1), true).value_or("");
    }
  }
  return {};
}

// OAuth client credentials: an assertion signed with the key of .credentials_rsaparams.
net::Response create_token(State& state, const net::Request& request) {
  const std::string assertion = form_field(request.body, "client_assertion");
  const auto refuse = [] {
    return json_answer(400, json::object{{"error", "invalid_client"},
                                         {"error_description", "the registration is gone"}});
  };
  const std::size_t first = assertion.find('.');
  const std::size_t last = assertion.rfind('.');
  if (first == std::string::npos || first == last) return refuse();
  const auto decode = [](std::string text) {
    std::ranges::replace(text, '-', '+');
    std::ranges::replace(text, '_', '/');
    text.append((4 - text.size() % 4) % 4, '=');
    return net::unbase64(text).value_or("");
  };
  const auto claims = net::parse_json(decode(assertion.substr(first + 1, last - first - 1)), 4096);
  if (!claims || !verify_rs256(state.runner_public_pem, assertion.substr(0, last),
                               decode(assertion.substr(last + 1)))) {
    return refuse();
  }
  const std::string client = net::get_string_or(*claims, "iss", "");
  for (const auto& [id, runner] : state.world.runners()) {
    if (runner.client_id.empty() || runner.client_id != client) continue;
    const std::string token = net::hex(net::random_bytes(20));
    state.runner_tokens[token] = id;
    return json_answer(
        200, json::object{{"access_token", token}, {"token_type", "bearer"}, {"expires_in", 3600}});
  }
  return refuse();
}

net::Response create_session(State& state, std::int64_t runner_id, const net::Request& request,
                             Time now) {
  const auto session = state.world.open_session(runner_id, now);
  if (!session) {
    return session.error() == SessionEnd::conflict
               ? error_answer(409, "TaskAgentSessionConflictException",
                              "The runner already has an active session.")
               : error_answer(404, "TaskAgentNotFoundException", "The runner is not registered.");
  }
  Runner& runner = *state.world.runner(runner_id);
  if (const auto body = net::parse_json(request.body, 4096)) {
    runner.version = net::get_string_or(*body, "version", "");
  }
  json::object body{{"session", *session}, {"name", runner.name}};
  afflict(state, RunnerFault::When::session, runner.name, body);
  return json_answer(201, body);
}

json::object job_message(const State& state, const Job& job) {
  const Run& run = *state.world.run(job.run_id);
  const Repository& where = *state.world.repository(job.repository);
  json::array steps;
  for (const Step& step : job.steps) {
    if (!step.run.empty()) steps.push_back(json::object{{"name", step.name}, {"run", step.run}});
  }
  json::object env;
  for (const auto& [name, value] : job.env) env[name] = value;
  return json::object{{"job_id", job.id},
                      {"run_id", job.run_id},
                      {"run_number", run.number},
                      {"run_attempt", job.attempt},
                      {"name", job.name},
                      {"workflow", run.workflow},
                      {"repository", where.full_name()},
                      {"owner", where.owner},
                      {"event", run.event},
                      {"branch", run.branch},
                      {"sha", run.sha},
                      {"server_url", state.base},
                      {"steps", std::move(steps)},
                      {"env", std::move(env)}};
}

net::Response start_job(State& state, std::int64_t session, std::int64_t id, Time now) {
  if (!state.world.start(session, id, now)) {
    return error_answer(404, "TaskOrchestrationJobNotFoundException", "Job not found.");
  }
  json::object body;
  afflict(state, RunnerFault::When::started, std::as_const(state.world).job(id)->runner_name, body);
  return json_answer(200, body);
}

net::Response beat(State& state, std::int64_t session, std::int64_t id, Time now) {
  const Job* job = state.world.heartbeat(session, id, now);
  if (job == nullptr) {
    return error_answer(404, "TaskOrchestrationJobNotFoundException", "Job not found.");
  }
  return json_answer(200, json::object{{"cancel", job->cancel_requested}});
}

// Steps come back in the order in which they were given.
void note_steps(Job& job, const json::value& body) {
  const json::array* told = net::get_array(body, "steps");
  if (told == nullptr) return;
  std::size_t next = 0;
  for (Step& step : job.steps) {
    if (step.run.empty() || next >= told->size()) continue;
    const json::value& said = (*told)[next++];
    step.conclusion = net::get_string_or(said, "conclusion", "");
    step.status = Status::completed;
    step.started_at =
        net::parse_rfc3339(net::get_string_or(said, "started_at", "")).value_or(Time{});
    step.completed_at =
        net::parse_rfc3339(net::get_string_or(said, "completed_at", "")).value_or(Time{});
  }
}

net::Response finish_job(State& state, std::int64_t session, std::int64_t id,
                         const net::Request& request, Time now) {
  const auto body = net::parse_json(request.body, 1u << 20);
  if (!body) return error_answer(400, "InvalidRequest", "not JSON");
  const std::string result = net::get_string_or(*body, "result", "");
  const std::string conclusion = result == "Succeeded"  ? "success"
                                 : result == "Failed"   ? "failure"
                                 : result == "Canceled" ? "cancelled"
                                                        : "";
  if (conclusion.empty()) return error_answer(400, "InvalidRequest", "unknown result");
  if (Job* job = state.world.heartbeat(session, id, now)) note_steps(*job, *body);
  if (!state.world.finish(session, id, conclusion, now)) {
    return error_answer(404, "TaskOrchestrationJobNotFoundException", "Job not found.");
  }
  return json_answer(200, json::object());
}

std::optional<std::int64_t> caller(State& state, const net::Request& request) {
  std::string_view token = request.headers.get("authorization").value_or("");
  if (!token.starts_with("Bearer ")) return std::nullopt;
  token.remove_prefix(7);
  const auto found = state.runner_tokens.find(token);
  if (found == state.runner_tokens.end()) return std::nullopt;
  return found->second;
}

std::int64_t to_id(const std::string& text) {
  return text.size() < 19 && !text.empty() &&
                 std::ranges::all_of(
                     text, [](char c) { return c >= '0' && c <= '9'; })
             ? std::stoll(text)
             : 0;
}

net::Response gone() {
  return error_answer(404, "TaskAgentNotFoundException", "The registration has been deleted.");
}

}  // namespace

std::optional<net::Response> poll_answer(State& state, std::int64_t session, Time now) {
  const Runner* runner = state.world.runner_of_session(session);
  if (runner == nullptr) return gone();
  const std::string name = runner->name;
  const Job* job = state.world.message(session, now);
  if (job == nullptr) return std::nullopt;
  json::object body = job_message(state, *job);
  afflict(state, RunnerFault::When::assigned, name, body);
  return json_answer(200, body);
}

std::variant<net::Response, Hold> answer_runner(State& state, const net::Request& request,
                                                Time now) {
  const std::string_view path = request.path().substr(kBase.size());
  if (request.method == "POST" && path == "/token") return create_token(state, request);
  const std::optional<std::int64_t> runner_id = caller(state, request);
  if (!runner_id) return error_answer(401, "AccessDeniedException", "invalid token");
  if (request.method == "POST" && path == "/sessions") {
    return create_session(state, *runner_id, request, now);
  }
  const auto at = match_path("/sessions/{session}", path);
  const auto poll = match_path("/sessions/{session}/message", path);
  const auto job = match_path("/sessions/{session}/jobs/{job}/{what}", path);
  const std::int64_t session = at     ? to_id(at->front())
                               : poll ? to_id(poll->front())
                               : job  ? to_id(job->front())
                                      : 0;
  const Runner* runner = state.world.runner_of_session(session);
  if (runner == nullptr || runner->id != *runner_id) return gone();
  if (request.method == "DELETE" && at) {
    state.world.close_session(session, now);
    return no_content();
  }
  if (request.method == "GET" && poll) {
    json::object body;
    afflict(state, RunnerFault::When::polling, runner->name, body);
    if (!body.empty()) return json_answer(200, body);
    state.world.poll(session, now);
    state.world.tick(now);
    if (std::optional<net::Response> ready = poll_answer(state, session, now)) return *ready;
    return Hold{.session = session};
  }
  if (request.method == "POST" && job) {
    const std::int64_t id = to_id((*job)[1]);
    if ((*job)[2] == "start") return start_job(state, session, id, now);
    if ((*job)[2] == "heartbeat") return beat(state, session, id, now);
    if ((*job)[2] == "finish") return finish_job(state, session, id, request, now);
  }
  return error_answer(404, "NotFound", "no such path");
}

}  // namespace jitney::sim
