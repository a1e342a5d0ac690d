// SPDX-License-Identifier: Apache-2.0
// The forge's contract on the fake, and on RestForge over HTTP against the simulated GitHub: with a
// token and as an App, for an organisation and for a repository.
#include <algorithm>
#include <utility>

#include "github/rest_forge.hpp"
#include "net/http_server.hpp"
#include "sim/github/github.hpp"
#include "sim/github/rsa.hpp"
#include "tests/contract/forge_contract.hpp"
#include "tests/fakes/fake_clock.hpp"
#include "tests/fakes/fake_forge.hpp"

namespace jitney::contract {

using namespace std::chrono_literals;

namespace {

class FakeForgeHome final : public ForgeHome {
 public:
  core::Forge& forge() override { return forge_; }
  core::Time now() override { return clock_.now(); }
  std::int64_t queue(const std::vector<std::vector<std::string>>& jobs) override {
    std::int64_t run = 0;
    for (const auto& labels : jobs) run = forge_.queue(kRepository, run, labels).run_id;
    return run;
  }
  void connect(core::ForgeId runner) override { forge_.connect(runner); }
  void take(core::JobId job, core::ForgeId runner) override { forge_.take(job, runner); }
  void finish(core::JobId job) override { forge_.finish(job); }
  void cancel(core::JobId job) override { forge_.finish(job, "cancelled"); }
  void fill_group() override { forge_.group_size(forge_.registrations()); }
  void fail_delivery() override { forge_.fail_delivery(); }
  void outage(bool on) override { forge_.outage(on); }

 private:
  fakes::FakeClock clock_;
  fakes::FakeForge forge_{{}, clock_};
};

class WallClock final : public core::Clock {
 public:
  core::Time now() override {
    return std::chrono::floor<core::Duration>(std::chrono::system_clock::now());
  }
};

constexpr std::int64_t kAppId = 77;
constexpr std::int64_t kInstallation = 5;

const sim::RsaParams& app_key() {
  static const sim::RsaParams kKey = *sim::generate_rsa();
  return kKey;
}

enum class SignIn { token, app };

class SimForgeHome final : public ForgeHome {
 public:
  SimForgeHome(SignIn sign_in, const std::string& path) {
    auto receiver = net::HttpServer::listen(
        {}, [](const net::Request&, net::Responder respond) { respond(net::Response{}); });
    EXPECT_TRUE(receiver);
    receiver_ = *std::move(receiver);
    const std::string hook = "http://127.0.0.1:" + std::to_string(receiver_->port()) + "/webhook";

    sim::SimOptions options;
    options.repositories = {kRepository};
    options.tokens = {{.token = "ghp_acme", .owners = {"acme", "conglomerate"}}};
    options.enterprises = {{"conglomerate", "acme"}};
    if (sign_in == SignIn::app) {
      options.apps = {{.id = kAppId,
                       .slug = "jitney",
                       .client_id = "Iv23",
                       .public_pem = *sim::public_pem(app_key()),
                       .owner = "acme"}};
      options.installations = {
          {.id = kInstallation, .app_id = kAppId, .account = "acme", .repositories = {}}};
    }
    if (!path.ends_with("shop")) options.webhook_url = hook;
    auto started = sim::SimGithub::start(std::move(options));
    EXPECT_TRUE(started) << started.error().what;
    sim_ = *std::move(started);
    if (path.ends_with("shop")) {
      sim_->add_hook(sim::HookKind::repository, kRepository, hook, core::Secret("hush"));
    }
    make_forge(sign_in, path, hook);
  }

  core::Forge& forge() override { return *forge_; }
  core::Time now() override { return clock_.now(); }

  std::int64_t queue(const std::vector<std::vector<std::string>>& jobs) override {
    sim::WorkflowSpec spec{.repository = kRepository};
    for (const auto& labels : jobs) {
      spec.jobs.push_back(
          {.name = "job " + std::to_string(spec.jobs.size()), .labels = labels, .steps = {"true"}});
    }
    const auto run = sim_->queue(spec);
    EXPECT_TRUE(run) << run.error().what;
    return run.value_or(0);
  }

  void connect(core::ForgeId runner) override {
    sim_->with([&](sim::State& state, sim::Time now) {
      const auto session = state.world.open_session(runner, now);
      EXPECT_TRUE(session);
      session_ = session.value_or(0);
    });
  }

  void take(core::JobId job, core::ForgeId runner) override {
    sim_->with([&](sim::State& state, sim::Time now) {
      EXPECT_TRUE(state.world.poll(session_, now));
      state.world.tick(now);
      EXPECT_EQ(state.world.runner(runner)->job, job);
      EXPECT_NE(state.world.message(session_, now), nullptr);
      EXPECT_TRUE(state.world.start(session_, job, now));
    });
  }

  void finish(core::JobId job) override {
    sim_->with([&](sim::State& state, sim::Time now) {
      EXPECT_TRUE(state.world.finish(session_, job, "success", now));
    });
  }

  void cancel(core::JobId job) override {
    sim_->with(
        [&](sim::State& state, sim::Time now) { EXPECT_TRUE(state.world.cancel_job(job, now)); });
  }

  void fill_group() override {
    sim_->with([](sim::State& state, sim::Time) {
      state.world.rules().group_size = state.world.runners().size();
    });
  }

  void fail_delivery() override {
    const auto all_sent = [](const sim::State& state) { return state.hooks.pending() == 0; };
    EXPECT_TRUE(sim_->wait_for(all_sent, 10s));
    sim_->with([](sim::State& state, sim::Time) { state.faults.webhooks.fail.next = 1; });
    queue({{"cpu"}});
    EXPECT_TRUE(sim_->wait_for(all_sent, 10s));
  }

  void outage(bool on) override {
    sim_->with([&](sim::State& state, sim::Time) {
      state.faults.outage.kind = on ? sim::Outage::Kind::unavailable : sim::Outage::Kind::none;
    });
  }

  void make_forge(SignIn sign_in, const std::string& path, const std::string& hook) {
    github::ForgeOptions options;
    options.scope = "acme";
    options.url = "https://github.com/" + path;
    options.api_url = sim_->url();
    if (sign_in == SignIn::app) {
      options.credentials = github::AppKey{"Iv23", 0, *sim::private_pem(app_key())};
    } else {
      options.credentials = github::TokenKey{core::Secret("ghp_acme")};
    }
    options.webhook_url = hook;
    options.deployment = "prod";
    options.write_spacing = core::Duration(0);
    auto made = github::make_forge(std::move(options), clock_);
    ASSERT_TRUE(made) << made.error().what;
    forge_ = *std::move(made);
  }

 private:
  WallClock clock_;
  std::unique_ptr<net::HttpServer> receiver_;
  std::unique_ptr<sim::SimGithub> sim_;
  std::unique_ptr<core::Forge> forge_;
  std::int64_t session_ = 0;
};

std::unique_ptr<ForgeHome> fake() { return std::make_unique<FakeForgeHome>(); }
template <SignIn kSignIn>
std::unique_ptr<ForgeHome> organization() {
  return std::make_unique<SimForgeHome>(kSignIn, "acme");
}
std::unique_ptr<ForgeHome> repository() {
  return std::make_unique<SimForgeHome>(SignIn::token, kRepository);
}

}  // namespace

INSTANTIATE_TEST_SUITE_P(Fake, ForgeContract, ::testing::Values(ForgeMaker{"fake", fake}));
INSTANTIATE_TEST_SUITE_P(
    Rest, ForgeContract,
    ::testing::Values(ForgeMaker{"organisation_with_token", organization<SignIn::token>},
                      ForgeMaker{"organisation_as_app", organization<SignIn::app>},
                      ForgeMaker{"repository_with_token", repository}));

TEST(FakeForge, FailsAsOftenAsItWasToldAndChangesNothing) {
  fakes::FakeClock clock;
  fakes::FakeForge forge({}, clock);
  forge.fail_next(core::Fault::throttled, 2);
  const std::vector<std::string> labels{"cpu"};
  const auto refused = forge.mint("prod-cpu-1", labels, 1);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().fault, core::Fault::throttled);
  EXPECT_TRUE(refused.error().retry_after);
  EXPECT_FALSE(forge.runners());
  EXPECT_EQ(forge.registrations(), 0U);
  EXPECT_TRUE(forge.mint("prod-cpu-1", labels, 1));
  EXPECT_EQ(forge.minted(), std::vector<std::string>{"prod-cpu-1"});
}

TEST(RestForge, ServesAnEnterpriseWhichHasNeitherRepositoriesNorHooksToShow) {
  SimForgeHome home(SignIn::token, "acme");
  home.make_forge(SignIn::token, "enterprises/conglomerate", "");
  const std::vector<std::string> labels{"cpu"};
  const auto minted = home.forge().mint("prod-cpu-1", labels, 1);
  ASSERT_TRUE(minted) << minted.error().what;
  EXPECT_EQ(home.forge().find("prod-cpu-1").value().value().id, minted->id);
  EXPECT_EQ(home.forge().runners().value().size(), 1U);
  EXPECT_EQ(home.forge().remove(minted->id), core::Removal::removed);
  EXPECT_TRUE(home.forge().repositories().value().empty());
  EXPECT_TRUE(home.forge().failed_deliveries(core::Time{}).value().failed.empty());
}

}  // namespace jitney::contract
