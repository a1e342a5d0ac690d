// SPDX-License-Identifier: Apache-2.0
// The functions' own: identity, table, queues, functions. ec2_checks.cpp has the machines'.
#include "apps/doctor/aws_checks.hpp"

#include <algorithm>

namespace jitney::app {

namespace {

using core::Duration;
using core::Fault;

// Lambda's metrics come in quarters of an hour, and some minutes late.
constexpr Duration kSweepSilent = std::chrono::minutes(45);
constexpr Duration kRecent = std::chrono::hours(1);
constexpr std::int64_t kManyWaiting = 1000;

std::string ago(core::Time at, core::Time now) {
  return core::describe(std::max(now - at, Duration::zero())) + " ago";
}

Finding check_function(const std::string& name, const aws::FunctionRuns& runs, bool scheduled,
                       core::Time now) {
  const std::string logs = "its log: aws logs tail /aws/lambda/" + name + " --since 1h";
  if (runs.runs == 0) {
    if (!scheduled) return ok(name, "not called in a day");
    return failed(name, "not called in a day, though a schedule should",
                  "was terraform applied in this region? is the rule " + name + " enabled?");
  }
  if (name.ends_with("-sweep") && now - runs.last_run > kSweepSilent) {
    return failed(name, "last called " + ago(runs.last_run, now),
                  "is the rule " + name +
                      " enabled? is the account at its limit of concurrent "
                      "executions?");
  }
  const std::string seen =
      counted(static_cast<std::size_t>(runs.runs), "call") + " in a day, " +
      (runs.errors == 0 ? "no errors" : counted(static_cast<std::size_t>(runs.errors), "error"));
  if (runs.errors == 0) return ok(name, seen);
  const std::string last = seen + ", the last " + ago(runs.last_error, now);
  return now - runs.last_error > kRecent ? ok(name, last) : warning(name, last, logs);
}

}  // namespace

Finding could_not_look(const std::string& check, const core::Error& error) {
  if (error.fault == Fault::unauthorized) {
    return skipped(check, "these credentials may not look: " + error.what);
  }
  return failed(check, error.what, "try again; if it stays: does [aws] name what is there?");
}

Finding check_identity(const core::Result<aws::Identity>& identity, const std::string& region) {
  if (identity) {
    return ok("credentials", identity->arn + ", account " + identity->account + ", " + region);
  }
  const core::Error& error = identity.error();
  return failed("credentials", error.what,
                error.fault == Fault::invalid
                    ? "set AWS_REGION, or region in [aws]"
                    : "sign in first (aws sso login, aws configure), or name a profile with "
                      "AWS_PROFILE");
}

Finding check_jit_bucket(const std::string& bucket, const core::Result<std::string>& versioning) {
  constexpr const char* kCheck = "JIT bucket";
  if (!versioning) {
    if (versioning.error().fault == Fault::unauthorized) {
      return could_not_look(kCheck, versioning.error());
    }
    return failed(kCheck, versioning.error().what,
                  "make the bucket in this region, or correct jit_bucket in [ec2]");
  }
  if (versioning->empty()) return ok(kCheck, bucket + ", without versions");
  return failed(kCheck,
                bucket +
                    " keeps versions: JIT configurations stay in it after they were "
                    "deleted",
                "use a bucket that never had versions as jit_bucket in [ec2]");
}

Finding check_script(const std::string& place, const core::Result<bool>& there) {
  constexpr const char* kCheck = "runner script";
  if (!there) {
    // Who may not list a bucket is told 403 of what is not there, too.
    return skipped(kCheck, there.error().what);
  }
  if (*there) return ok(kCheck, place);
  return failed(kCheck, "there is no " + place, "aws s3 cp runner/jitney-runner " + place);
}

Finding check_table(const std::string& table, const core::Result<std::string>& status) {
  constexpr const char* kCheck = "table";
  if (!status) {
    if (status.error().fault == Fault::invalid) {
      return failed(kCheck, status.error().what,
                    "correct table and region of [aws]: tofu output -raw config");
    }
    return could_not_look(kCheck, status.error());
  }
  if (*status == "ACTIVE" || *status == "UPDATING") return ok(kCheck, table + " is " + *status);
  return failed(kCheck, table + " is " + *status, "look at it in the DynamoDB console");
}

Finding check_queue(const std::string& name, const core::Result<aws::QueueDepth>& depth) {
  const std::string check = name + " queue";
  if (!depth) return could_not_look(check, depth.error());
  const std::string seen = std::to_string(depth->waiting) + " waiting, " +
                           std::to_string(depth->under_way) + " under way, " +
                           std::to_string(depth->delayed) + " delayed";
  if (depth->waiting < kManyWaiting) return ok(check, seen);
  return warning(check, seen,
                 "does its function run? is the account at its limit of concurrent executions?");
}

Finding check_dead_queue(const core::Result<aws::QueueDepth>& depth) {
  constexpr const char* kCheck = "given up by SQS";
  if (!depth) return could_not_look(kCheck, depth.error());
  const std::int64_t all = depth->waiting + depth->under_way + depth->delayed;
  if (all == 0) return ok(kCheck, "no messages");
  return warning(kCheck,
                 counted(static_cast<std::size_t>(all), "message") +
                     " killed their function, or could not be delivered",
                 "the functions' logs say why; then: jitney dead redrive --all");
}

Finding check_dead_letters(const core::Result<std::size_t>& letters) {
  constexpr const char* kCheck = "dead letters";
  if (!letters) return could_not_look(kCheck, letters.error());
  if (*letters == 0) return ok(kCheck, "none");
  return warning(kCheck, std::to_string(*letters) + " jobs or wake-ups were given up",
                 "jitney dead list says which and why; then: jitney dead redrive JOB");
}

std::vector<std::string> function_names(const std::string& deployment) {
  std::vector<std::string> names;
  for (const char* one : {"autoscaler", "create-runner", "stop-runner", "move-jobs", "sweep"}) {
    names.push_back(deployment + "-" + one);
  }
  return names;
}

std::vector<Finding> check_functions(
    const std::string& deployment,
    const core::Result<std::map<std::string, aws::FunctionRuns>>& runs, core::Time now) {
  if (!runs) return {could_not_look("functions", runs.error())};
  std::vector<Finding> findings;
  for (const std::string& name : function_names(deployment)) {
    const auto found = runs->find(name);
    const bool scheduled = name.ends_with("-sweep") || name.ends_with("-move-jobs");
    findings.push_back(check_function(
        name, found == runs->end() ? aws::FunctionRuns{} : found->second, scheduled, now));
  }
  return findings;
}

}  // namespace jitney::app
