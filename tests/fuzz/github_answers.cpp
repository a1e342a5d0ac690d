// SPDX-License-Identifier: Apache-2.0
// What is asked of GitHub (a word: runners, find, mint, remove, job, run_jobs, open_jobs,
// repositories, deliveries, redeliver), then its answers: a status, header lines, an empty line and
// the body, with a line "---" between two answers.
#include "github/rest_forge.hpp"
#include "net/wire_text.hpp"
#include "tests/fuzz/property.hpp"
#include "tests/fuzz/scripted_client.hpp"
#include "tests/fuzz/webhook_text.hpp"

namespace jitney::fuzz {
namespace {

constexpr std::string_view kToken = "ghp_0123456789abcdefghijklmnopqrstuvwxyz";

class StandingClock final : public core::Clock {
 public:
  core::Time now() override { return core::Time(std::chrono::seconds(1'767'323'045)); }
};

std::unique_ptr<core::Forge> forge_of(core::Clock& clock) {
  github::ForgeOptions options;
  options.scope = "acme";
  options.url = "https://github.com/acme";
  options.credentials = github::TokenKey{core::Secret(std::string(kToken))};
  options.webhook_url = "https://ci.acme.example/webhook";
  options.deployment = "fuzz";
  options.write_spacing = core::Duration(0);
  options.call_time = core::Duration(1);  // shorter than any pause: nothing is waited for
  auto forge = github::make_forge(std::move(options), clock);
  expect(forge.has_value(), "the forge can be made");
  return *std::move(forge);
}

template <class T>
bool expect_error_is_bounded(const core::Result<T>& result) {
  if (result) return true;
  const core::Error& error = result.error();
  expect(error.what.size() < 2000, "an error's text is bounded");
  expect(error.what.find(kToken) == std::string::npos, "an error's text holds no token");
  expect(!error.what.empty(), "an error says something");
  if (error.fault == core::Fault::throttled) {
    expect(error.retry_after && *error.retry_after > core::Duration(0) &&
               *error.retry_after <= std::chrono::hours(2),
           "patience has an end");
  }
  return false;
}

void expect_jobs(const core::Result<std::vector<core::JobEvent>>& jobs) {
  if (!expect_error_is_bounded(jobs)) return;
  for (const core::JobEvent& job : *jobs) {
    expect_bounded(job);
    expect(job.scope == "acme" && job.repository == "acme/shop", "a job is of where it was asked");
  }
}

void expect_runners(core::Forge& forge) {
  const auto runners = forge.runners();
  if (!expect_error_is_bounded(runners)) return;
  for (const core::Registration& runner : *runners) {
    expect(runner.id > 0 && runner.name.starts_with("fuzz-"), "only our own runners are listed");
    expect(runner.name.size() <= 1024, "names are bounded");
  }
}

void expect_deliveries(core::Forge& forge) {
  const core::Time since(std::chrono::seconds(1'767'000'000));
  const auto deliveries = forge.failed_deliveries(since);
  if (!expect_error_is_bounded(deliveries)) return;
  expect(deliveries->seen_until >= since, "what was seen stays seen");
  for (const core::FailedDelivery& delivery : deliveries->failed) {
    expect(delivery.id > 0 && !delivery.guid.empty() && delivery.guid.size() <= 100,
           "a delivery can be asked for again");
    expect(delivery.at >= since, "older deliveries were dealt with");
  }
}

void ask(core::Forge& forge, std::string_view what) {
  const std::vector<std::string> labels = {"linux"};
  if (what == "runners") {
    expect_runners(forge);
  } else if (what == "find") {
    const auto found = forge.find("fuzz-linux-1");
    if (expect_error_is_bounded(found) && *found) {
      expect((*found)->name == "fuzz-linux-1" && (*found)->id > 0, "what is found was asked for");
    }
  } else if (what == "mint") {
    const auto minted = forge.mint("fuzz-linux-1", labels, 1);
    if (expect_error_is_bounded(minted)) {
      expect(minted->id > 0 && !minted->jit.empty(), "a minted runner can be started");
    }
  } else if (what == "remove") {
    expect_error_is_bounded(forge.remove(17));
  } else if (what == "job") {
    const auto job = forge.job("acme/shop", 17);
    if (expect_error_is_bounded(job)) expect_bounded(*job);
  } else if (what == "run_jobs") {
    expect_jobs(forge.run_jobs("acme/shop", 17));
  } else if (what == "open_jobs") {
    expect_jobs(forge.open_jobs("acme/shop"));
  } else if (what == "repositories") {
    expect_error_is_bounded(forge.repositories());
  } else if (what == "deliveries") {
    expect_deliveries(forge);
  } else if (what == "redeliver") {
    expect_error_is_bounded(forge.redeliver(17));
  }
}

}  // namespace

void target(std::string_view input) {
  Lines lines(input);
  const std::string_view what = lines.take();
  read_script(lines.rest());
  const std::size_t answers = script().answers.size();
  StandingClock clock;
  const auto forge = forge_of(clock);
  ask(*forge, what);
  // Each unanswered call ends what was asked: the runs of open_jobs are asked one after the other.
  expect(script().asked.size() <= answers + 2, "no answer leads to no end of calls");
  for (const net::Request& request : script().asked) {
    expect(net::is_target(request.target) && request.target.starts_with('/'),
           "what GitHub says cannot break a request's head");
    expect(request.target.find("..") == std::string::npos || request.method == "GET",
           "what GitHub says leads no write elsewhere");
  }
  if (const auto budget = forge->budget()) {
    expect(budget->remaining >= 0 && budget->limit >= 0, "a budget is no debt");
  }
}

}  // namespace jitney::fuzz
