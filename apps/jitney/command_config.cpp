// SPDX-License-Identifier: Apache-2.0
// config check, version.
#include <pwd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <optional>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "apps/host/version.hpp"
#include "apps/jitney/commands.hpp"

namespace jitney::app {

namespace {

namespace json = boost::json;

using Lines = std::vector<std::string>;

std::optional<std::string> runner_dir_trouble(const std::string& directory) {
  const std::string listener = directory + "/bin/Runner.Listener";
  if (access(listener.c_str(), X_OK) == 0) return std::nullopt;
  return listener + ": " + std::strerror(errno) + "; unpack GitHub's actions-runner package to " +
         directory + ", or write another runner_dir";
}

std::optional<std::string> runner_user_trouble(const std::string& user) {
  if (user.empty()) {
    if (geteuid() != 0) return std::nullopt;
    return "there is no runner_user, so a server run by root would run jobs as root; write "
           "runner_user = \"NAME\" of a user who owns nothing";
  }
  const passwd* found = getpwnam(user.c_str());
  if (found == nullptr) {
    return "there is no user " + user +
           " on this machine; run: useradd --system --home-dir /nonexistent --shell "
           "/usr/sbin/nologin " +
           user;
  }
  if (found->pw_uid == 0) {
    return "runner_user " + user + " is root, who owns this machine; write a user who owns nothing";
  }
  if (geteuid() != 0 && found->pw_uid != geteuid()) {
    return "only root can run jobs as " + user +
           "; run the server as root, or leave runner_user out";
  }
  return std::nullopt;
}

// What several pools suffer from is told once, with their names.
Lines check_machine(const Config& config) {
  std::map<std::string, std::string> pools;  // by trouble
  for (const core::Pool& pool : config.deployment.pools) {
    if (config.fleet != FleetKind::process) break;
    const ProcessPool& process = config.process_pools.at(pool.name);
    for (auto trouble :
         {runner_dir_trouble(process.runner_dir), runner_user_trouble(process.runner_user)}) {
      if (!trouble) continue;
      std::string& names = pools[*trouble];
      names += (names.empty() ? "" : ", ") + pool.name;
    }
  }
  Lines problems;
  for (const auto& [trouble, names] : pools) problems.push_back("pool " + names + ": " + trouble);
  for (const GithubScope& scope : config.github) {
    if (!scope.ca_file.empty() && access(scope.ca_file.c_str(), R_OK) != 0) {
      problems.push_back("[[github]] " + scope.name + ": ca_file " + scope.ca_file + ": " +
                         std::strerror(errno));
    }
  }
  return problems;
}

json::array array_of(const Lines& lines) {
  json::array array;
  for (const std::string& line : lines) array.emplace_back(line);
  return array;
}

std::string listed(std::string_view title, const Lines& lines) {
  if (lines.empty()) return "";
  std::string text = std::string(title) + ":\n";
  for (const std::string& line : lines) text += "  " + printable(line) + "\n";
  return text;
}

struct Report {
  Lines mistakes, warnings, machine;
  SecretProblems secrets;
  std::string summary;  // of a configuration without mistakes

  [[nodiscard]] int status() const {
    if (!mistakes.empty()) return kUsage;
    const bool sound = secrets.missing.empty() && secrets.unusable.empty() &&
                       secrets.exposed.empty() && machine.empty();
    return sound ? kOk : kFailed;
  }
};

std::string summary_of(const Config& config) {
  const auto counted = [](std::size_t n, const std::string& what) {
    return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
  };
  return "deployment " + config.deployment.name + ", " +
         counted(config.deployment.pools.size(), "pool") + ", " +
         counted(config.github.size(), "GitHub scope") + ", ingress by " +
         (config.ingress == IngressKind::webhook ? "webhook" : "polling");
}

int show(const Report& report, const std::string& path, bool as_json) {
  const int status = report.status();
  if (as_json) {
    const bool printed =
        print_json(json::object{{"ok", status == kOk},
                                {"path", path},
                                {"mistakes", array_of(report.mistakes)},
                                {"warnings", array_of(report.warnings)},
                                {"missing_secrets", array_of(report.secrets.missing)},
                                {"unusable_secrets", array_of(report.secrets.unusable)},
                                {"exposed_secrets", array_of(report.secrets.exposed)},
                                {"machine", array_of(report.machine)}});
    return printed ? status : answered(false);
  }
  std::string text;
  if (!report.mistakes.empty()) {
    for (const std::string& line : report.mistakes) text += printable(line) + "\n";
    text += std::to_string(report.mistakes.size()) +
            (report.mistakes.size() == 1 ? " mistake\n" : " mistakes\n");
  } else {
    text = path + " is well written: " + report.summary + "\n";
  }
  text += listed("Secrets that cannot be read by this user, here", report.secrets.missing);
  text += listed("Secrets that are not what they must be", report.secrets.unusable);
  text += listed("Secrets that others can read", report.secrets.exposed);
  text += listed("On this machine", report.machine);
  text += listed("Mind", report.warnings);
  return print(text) ? status : answered(false);
}

}  // namespace

int check_config(const std::string& path, bool as_json, bool file_only) {
  Report report;
  const auto config = load_config(path);
  if (!config && config.error().fault == core::Fault::not_found) {
    return complain(kUsage, config.error().what);
  }
  if (!config) {
    report.mistakes = lines_of(config.error());
    return show(report, path, as_json);
  }
  report.summary = summary_of(*config);
  report.warnings = config->warnings;
  if (!file_only) {
    report.secrets = check_secrets(*config);
    report.machine = check_machine(*config);
  }
  return show(report, path, as_json);
}

int print_version(bool as_json) {
  if (as_json) return answered(print_json(json::object{{"version", version()}}));
  return answered(print("jitney " + std::string(version()) + "\n"));
}

}  // namespace jitney::app
