// SPDX-License-Identifier: Apache-2.0
// sim_github: the simulated GitHub as a program. Prints one JSON line when it serves, ends on
// SIGTERM.
#include <signal.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fstream>
#include <iostream>
#include <iterator>

#include "sim/github/github.hpp"

namespace {

using namespace jitney;  // NOLINT: one file, one program

struct Wish {
  sim::SimOptions options;
  std::string secret_file;
  std::vector<std::string> tokens;
  std::vector<std::string> apps;
  std::vector<std::string> enterprises;
};

std::optional<std::string> read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

std::vector<std::string> split(const std::string& text, char by) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, by);) parts.push_back(part);
  return parts;
}

// APP_ID:INSTALLATION_ID:ORG:PUBLIC_KEY_FILE; several installations of one App are several options.
core::Status add_app(Wish& wish, const std::string& text) {
  const std::vector<std::string> parts = split(text, ':');
  if (parts.size() != 4) {
    return core::fail(core::Fault::invalid,
                      "--app '" + text + "': write APP_ID:INSTALLATION_ID:ORG:PUBLIC_KEY_FILE");
  }
  const std::optional<std::string> pem = read(parts[3]);
  if (!pem) return core::fail(core::Fault::invalid, "--app: cannot read " + parts[3]);
  const std::int64_t id = std::atoll(parts[0].c_str());
  if (std::ranges::find(wish.options.apps, id, &sim::App::id) == wish.options.apps.end()) {
    wish.options.apps.push_back(sim::App{.id = id,
                                         .slug = "app-" + parts[0],
                                         .client_id = "Iv23li" + parts[0],
                                         .public_pem = *pem,
                                         .owner = parts[2]});
  }
  wish.options.installations.push_back(sim::Installation{
      .id = std::atoll(parts[1].c_str()), .app_id = id, .account = parts[2], .repositories = {}});
  return {};
}

core::Status read_wish(Wish& wish) {
  if (!wish.secret_file.empty()) {
    std::optional<std::string> secret = read(wish.secret_file);
    if (!secret) return core::fail(core::Fault::invalid, "cannot read " + wish.secret_file);
    while (secret->ends_with('\n')) secret->pop_back();
    wish.options.webhook_secret = core::Secret(std::move(*secret));
  }
  for (const std::string& text : wish.tokens) {
    const std::vector<std::string> parts = split(text, ':');
    sim::PersonalToken token{.token = parts.empty() ? "" : parts[0], .owners = {}};
    if (parts.size() > 1) {
      for (const std::string& owner : split(parts[1], ',')) token.owners.insert(owner);
    }
    wish.options.tokens.push_back(std::move(token));
  }
  for (const std::string& text : wish.enterprises) {
    const std::vector<std::string> parts = split(text, ':');
    if (parts.size() != 2) {
      return core::fail(core::Fault::invalid, "--enterprise '" + text + "': write ENTERPRISE:ORG");
    }
    wish.options.enterprises.emplace_back(parts[0], parts[1]);
  }
  for (const std::string& text : wish.apps) {
    if (const core::Status status = add_app(wish, text); !status) return status;
  }
  return {};
}

int serve(sim::SimOptions options) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
  auto github = sim::SimGithub::start(std::move(options));
  if (!github) {
    std::cerr << "sim_github: " << github.error().what << std::endl;
    return 1;
  }
  std::cout << boost::json::serialize(boost::json::object{
                   {"url", (*github)->url()}, {"control_url", (*github)->control_url()}})
            << std::endl;
  int signal = 0;
  sigwait(&set, &signal);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "A simulated GitHub on loopback: REST API, signed webhooks, runners. For tests and demos.");
  Wish wish;
  app.add_option("--port", wish.options.port, "Port of the API; 0 picks one")
      ->capture_default_str();
  app.add_option("--control-port", wish.options.control_port,
                 "Port of the second listener, which serves /_sim/ through outages");
  app.add_option("--webhook-url", wish.options.webhook_url, "Where webhooks go");
  app.add_option("--secret-file", wish.secret_file, "File with the webhook secret");
  app.add_option("--repository", wish.options.repositories, "owner/name; may be repeated");
  app.add_option("--token", wish.tokens, "TOKEN or TOKEN:owner,owner: a personal access token");
  app.add_option("--app", wish.apps, "APP_ID:INSTALLATION_ID:ORG:PUBLIC_KEY_FILE");
  app.add_option("--enterprise", wish.enterprises, "ENTERPRISE:ORG");
  app.add_option("--rate-limit", wish.options.rate_limit, "Calls an hour")->capture_default_str();
  app.add_option("--seed", wish.options.seed, "Of everything random")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  if (const core::Status status = read_wish(wish); !status) {
    std::cerr << "sim_github: " << status.error().what << std::endl;
    return 2;
  }
  try {
    return serve(std::move(wish.options));
  } catch (const std::exception& problem) {
    std::cerr << "sim_github: " << problem.what() << std::endl;
    return 1;
  }
}
