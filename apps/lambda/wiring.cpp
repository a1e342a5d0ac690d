// SPDX-License-Identifier: Apache-2.0
#include "apps/lambda/wiring.hpp"

#include <algorithm>
#include <utility>

#include "apps/host/aws_client.hpp"
#include "apps/host/aws_ledger.hpp"
#include "apps/host/aws_secrets.hpp"
#include "apps/host/ec2_options.hpp"

namespace jitney::lambda {

namespace {

using core::Fault;

// With webhooks, questions only look for what got lost: a small part of what polling may spend.
constexpr int kAuditShare = 5;

// Of a call to AWS that is under way when an invocation's time ends, so that its failure can be
// told.
constexpr auto kAnswerTime = std::chrono::milliseconds(500);
// GitHub is left earlier: what it did not say must still be written down, and the message be given
// back. At most half of the time there is.
constexpr auto kRecordTime = std::chrono::milliseconds(2'000);

// core::poll spends one sum over all scopes, so the smallest budget is the one that none exceeds.
int questions_of(const app::Config& config) {
  int calls = 0;
  for (const app::GithubScope& scope : config.github) {
    calls = calls == 0 ? scope.calls_per_minute : std::min(calls, scope.calls_per_minute);
  }
  if (config.ingress == app::IngressKind::webhook) calls = std::max(1, calls / kAuditShare);
  return calls;
}

core::Status check(const app::Config& config) {
  if (config.ledger != app::LedgerKind::dynamodb || config.fleet != app::FleetKind::ec2) {
    return core::fail(Fault::invalid, config.path +
                                          ": functions of Lambda need ledger = \"dynamodb\" and "
                                          "fleet = \"ec2\": nothing of theirs outlives a call");
  }
  return {};
}

}  // namespace

Wiring::Wiring(app::Config config)
    : config_(std::move(config)),
      metrics_(config_.deployment.name),
      client_(app::aws_client(config_)),
      dynamo_(*client_, config_.aws.table, app::dynamo_options(config_)),
      queue_(*client_, config_.aws.table, app::sqs_options(config_), clock_),
      ec2_(app::ec2_options(config_), *client_, dynamo_, clock_),
      ledger_(dynamo_, metrics_),
      fleet_(ec2_, metrics_) {}

core::Status Wiring::read_secrets(Function function) {
  const app::LoadSecret load = app::secret_loader(*client_);
  if (!uses_forges(function)) {
    auto scopes = app::webhook_scopes(config_, load);
    if (!scopes) return std::unexpected(scopes.error());
    host_options_.webhooks = *std::move(scopes);
    return {};
  }
  app::ForgeSettings settings;
  settings.load = load;
  settings.last_moment = [this] { return last_of_github_.load(); };
  auto opened = app::open_forges(config_, settings, clock_);
  if (!opened) return std::unexpected(opened.error());
  forges_ = *std::move(opened);
  for (const auto& [scope, forge] : forges_) {
    metered_.push_back(std::make_unique<app::MeteredForge>(*forge, scope, metrics_));
    by_scope_.emplace(scope, metered_.back().get());
  }
  return {};
}

core::Result<std::unique_ptr<Wiring>> Wiring::open(app::Config config, Function function,
                                                   std::chrono::steady_clock::time_point deadline) {
  if (auto fine = check(config); !fine) return std::unexpected(std::move(fine).error());
  std::unique_ptr<Wiring> made(new Wiring(std::move(config)));
  made->client_->set_deadline(deadline);
  if (auto read = made->read_secrets(function); !read) {
    return std::unexpected(std::move(read).error());
  }
  made->host_options_.function = function;
  made->host_options_.questions = questions_of(made->config_);
  return made;
}

void Wiring::set_deadline(std::chrono::steady_clock::time_point killed) {
  using Steady = std::chrono::steady_clock;
  const Steady::duration left = std::max(Steady::duration::zero(), killed - Steady::now());
  client_->set_deadline(killed - kAnswerTime);
  last_of_github_ = killed - std::min<Steady::duration>(kRecordTime, left / 2);
}

core::Context Wiring::context(core::Time deadline) {
  return {config_.deployment, ledger_, queue_, fleet_, by_scope_, clock_, deadline};
}

core::Status Wiring::note_deaths() {
  const auto noted = queue_.note_deaths(clock_.now());
  if (!noted) return std::unexpected(noted.error());
  return {};
}

}  // namespace jitney::lambda
