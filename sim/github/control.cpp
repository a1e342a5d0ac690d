// SPDX-License-Identifier: Apache-2.0
#include "sim/github/control.hpp"

#include <array>

#include "net/json.hpp"
#include "sim/github/control_state.hpp"
#include "sim/github/rest.hpp"

namespace jitney::sim {
namespace {

struct Control {
  State& state;
  json::value body;
  std::vector<std::string> vars;
  Time now;
  [[nodiscard]] std::int64_t id() const { return std::atoll(vars.at(0).c_str()); }
};

net::Response wrong(const std::string& why) {
  return json_answer(400, json::object{{"message", why}});
}

net::Response answered(const core::Status& status) {
  if (status) return json_answer(200, json::object());
  const int code = status.error().fault == core::Fault::not_found ? 404 : 409;
  return json_answer(code, json::object{{"message", status.error().what}});
}

std::optional<double> get_number(const json::value& value, std::string_view key) {
  const json::value* found = net::get_value(value, key);
  if (found == nullptr || !found->is_number()) return std::nullopt;
  return found->to_number<double>();
}

Duration get_ms(const json::value& value, std::string_view key, Duration absent) {
  return Duration(net::get_int(value, key).value_or(absent.count()));
}

// Absent or null: until switched off.
std::optional<int> get_next(const json::value& value, std::optional<int> absent) {
  const json::value* found = net::get_value(value, "next");
  if (found == nullptr) return absent;
  if (!found->is_int64()) return std::nullopt;
  return static_cast<int>(found->get_int64());
}

net::Response queue_workflow(Control& c) {
  WorkflowSpec spec;
  spec.repository = net::get_string_or(c.body, "repository", "");
  spec.name = net::get_string_or(c.body, "name", spec.name);
  spec.branch = net::get_string_or(c.body, "branch", spec.branch);
  spec.event = net::get_string_or(c.body, "event", spec.event);
  const json::array* jobs = net::get_array(c.body, "jobs");
  if (jobs == nullptr) return wrong("\"jobs\" is missing");
  for (const json::value& wish : *jobs) {
    JobSpec job;
    job.name = net::get_string_or(wish, "name", "job " + std::to_string(spec.jobs.size() + 1));
    job.labels = net::get_strings(wish, "labels");
    job.steps = net::get_strings(wish, "steps");
    job.waiting = net::get_bool(wish, "waiting").value_or(false);
    if (const json::value* env = net::get_object(wish, "env")) {
      for (const auto& [name, value] : env->get_object()) {
        if (value.is_string()) job.env.emplace(std::string(name), std::string(value.get_string()));
      }
    }
    const std::int64_t count =
        std::clamp<std::int64_t>(net::get_int(wish, "count").value_or(1), 1, 10'000);
    for (std::int64_t i = 1; i <= count; ++i) {
      spec.jobs.push_back(job);
      if (count > 1) spec.jobs.back().name += " (" + std::to_string(i) + ")";
    }
  }
  const core::Result<std::int64_t> run = c.state.world.queue(spec, c.now);
  if (!run) return wrong(run.error().what);
  const std::vector<std::int64_t>& ids = c.state.world.run(*run)->jobs;
  return json_answer(
      201, json::object{{"run_id", *run}, {"job_ids", json::array(ids.begin(), ids.end())}});
}

net::Response set_webhook_faults(Control& c) {
  WebhookFaults& faults = c.state.faults.webhooks;
  const auto read = [&](const char* name, Chance& chance) {
    const json::value* said = net::get_object(c.body, name);
    if (said == nullptr) return;
    chance.probability = get_number(*said, "probability").value_or(0);
    chance.next = static_cast<int>(net::get_int(*said, "next").value_or(0));
  };
  read("lose", faults.lose);
  read("fail", faults.fail);
  read("repeat", faults.repeat);
  read("delay", faults.delay);
  read("reorder", faults.reorder);
  faults.delay_by = get_ms(c.body, "delay_ms", faults.delay_by);
  return json_answer(200, json::object());
}

net::Response add_call_fault(Control& c) {
  static constexpr std::array<std::pair<std::string_view, CallFault::Kind>, 5> kKinds{{
      {"status", CallFault::Kind::status},
      {"primary", CallFault::Kind::primary},
      {"secondary", CallFault::Kind::secondary},
      {"lost", CallFault::Kind::lost},
      {"slow", CallFault::Kind::slow},
  }};
  const std::string kind = net::get_string_or(c.body, "kind", "status");
  const auto known = std::ranges::find(kKinds, std::string_view(kind),
                                       &std::pair<std::string_view, CallFault::Kind>::first);
  if (known == kKinds.end()) return wrong("\"kind\": status, primary, secondary, lost or slow");
  CallFault fault;
  fault.id = c.state.faults.next_id++;
  fault.kind = known->second;
  fault.method = net::get_string_or(c.body, "method", "*");
  fault.path = net::get_string_or(c.body, "path", "*");
  const bool lost = fault.kind == CallFault::Kind::lost;
  fault.status = static_cast<int>(net::get_int(c.body, "status").value_or(lost ? 502 : 500));
  if (fault.status < 400 || fault.status > 599) return wrong("\"status\": 400 to 599");
  fault.message = net::get_string_or(c.body, "message", "");
  fault.retry_after = get_ms(c.body, "retry_after_ms", Duration(0));
  fault.delay = get_ms(c.body, "delay_ms", Duration(0));
  fault.next = get_next(c.body, std::nullopt);
  fault.probability = get_number(c.body, "probability").value_or(1);
  c.state.faults.calls.push_back(fault);
  return json_answer(201, json::object{{"id", fault.id}});
}

net::Response remove_call_fault(Control& c) {
  std::erase_if(c.state.faults.calls, [&](const CallFault& f) { return f.id == c.id(); });
  return no_content();
}

net::Response add_runner_fault(Control& c) {
  static constexpr std::array<std::pair<std::string_view, RunnerFault::When>, 4> kWhen{{
      {"session", RunnerFault::When::session},
      {"polling", RunnerFault::When::polling},
      {"assigned", RunnerFault::When::assigned},
      {"started", RunnerFault::When::started},
  }};
  const std::string when = net::get_string_or(c.body, "when", "session");
  const auto known = std::ranges::find(kWhen, std::string_view(when),
                                       &std::pair<std::string_view, RunnerFault::When>::first);
  if (known == kWhen.end()) return wrong("\"when\": session, polling, assigned or started");
  RunnerFault fault;
  fault.when = known->second;
  fault.name = net::get_string_or(c.body, "name", "*");
  if (const auto code = net::get_int(c.body, "exit_code"))
    fault.exit_code = static_cast<int>(*code);
  fault.next = get_next(c.body, 1);
  fault.probability = get_number(c.body, "probability").value_or(1);
  c.state.faults.runners.push_back(fault);
  return json_answer(201, json::object());
}

net::Response clear_faults(Control& c) {
  c.state.faults.webhooks = WebhookFaults();
  c.state.faults.calls.clear();
  c.state.faults.runners.clear();
  c.state.faults.outage = Outage();
  return no_content();
}

net::Response set_outage(Control& c) {
  const std::string kind = net::get_string_or(c.body, "kind", "unavailable");
  Outage outage;
  if (kind == "unavailable") {
    outage.kind = Outage::Kind::unavailable;
  } else if (kind == "refused") {
    outage.kind = Outage::Kind::refused;
  } else if (kind != "none") {
    return wrong("\"kind\": none, unavailable or refused");
  }
  if (const auto ms = net::get_int(c.body, "for_ms")) outage.until = c.now + Duration(*ms);
  c.state.faults.outage = outage;
  return json_answer(200, json::object());
}

net::Response add_foreign(Control& c) {
  Registering wish;
  const std::string repository = net::get_string_or(c.body, "repository", "");
  wish.scope = repository.empty() ? Scope{.kind = ScopeKind::organization,
                                          .name = net::get_string_or(c.body, "organization", "")}
                                  : Scope{.kind = ScopeKind::repository, .name = repository};
  wish.name = net::get_string_or(c.body, "name", "foreign");
  wish.labels = net::get_strings(c.body, "labels");
  wish.ephemeral = net::get_bool(c.body, "ephemeral").value_or(false);
  if (!c.state.world.has_scope(wish.scope)) return wrong("no such organisation or repository");
  const Runner& added =
      c.state.world.add_foreign(wish, get_ms(c.body, "work_ms", Duration(100)), c.now);
  return json_answer(201, json::object{{"id", added.id}});
}

net::Response set_rules(Control& c) {
  Rules& rules = c.state.world.rules();
  rules.idle = get_ms(c.body, "idle_ms", rules.idle);
  rules.never_online = get_ms(c.body, "never_online_ms", rules.never_online);
  rules.offline_after = get_ms(c.body, "offline_after_ms", rules.offline_after);
  rules.accept_within = get_ms(c.body, "accept_within_ms", rules.accept_within);
  rules.lost_after = get_ms(c.body, "lost_after_ms", rules.lost_after);
  rules.dispatch_delay = get_ms(c.body, "dispatch_delay_ms", rules.dispatch_delay);
  if (const auto size = net::get_int(c.body, "group_size")) {
    rules.group_size = static_cast<std::size_t>(*size);
  }
  Accounts& accounts = c.state.accounts;
  accounts.rate_limit = net::get_int(c.body, "rate_limit").value_or(accounts.rate_limit);
  accounts.token_life = get_ms(c.body, "token_life_ms", accounts.token_life);
  return json_answer(200, json::object());
}

net::Response revoke_tokens(Control& c) {
  c.state.accounts.revoke_all();
  return json_answer(200, json::object());
}

net::Response add_repository(Control& c) {
  const std::string name = net::get_string_or(c.body, "repository", "");
  if (name.find('/') == std::string::npos) return wrong("\"repository\": owner/name");
  return json_answer(201, json::object{{"id", c.state.world.add_repository(name, c.now).id}});
}

net::Response add_group(Control& c) {
  Group& group = c.state.world.add_group(net::get_string_or(c.body, "organization", ""),
                                         net::get_string_or(c.body, "name", "group"));
  for (const std::string& each : net::get_strings(c.body, "repositories")) {
    group.repositories.insert(each);
  }
  return json_answer(201, json::object{{"id", group.id}});
}

net::Response cancel_job(Control& c) { return answered(c.state.world.cancel_job(c.id(), c.now)); }
net::Response approve(Control& c) { return answered(c.state.world.approve(c.id(), c.now)); }
net::Response cancel_run(Control& c) { return answered(c.state.world.cancel_run(c.id(), c.now)); }
net::Response rerun(Control& c) {
  const bool failed_only = net::get_bool(c.body, "failed_only").value_or(false);
  return answered(c.state.world.rerun(c.id(), failed_only, c.now));
}

net::Response show_summary(Control& c) { return json_answer(200, summary_of(c.state)); }
net::Response show_state(Control& c) { return json_answer(200, state_of(c.state)); }
net::Response show_deliveries(Control& c) { return json_answer(200, deliveries_of(c.state)); }
net::Response show_calls(Control& c) { return json_answer(200, calls_of(c.state)); }
net::Response show_secrets(Control& c) {
  return json_answer(200, json::array(c.state.secrets.begin(), c.state.secrets.end()));
}

struct ControlRoute {
  const char* method;
  const char* pattern;
  net::Response (*answer)(Control&);
};

constexpr std::array<ControlRoute, 23> kRoutes{{
    {"GET", "/_sim/summary", show_summary},
    {"GET", "/_sim/state", show_state},
    {"GET", "/_sim/deliveries", show_deliveries},
    {"GET", "/_sim/calls", show_calls},
    {"GET", "/_sim/secrets", show_secrets},
    {"POST", "/_sim/workflows", queue_workflow},
    {"POST", "/_sim/jobs/{id}/cancel", cancel_job},
    {"POST", "/_sim/jobs/{id}/approve", approve},
    {"POST", "/_sim/runs/{id}/cancel", cancel_run},
    {"POST", "/_sim/runs/{id}/rerun", rerun},
    {"POST", "/_sim/foreign", add_foreign},
    {"POST", "/_sim/repositories", add_repository},
    {"POST", "/_sim/groups", add_group},
    {"POST", "/_sim/rules", set_rules},
    {"POST", "/_sim/tokens/revoke", revoke_tokens},
    {"POST", "/_sim/outage", set_outage},
    {"POST", "/_sim/faults/webhooks", set_webhook_faults},
    {"POST", "/_sim/faults/calls", add_call_fault},
    {"DELETE", "/_sim/faults/calls/{id}", remove_call_fault},
    {"POST", "/_sim/faults/runners", add_runner_fault},
    {"DELETE", "/_sim/faults", clear_faults},
    {"GET", "/_sim/healthz", show_summary},
    {"GET", "/_sim", show_summary},
}};

}  // namespace

net::Response answer_control(State& state, const net::Request& request, Time now) {
  for (const ControlRoute& route : kRoutes) {
    std::optional<std::vector<std::string>> vars = match_path(route.pattern, request.path());
    if (!vars || request.method != route.method) continue;
    Control control{.state = state, .body = json::object(), .vars = std::move(*vars), .now = now};
    if (!request.body.empty()) {
      core::Result<json::value> body = net::parse_json(request.body);
      if (!body) return wrong(body.error().what);
      control.body = std::move(*body);
    }
    return route.answer(control);
  }
  return json_answer(404,
                     json::object{{"message", "no such control; sim/github/README.md has all"}});
}

}  // namespace jitney::sim
