// SPDX-License-Identifier: Apache-2.0
// The webhook listener as `jitney serve` has it, without workers, for measuring: durable (SQLite,
// group commit) or with no storage at all behind the same HTTP, signature and parsing.
//   ingress_bench_server sqlite|none DIRECTORY SECRET
// Prints its port; ends at the end of stdin, and then prints how webhooks were grouped.
#include <cstdio>
#include <iostream>
#include <string>

#include "apps/serve/ingress.hpp"
#include "local/database.hpp"
#include "local/sqlite_ledger.hpp"
#include "local/sqlite_queue.hpp"
#include "local/system_clock.hpp"

namespace jitney {

namespace {

// The autoscaler launches nothing.
class NoFleet final : public core::Fleet {
 public:
  core::Result<std::string> compose(const core::Pool&, const core::Batch&, int, int) override {
    return none();
  }
  core::Result<core::LaunchOutcome> launch(const std::string&, const std::string&) override {
    return none();
  }
  core::Result<std::vector<core::MachineId>> answering(std::span<const core::MachineId>) override {
    return none();
  }
  core::Status start(const core::MachineId&, const core::RunnerName&,
                     const core::Secret&) override {
    return none();
  }
  core::Result<std::vector<core::MachineId>> stop(std::span<const core::MachineId>) override {
    return none();
  }
  core::Result<std::vector<core::Machine>> list() override { return none(); }
  core::Result<std::optional<core::Machine>> find(const core::MachineId&) override {
    return none();
  }

 private:
  static std::unexpected<core::Error> none() {
    return core::fail(core::Fault::invalid, "this program has no fleet");
  }
};

core::Deployment deployment() {
  core::Pool pool;
  pool.name = "bench";
  pool.scope = "bench";
  pool.labels = {"bench", "self-hosted"};
  core::Deployment made;
  made.name = "bench";
  made.pools = {pool};
  return made;
}

std::vector<app::WebhookScope> scopes(const std::string& secret) {
  const auto all = [](std::string_view) { return true; };
  return {{.name = "bench", .secrets = {core::Secret(secret)}, .serves = all, .has_pool = all}};
}

int serve(net::Handler handler) {
  auto server =
      net::HttpServer::listen({.port = 0, .threads = 1, .limits = {}}, std::move(handler));
  if (!server) {
    std::cerr << server.error().what << "\n";
    return 1;
  }
  std::cout << (*server)->port() << std::endl;
  std::cin.ignore(std::numeric_limits<std::streamsize>::max());
  (*server)->drain(std::chrono::seconds(5));
  return 0;
}

int serve_without_storage(const std::string& secret) {
  local::SystemClock clock;
  const auto known = scopes(secret);
  const core::Deployment pools = deployment();
  return serve([&](net::Request request, net::Responder respond) {
    auto read = app::read_webhook(known, request, clock.now());
    if (auto* const answered = std::get_if<app::Answered>(&read)) {
      return respond(std::move(answered->response));
    }
    respond(app::webhook_stored(pools, std::get<app::Intake>(read)).response);
  });
}

int serve_durable(const std::string& directory, const std::string& secret) {
  auto database = local::Database::open({.path = directory + "/jitney.db", .vfs = ""});
  if (!database) {
    std::cerr << database.error().what << "\n";
    return 1;
  }
  local::SqliteLedger ledger(**database);
  local::SqliteQueue queue(**database);
  local::SystemClock clock;
  NoFleet fleet;
  const core::Deployment pools = deployment();
  const std::map<std::string, core::Forge*, std::less<>> forges;
  app::Metrics metrics(pools.pools, {"bench"});
  app::IngressGroup group(
      {},
      [&](core::Duration time) {
        return core::Context{pools, ledger, queue, fleet, forges, clock, clock.now() + time};
      },
      metrics);
  app::Ingress ingress(scopes(secret), group, clock, metrics);
  const int status = serve([&](net::Request request, net::Responder respond) {
    ingress.handle(std::move(request), std::move(respond));
  });
  group.drain();
  std::cout << metrics.render();
  return status;
}

}  // namespace

}  // namespace jitney

int main(int count, char** words) {
  if (count != 4) {
    std::cerr << "usage: ingress_bench_server sqlite|none DIRECTORY SECRET\n";
    return 2;
  }
  const std::string storage = words[1];
  return storage == "sqlite" ? jitney::serve_durable(words[2], words[3])
                             : jitney::serve_without_storage(words[3]);
}
