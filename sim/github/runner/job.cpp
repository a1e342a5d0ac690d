// SPDX-License-Identifier: Apache-2.0
#include "sim/github/runner/job.hpp"

#include <cstdlib>
#include <fstream>

#include "net/crypto.hpp"
#include "net/json.hpp"
#include "net/rfc3339.hpp"
#include "sim/github/runner/process.hpp"

namespace jitney::sim::runner {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

std::string now_text() {
  return net::format_rfc3339_ms(
      std::chrono::floor<core::Duration>(std::chrono::system_clock::now()));
}

class Work {
 public:
  Work(const JobPlace& place, const json::value& message, const std::function<bool()>& cancelled)
      : place_(place), message_(message), cancelled_(cancelled) {}

  JobOutcome run();

 private:
  std::string text(std::string_view key) const { return net::get_string_or(message_, key, ""); }
  std::string number(std::string_view key) const {
    return std::to_string(net::get_int(message_, key).value_or(0));
  }
  void make_directories();
  void make_environment();
  bool hook(const char* variable);
  bool step(const std::string& command);
  void read_exports();
  void note(const std::string& line) const { std::ofstream(log_, std::ios::app) << line << '\n'; }

  const JobPlace& place_;
  const json::value& message_;
  const std::function<bool()>& cancelled_;
  fs::path work_, temp_, workspace_;
  std::string log_;
  std::string tracking_ = "github_" + net::hex(net::random_bytes(16));
  Environment environment_;
};

void Work::make_directories() {
  const std::string repository = text("repository");
  const std::string name = repository.substr(repository.find('/') + 1);
  work_ = place_.root / place_.work_folder;
  temp_ = work_ / "_temp";
  workspace_ = work_ / name / name;
  std::error_code ignored;
  fs::remove_all(temp_, ignored);
  fs::create_directories(temp_ / "_runner_file_commands");
  fs::create_directories(workspace_);
  fs::create_directories(work_ / "_tool");
  fs::create_directories(place_.root / "_diag" / "pages");
  log_ = place_.root / "_diag" / "pages" / (number("job_id") + "_1.log");
}

void Work::make_environment() {
  environment_ = own_environment();
  const fs::path commands = temp_ / "_runner_file_commands";
  const std::string api = text("server_url");
  const Environment given{
      {"CI", "true"},
      {"GITHUB_ACTIONS", "true"},
      {"GITHUB_ACTOR", "octocat"},
      {"GITHUB_API_URL", api},
      {"GITHUB_ENV", commands / "set_env"},
      {"GITHUB_EVENT_NAME", text("event")},
      {"GITHUB_EVENT_PATH", temp_ / "_github_workflow" / "event.json"},
      {"GITHUB_JOB", text("name")},
      {"GITHUB_OUTPUT", commands / "set_output"},
      {"GITHUB_PATH", commands / "add_path"},
      {"GITHUB_REF", "refs/heads/" + text("branch")},
      {"GITHUB_REF_NAME", text("branch")},
      {"GITHUB_REF_TYPE", "branch"},
      {"GITHUB_REPOSITORY", text("repository")},
      {"GITHUB_REPOSITORY_OWNER", text("owner")},
      {"GITHUB_RUN_ATTEMPT", number("run_attempt")},
      {"GITHUB_RUN_ID", number("run_id")},
      {"GITHUB_RUN_NUMBER", number("run_number")},
      {"GITHUB_SERVER_URL", api},
      {"GITHUB_SHA", text("sha")},
      {"GITHUB_STEP_SUMMARY", commands / "step_summary"},
      {"GITHUB_WORKFLOW", text("workflow")},
      {"GITHUB_WORKSPACE", workspace_},
      {"RUNNER_ARCH", "X64"},
      {"RUNNER_ENVIRONMENT", "self-hosted"},
      {"RUNNER_NAME", place_.runner_name},
      {"RUNNER_OS", "Linux"},
      {"RUNNER_TEMP", temp_},
      {"RUNNER_TOOL_CACHE", work_ / "_tool"},
      {"RUNNER_TRACKING_ID", tracking_},
      {"RUNNER_WORKSPACE", workspace_.parent_path()},
  };
  for (const auto& [name, value] : given) environment_[name] = value;
  if (const json::value* extra = net::get_object(message_, "env")) {
    for (const auto& [name, value] : extra->get_object()) {
      if (value.is_string()) environment_[std::string(name)] = std::string(value.get_string());
    }
  }
  fs::create_directories(temp_ / "_github_workflow");
  std::ofstream(environment_["GITHUB_EVENT_PATH"]) << "{}";
  for (const char* name : {"GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_PATH", "GITHUB_STEP_SUMMARY"}) {
    std::ofstream(environment_[name]) << "";
  }
}

// NAME=VALUE lines of GITHUB_ENV, and directories of GITHUB_PATH, hold for the steps that follow.
void Work::read_exports() {
  std::string line;
  for (std::ifstream file(environment_["GITHUB_ENV"]); std::getline(file, line);) {
    const std::size_t equals = line.find('=');
    if (equals != std::string::npos && equals > 0) {
      environment_[line.substr(0, equals)] = line.substr(equals + 1);
    }
  }
  for (std::ifstream file(environment_["GITHUB_PATH"]); std::getline(file, line);) {
    if (!line.empty()) environment_["PATH"] = line + ":" + environment_["PATH"];
  }
  std::ofstream(environment_["GITHUB_ENV"]) << "";
  std::ofstream(environment_["GITHUB_PATH"]) << "";
}

bool Work::hook(const char* variable) {
  const char* file = std::getenv(variable);
  if (file == nullptr || *file == '\0') return true;
  note(std::string("##[group]Run '") + file + "'");
  if (!fs::exists(file)) {
    note(std::string("##[error]File doesn't exist: ") + file);
    return false;
  }
  // Hooks run to their end even when the job is cancelled.
  const int code = run_script(
      Script{.file = file, .directory = workspace_, .log_file = log_, .environment = environment_},
      [] { return false; });
  read_exports();
  return code == 0;
}

bool Work::step(const std::string& command) {
  const fs::path script = temp_ / (net::hex(net::random_bytes(8)) + ".sh");
  std::ofstream(script) << command << '\n';
  note("##[group]Run " + command.substr(0, command.find('\n')));
  const bool to_stdout = std::getenv("ACTIONS_RUNNER_PRINT_LOG_TO_STDOUT") != nullptr;
  const int code = run_script(Script{.file = script,
                                     .directory = workspace_,
                                     .log_file = to_stdout ? "" : log_,
                                     .environment = environment_},
                              cancelled_);
  if (code != 0) note("##[error]Process completed with exit code " + std::to_string(code) + ".");
  read_exports();
  return code == 0;
}

JobOutcome Work::run() {
  make_directories();
  make_environment();
  JobOutcome outcome;
  bool good = hook("ACTIONS_RUNNER_HOOK_JOB_STARTED");
  if (const json::array* steps = net::get_array(message_, "steps")) {
    for (const json::value& each : *steps) {
      json::object told{{"started_at", now_text()}};
      if (cancelled_()) {
        told["conclusion"] = "cancelled";
      } else if (!good) {
        told["conclusion"] = "skipped";
      } else {
        good = step(net::get_string_or(each, "run", ""));
        told["conclusion"] = cancelled_() ? "cancelled" : good ? "success" : "failure";
      }
      told["completed_at"] = now_text();
      outcome.steps.push_back(std::move(told));
    }
  }
  const bool ended = hook("ACTIONS_RUNNER_HOOK_JOB_COMPLETED");
  outcome.result = cancelled_() ? "Canceled" : good && ended ? "Succeeded" : "Failed";
  note("Cleaning up orphan processes");
  kill_orphans(tracking_);
  std::error_code ignored;
  fs::remove_all(temp_, ignored);
  return outcome;
}

}  // namespace

JobOutcome run_job(const JobPlace& place, const json::value& message,
                   const std::function<bool()>& cancelled) {
  return Work(place, message, cancelled).run();
}

}  // namespace jitney::sim::runner
