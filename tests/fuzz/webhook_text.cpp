// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/webhook_text.hpp"

#include <algorithm>

#include "github/job_body.hpp"
#include "tests/fuzz/property.hpp"

namespace jitney::fuzz {
namespace {

std::string number(core::Time time) { return std::to_string(time.time_since_epoch().count()); }

bool printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; });
}

}  // namespace

std::string describe(const core::JobEvent& job) {
  std::string text;
  for (const std::string& part :
       {std::to_string(job.id), std::string(core::to_string(job.status)), job.scope, job.repository,
        std::to_string(job.run_id), std::to_string(job.run_attempt), job.name, job.workflow,
        job.runner_name, std::to_string(job.runner_id), job.conclusion, number(job.created_at),
        number(job.started_at), number(job.completed_at), job.source}) {
    text += part + "|";
  }
  for (const std::string& label : job.labels) text += label + ",";
  return text;
}

std::string describe(const core::Result<github::WebhookEvent>& event) {
  if (!event) return "error: " + event.error().what;
  if (const auto* job = std::get_if<core::JobEvent>(&*event)) return "job: " + describe(*job);
  if (const auto* run = std::get_if<github::RunEvent>(&*event)) {
    return "run: " + run->repository + "|" + std::to_string(run->run_id) + "|" + run->action + "|" +
           run->status;
  }
  if (const auto* ping = std::get_if<github::Ping>(&*event)) {
    return "ping: " + std::to_string(ping->hook_id);
  }
  const auto& ignored = std::get<github::Ignored>(*event);
  return "ignored: " + ignored.event + "|" + ignored.action;
}

void expect_bounded(const core::JobEvent& job) {
  expect(job.id > 0 && job.run_id > 0 && job.run_attempt > 0 && job.runner_id >= 0,
         "ids are positive");
  expect(github::is_repository(job.repository), "the repository can stand in a path");
  expect(job.labels.size() <= github::kMaxLabels, "labels are bounded in number");
  for (const std::string& label : job.labels) {
    expect(!label.empty() && label.size() <= github::kMaxLabelBytes, "labels are bounded");
  }
  for (const std::string* name : {&job.name, &job.workflow, &job.runner_name, &job.conclusion}) {
    expect(name->size() <= github::kMaxNameBytes, "names are bounded");
  }
}

void expect_bounded(const github::WebhookEvent& event) {
  if (const auto* job = std::get_if<core::JobEvent>(&event)) {
    expect_bounded(*job);
    expect(job->scope.empty() && job->seen_at == core::Time{},
           "what only the server knows is empty");
    expect(job->source.size() <= 120, "the source is bounded");
  } else if (const auto* run = std::get_if<github::RunEvent>(&event)) {
    expect(run->run_id > 0 && github::is_repository(run->repository), "a run can be asked about");
    expect(run->status.size() <= 100 && printable(run->status), "the run's status is a word");
  } else if (const auto* ping = std::get_if<github::Ping>(&event)) {
    expect(ping->hook_id >= 0, "a hook's id is no negative number");
  } else {
    const auto& ignored = std::get<github::Ignored>(event);
    expect(ignored.event.size() <= 100 && printable(ignored.event), "the event's name is a word");
    expect(ignored.action.size() <= 100 && printable(ignored.action), "the action is a word");
  }
}

}  // namespace jitney::fuzz
