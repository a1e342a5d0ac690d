// SPDX-License-Identifier: Apache-2.0
#include "sim/github/control_state.hpp"

#include <ranges>

#include "net/json.hpp"
#include "sim/github/bodies.hpp"

namespace jitney::sim {
namespace {

json::value ms(Time time) {
  return time == Time{} ? json::value(nullptr) : json::value(time.time_since_epoch().count());
}

json::array texts(const std::vector<std::string>& list) {
  return json::array(list.begin(), list.end());
}

json::object show(const State& state, const Job& job) {
  return json::object{{"id", job.id},
                      {"run_id", job.run_id},
                      {"run_attempt", job.attempt},
                      {"repository", state.world.repository(job.repository)->full_name()},
                      {"name", job.name},
                      {"labels", texts(job.labels)},
                      {"status", to_string(job.status)},
                      {"conclusion", job.conclusion},
                      {"annotation", job.annotation},
                      {"created_at", ms(job.created_at)},
                      {"queued_at", ms(job.queued_at)},
                      {"assigned_at", ms(job.assigned_at)},
                      {"started_at", ms(job.started_at)},
                      {"completed_at", ms(job.completed_at)},
                      {"runner_id", job.runner_id},
                      {"runner_name", job.runner_name},
                      {"cancel_requested", job.cancel_requested},
                      {"assignments", job.assignments}};
}

json::object show(const State& state, const Runner& runner) {
  return json::object{{"id", runner.id},
                      {"name", runner.name},
                      {"scope", runner.scope.name},
                      {"group_id", runner.group_id},
                      {"labels", texts(runner.labels)},
                      {"ephemeral", runner.ephemeral},
                      {"foreign", runner.foreign},
                      {"online", state.world.online(runner)},
                      {"busy", runner.busy()},
                      {"job", runner.job},
                      {"version", runner.version},
                      {"created_at", ms(runner.created_at)},
                      {"first_online_at", ms(runner.first_online_at)},
                      {"seen_at", ms(runner.seen_at)}};
}

json::object counts_of(const State& state) {
  json::object counts;
  for (const auto& [route, by_status] : state.counts) {
    json::object row;
    for (const auto& [status, count] : by_status) row[std::to_string(status)] = count;
    counts[route] = std::move(row);
  }
  return counts;
}

}  // namespace

json::object summary_of(const State& state) {
  json::object jobs{{"waiting", 0}, {"queued", 0}, {"in_progress", 0}, {"completed", 0}};
  json::object conclusions;
  for (const auto& [id, job] : state.world.jobs()) {
    json::value& count = jobs[to_string(job.status)];
    count = count.as_int64() + 1;
    if (job.conclusion.empty()) continue;
    json::value& ended = conclusions[job.conclusion];
    ended = (ended.is_int64() ? ended.get_int64() : 0) + 1;
  }
  std::int64_t online = 0;
  std::int64_t busy = 0;
  for (const auto& [id, runner] : state.world.runners()) {
    online += state.world.online(runner) ? 1 : 0;
    busy += runner.busy() ? 1 : 0;
  }
  return json::object{{"url", state.base},
                      {"jobs", std::move(jobs)},
                      {"conclusions", std::move(conclusions)},
                      {"runners", json::object{{"registered", state.world.runners().size()},
                                               {"online", online},
                                               {"busy", busy},
                                               {"departed", state.world.departed().size()}}},
                      {"deliveries", json::object{{"recorded", state.hooks.deliveries().size()},
                                                  {"pending", state.hooks.pending()},
                                                  {"lost", state.hooks.lost()}}}};
}

json::object state_of(const State& state) {
  json::array jobs;
  for (const auto& [id, job] : state.world.jobs()) jobs.push_back(show(state, job));
  json::array runs;
  for (const auto& [id, run] : state.world.runs()) {
    runs.push_back(json::object{{"id", run.id},
                                {"run_attempt", run.attempt},
                                {"status", to_string(run.status)},
                                {"conclusion", run.conclusion},
                                {"jobs", json::array(run.jobs.begin(), run.jobs.end())}});
  }
  json::array runners;
  for (const auto& [id, runner] : state.world.runners()) runners.push_back(show(state, runner));
  json::array departed;
  for (const Departed& each : state.world.departed()) {
    departed.push_back(json::object{
        {"id", each.id}, {"name", each.name}, {"reason", each.reason}, {"at", ms(each.at)}});
  }
  return json::object{{"summary", summary_of(state)},    {"jobs", std::move(jobs)},
                      {"runs", std::move(runs)},         {"runners", std::move(runners)},
                      {"departed", std::move(departed)}, {"calls", counts_of(state)}};
}

namespace {

// The job a delivery is about, read back from what was sent; null when it is about none.
json::value job_of(const Delivery& delivery) {
  if (!delivery.payload) return nullptr;
  const auto body = net::parse_json(*delivery.payload);
  const auto* job = body ? net::get_object(*body, "workflow_job") : nullptr;
  const auto id = job ? net::get_int(*job, "id") : std::nullopt;
  return id ? json::value(*id) : json::value(nullptr);
}

}  // namespace

json::array deliveries_of(const State& state) {
  json::array list;
  for (const auto& [id, each] : std::views::reverse(state.hooks.deliveries())) {
    list.push_back(json::object{{"id", each.id},
                                {"hook_id", each.hook},
                                {"guid", each.guid},
                                {"event", each.event},
                                {"action", each.action},
                                {"job_id", job_of(each)},
                                {"redelivery", each.redelivery},
                                {"done", each.done},
                                {"delivered_at", ms(each.delivered_at)},
                                {"duration", each.duration},
                                {"status", each.status},
                                {"status_code", each.status_code}});
  }
  return list;
}

json::array calls_of(const State& state) {
  json::array list;
  for (const Call& call : state.calls) {
    list.push_back(json::object{{"at", ms(call.at)},
                                {"method", call.method},
                                {"target", call.target},
                                {"route", call.route},
                                {"content_type", call.content_type},
                                {"accept", call.accept},
                                {"body", call.body},
                                {"status", call.status}});
  }
  return list;
}

}  // namespace jitney::sim
