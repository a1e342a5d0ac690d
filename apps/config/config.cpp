// SPDX-License-Identifier: Apache-2.0
#include "apps/config/config.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

#include "apps/config/config_reader.hpp"
#include "apps/config/config_text.hpp"
#include "github/credentials.hpp"
#include "net/url.hpp"

namespace jitney::app {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t kLargestFile = 1u << 20;
constexpr Bounds<core::Duration> kShort{1ms, 24h};
constexpr Bounds<core::Duration> kLong{1ms, 24h * 365};

void read_names(Section& root, Config& config) {
  std::string name = "jitney";
  root.read("deployment", name);
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  };
  if (name.size() > 20 || !std::ranges::all_of(name, fits)) {
    root.wrong(
        "deployment",
        "is " + quoted(name) + "; write 1 to 20 of a-z, 0-9 and -: it begins every runner's name");
  }
  config.deployment.name = name;
  std::size_t ingress = 0;
  root.read_word("ingress", ingress, {"webhook", "poll"});
  config.ingress = ingress == 0 ? IngressKind::webhook : IngressKind::poll;
  std::size_t fleet = 0;
  root.read_word("fleet", fleet, {"process", "ec2"});
  config.fleet = fleet == 0 ? FleetKind::process : FleetKind::ec2;
}

std::string default_state_dir() {
  const char* given = std::getenv("STATE_DIRECTORY");  // set by systemd, several joined by ':'
  if (given == nullptr || *given != '/') return "/var/lib/jitney";
  const std::string_view all = given;
  return std::string(all.substr(0, all.find(':')));
}

void read_server(Section& root, Config& config) {
  Section server = root.table("server");
  ServerConfig& into = config.server;
  into.state_dir = default_state_dir();
  server.read("webhook_listen", into.webhook);
  server.read("admin_listen", into.admin);
  server.read("admin_hosts", into.admin_hosts);
  server.read_path("state_dir", into.state_dir);
  server.read("drain", into.drain, {0ms, 1h});
  server.read("function_time", into.function_time, {1s, 15min});
  server.read("workers", into.workers, {1, 64});
  std::size_t level = 1;
  server.read_word("log_level", level, {"debug", "info", "warning", "error"});
  constexpr std::array kLevels = {net::LogLevel::debug, net::LogLevel::info, net::LogLevel::warning,
                                  net::LogLevel::error};
  into.log_level = kLevels.at(level);
  const bool same = into.webhook.port == into.admin.port && into.webhook.port != 0 &&
                    config.ingress == IngressKind::webhook;
  if (same) {
    server.wrong(server.has("admin_listen") ? "admin_listen" : "webhook_listen",
                 "has port " + std::to_string(into.admin.port) +
                     ", which the other listener has too; write another port");
  }
  if (!is_loopback(into.admin.address)) {
    server.warn("admin_listen", "is " + into.admin.address +
                                    ": the admin listener has no password and can redrive jobs; "
                                    "whoever reaches that address is trusted");
  }
  server.finish();
}

void read_times(Section& root, Config& config) {
  core::Deployment& into = config.deployment;
  Section retry = root.table("retry");
  retry.read("delays", into.retry.delays, kLong);
  retry.read("max_redrives", into.max_redrives, {0, 100});
  retry.read("redrive_interval", config.redrive_interval, kLong);
  retry.finish();

  Section sweep = root.table("sweep");
  sweep.read("interval", into.sweep_interval, {10ms, 1h});
  sweep.read("orphan_grace", into.orphan_grace, kShort);
  sweep.read("settle", into.settle, kShort);
  sweep.read("check_after", into.check_after, kShort);
  sweep.read("checks_per_sweep", into.checks_per_sweep, {0, 1000});
  sweep.read("retention", into.retention, {1min, 24h * 3650});
  sweep.finish();

  Section poll = root.table("poll");
  poll.read("interval", into.poll_interval, {10ms, 24h});
  poll.finish();

  Section launch = root.table("launch");
  launch.read("batch_size", into.batch_size, {1, 500});
  launch.finish();
}

void warn_of_overlaps(Section& root, const Config& config) {
  for (const core::Overlap& overlap : core::overlaps(config.deployment.pools)) {
    root.warn("pool",
              "\"" + overlap.second + "\" overlaps with \"" + overlap.first + "\": " + overlap.why);
  }
}

Config read_root(Mistakes& mistakes, const toml::table& table, const std::string& name) {
  Config config;
  config.path = name;
  Section root(mistakes, &table, "", table.source().begin);
  read_names(root, config);
  read_server(root, config);
  read_times(root, config);
  read_aws(root, config);
  read_ec2(root, config);
  read_github(root, config);
  read_pools(root, config);  // after the scopes, which pools name
  warn_of_overlaps(root, config);
  root.finish();
  return config;
}

core::Result<std::string> read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    const int why = errno;
    return core::fail(why == ENOENT ? core::Fault::not_found : core::Fault::invalid,
                      "cannot read " + path + ": " + std::strerror(why));
  }
  std::string text(kLargestFile + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad()) return core::fail(core::Fault::invalid, "cannot read " + path + ": is it a file?");
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > kLargestFile) {
    return core::fail(core::Fault::invalid, path + " is larger than 1 MiB: is it the right file?");
  }
  return text;
}

core::Status usable_token(const core::Secret& token) {
  return github::check_key(github::TokenKey{.token = token});
}

core::Status usable_private_key(const GithubScope& scope, const core::Secret& key) {
  return github::check_key(github::AppKey{
      .issuer = scope.app_id, .installation_id = scope.installation_id, .private_key = key});
}

core::Status usable_proxy(const core::Secret& proxy) {
  const auto parsed = net::parse_proxy(proxy.reveal());
  return parsed ? core::Status() : std::unexpected(parsed.error());
}

// GitHub signs with whatever was given to it.
core::Status any_text(const core::Secret&) { return {}; }

}  // namespace

core::Result<Config> parse_config(std::string_view text, const std::string& name) {
  Mistakes mistakes(name);
  try {
    const toml::table table = toml::parse(text, name);
    Config config = read_root(mistakes, table, name);
    if (std::string all = mistakes.text(); !all.empty()) {
      return core::fail(core::Fault::invalid, std::move(all));
    }
    config.warnings = mistakes.warnings();
    return config;
  } catch (const toml::parse_error& error) {
    // The parser's own text may quote what stands there, and that may be a secret: only its first
    // part says what was being read.
    std::string_view what = error.description();
    what = what.substr(0, what.find_first_of(":;'\"\n"));
    return core::fail(core::Fault::invalid, mistakes.at(error.source().begin) +
                                                ": this is no TOML: " + std::string(what) +
                                                "; strings stand in quotes, a key only once in a "
                                                "table (https://toml.io)");
  }
}

core::Result<Config> load_config(const std::string& path) {
  const auto text = read_file(path);
  if (!text) return std::unexpected(text.error());
  return parse_config(*text, path);
}

std::vector<std::string> lines_of(const core::Error& error) {
  std::vector<std::string> lines;
  std::istringstream text(error.what);
  for (std::string line; std::getline(text, line);) lines.push_back(std::move(line));
  return lines;
}

const GithubScope* Config::scope(std::string_view name) const {
  const auto found = std::ranges::find(github, name, &GithubScope::name);
  return found == github.end() ? nullptr : &*found;
}

SecretProblems check_secrets(const Config& config) {
  SecretProblems problems;
  // `usable` is what the server itself asks before it takes the secret.
  const auto check = [&](const SecretRef& reference, const auto& usable) {
    if (reference.remote()) return;  // who checks a file may not read what AWS keeps
    if (const auto secret = load_secret(reference); !secret) {
      problems.missing.push_back(secret.error().what);
    } else if (const core::Status status = usable(*secret); !status) {
      problems.unusable.push_back(reference.where + ": the secret in the " + reference.text() +
                                  " cannot be used: " + status.error().what);
    }
    if (auto exposed = exposure(reference)) problems.exposed.push_back(*std::move(exposed));
  };
  for (const GithubScope& scope : config.github) {
    if (scope.token) check(*scope.token, usable_token);
    if (scope.private_key) {
      check(*scope.private_key,
            [&](const core::Secret& key) { return usable_private_key(scope, key); });
    }
    if (scope.proxy_secret) check(*scope.proxy_secret, usable_proxy);
    for (const SecretRef& reference : scope.webhook_secrets) check(reference, any_text);
  }
  return problems;
}

std::set<std::pair<std::string, std::string>> known_keys() {
  Mistakes mistakes("");
  const toml::table table{{"github", toml::array{toml::table{}}},
                          {"pool", toml::array{toml::table{}}}};
  static_cast<void>(read_root(mistakes, table, ""));
  return mistakes.keys();
}

}  // namespace jitney::app
