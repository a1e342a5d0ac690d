// SPDX-License-Identifier: Apache-2.0
#include "sim/github/world.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace jitney::sim {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

// Virtual time: nothing here waits.
class WorldTest : public testing::Test {
 protected:
  WorldTest() : world(Rules{}, 7) {
    world.add_repository("acme/shop", now);
    world.add_repository("acme/bank", now);
    world.add_repository("other/thing", now);
  }

  std::int64_t queue(std::vector<std::string> labels, const std::string& repository = "acme/shop",
                     bool waiting = false) {
    const auto run = world.queue(WorkflowSpec{.repository = repository,
                                              .jobs = {JobSpec{.name = "build",
                                                               .labels = std::move(labels),
                                                               .steps = {"true"},
                                                               .env = {},
                                                               .waiting = waiting}}},
                                 now);
    EXPECT_TRUE(run);
    return world.run(*run)->jobs.front();
  }

  Runner* add(const std::string& name, std::vector<std::string> labels, std::int64_t group = 1,
              Scope scope = {.kind = ScopeKind::organization, .name = "acme"}) {
    const auto added = world.add_runner(Registering{.scope = std::move(scope),
                                                    .name = name,
                                                    .group_id = group,
                                                    .labels = std::move(labels)},
                                        now);
    EXPECT_TRUE(added) << name;
    return added ? *added : nullptr;
  }

  // Registers, opens a session and polls.
  std::int64_t idle(const std::string& name, std::vector<std::string> labels,
                    std::int64_t group = 1,
                    Scope scope = {.kind = ScopeKind::organization, .name = "acme"}) {
    Runner* runner = add(name, std::move(labels), group, std::move(scope));
    const auto session = world.open_session(runner->id, now);
    EXPECT_TRUE(session);
    EXPECT_TRUE(world.poll(*session, now));
    return *session;
  }

  void after(Duration time) {
    now += time;
    world.tick(now);
  }

  const Job& job(std::int64_t id) const { return *std::as_const(world).job(id); }

  // "workflow_job queued" and the like, since the last call.
  std::vector<std::string> events() {
    std::vector<std::string> words;
    for (const Event& event : world.take_events()) {
      words.push_back((event.of_run ? "run " : "job ") + event.action);
    }
    return words;
  }

  World world;
  Time now = Time(hours(24 * 365 * 50));
};

TEST_F(WorldTest, AJobGoesThroughItsLifeAndTellsOfIt) {
  const std::int64_t id = queue({"gpu"});
  EXPECT_EQ(events(), (std::vector<std::string>{"run requested", "job queued"}));
  const std::int64_t session = idle("r1", {"GPU", "extra"});
  after(seconds(1));
  ASSERT_NE(world.message(session, now), nullptr);
  EXPECT_EQ(world.message(session, now), nullptr) << "a job is handed out once";
  EXPECT_EQ(job(id).status, Status::queued) << "not before the runner says so";
  ASSERT_TRUE(world.start(session, id, now));
  EXPECT_EQ(events(), (std::vector<std::string>{"run in_progress", "job in_progress"}));
  EXPECT_EQ(job(id).runner_name, "r1");
  ASSERT_TRUE(world.finish(session, id, "success", now));
  EXPECT_EQ(events(), (std::vector<std::string>{"job completed", "run completed"}));
  EXPECT_TRUE(world.runners().empty()) << "the service removes an ephemeral registration";
  EXPECT_EQ(world.departed().back().reason, "job finished");
}

TEST_F(WorldTest, LabelsMustAllBeCoveredWithoutCase) {
  queue({"self-hosted", "GPU", "big"});
  const std::int64_t small = idle("small", {"self-hosted", "gpu"});
  after(seconds(1));
  EXPECT_EQ(world.message(small, now), nullptr);
  const std::int64_t big = idle("big", {"Self-Hosted", "gpu", "BIG", "more"});
  after(seconds(1));
  EXPECT_NE(world.message(big, now), nullptr);
}

TEST_F(WorldTest, NoJobIsBoundToARunner) {
  // Over many seeds each of two equal runners takes the first of two equal jobs at some time.
  std::set<std::string> takers;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    World other(Rules{}, seed);
    other.add_repository("acme/shop", now);
    for (const char* name : {"a", "b"}) {
      const auto runner =
          other.add_runner(Registering{.scope = {.kind = ScopeKind::organization, .name = "acme"},
                                       .name = name,
                                       .labels = {"cpu"}},
                           now);
      ASSERT_TRUE(other.poll(*other.open_session((*runner)->id, now), now));
    }
    const auto run = other.queue(
        WorkflowSpec{.repository = "acme/shop",
                     .jobs = {JobSpec{.name = "x", .labels = {"cpu"}, .steps = {}, .env = {}}}},
        now);
    ASSERT_TRUE(run);
    other.tick(now);
    for (const auto& [id, runner] : other.runners()) {
      if (runner.busy()) takers.insert(runner.name);
    }
  }
  EXPECT_EQ(takers, (std::set<std::string>{"a", "b"}));
}

TEST_F(WorldTest, OnlyAPollingRunnerGetsAJob) {
  queue({"cpu"});
  Runner* runner = add("r1", {"cpu"});
  after(seconds(1));
  EXPECT_FALSE(runner->busy());
  const auto session = world.open_session(runner->id, now);
  after(seconds(1));
  EXPECT_FALSE(runner->busy()) << "a session without a poll hears nothing";
  world.poll(*session, now);
  after(seconds(1));
  EXPECT_TRUE(runner->busy());
}

TEST_F(WorldTest, ScopesAndGroupsDecideWhichRepositoriesAreServed) {
  Group& group = world.add_group("acme", "vault");
  group.repositories = {"acme/bank"};
  const std::int64_t vault = idle("vault", {"cpu"}, group.id);
  const std::int64_t shop =
      idle("shop", {"cpu"}, 1, Scope{.kind = ScopeKind::repository, .name = "acme/shop"});
  queue({"cpu"}, "other/thing");
  after(seconds(1));
  EXPECT_EQ(world.message(vault, now), nullptr);
  EXPECT_EQ(world.message(shop, now), nullptr);
  queue({"cpu"}, "acme/shop");
  after(seconds(1));
  EXPECT_EQ(world.message(vault, now), nullptr);
  EXPECT_NE(world.message(shop, now), nullptr);
  queue({"cpu"}, "acme/bank");
  after(seconds(1));
  EXPECT_NE(world.message(vault, now), nullptr);
}

TEST_F(WorldTest, AnEnterpriseRunnerServesItsOrganisations) {
  world.add_organization("acme", "conglomerate", now);
  const std::int64_t session =
      idle("e", {"cpu"}, 1, Scope{.kind = ScopeKind::enterprise, .name = "conglomerate"});
  queue({"cpu"}, "other/thing");
  after(seconds(1));
  EXPECT_EQ(world.message(session, now), nullptr);
  queue({"cpu"}, "acme/bank");
  after(seconds(1));
  EXPECT_NE(world.message(session, now), nullptr);
}

TEST_F(WorldTest, RegistrationIsRefusedWithTheReason) {
  Group& theirs = world.add_group("other", "theirs");
  add("r1", {"cpu"});
  const auto refused = [&](const std::string& name, std::int64_t group, const std::string& owner) {
    const auto added =
        world.add_runner(Registering{.scope = {.kind = ScopeKind::organization, .name = owner},
                                     .name = name,
                                     .group_id = group,
                                     .labels = {"cpu"}},
                         now);
    return added ? std::optional<Refused>() : added.error();
  };
  EXPECT_EQ(refused("R1", 1, "acme"), Refused::duplicate_name) << "names compare without case";
  EXPECT_EQ(refused("r2", theirs.id, "acme"), Refused::foreign_group);
  EXPECT_EQ(refused("r2", 99, "acme"), Refused::no_group);
  EXPECT_EQ(refused("r2", 1, "nobody"), Refused::no_scope);
  world.rules().group_size = 1;
  EXPECT_EQ(refused("r2", 1, "acme"), Refused::group_full);
  EXPECT_EQ(refused("r1", 1, "other"), std::nullopt) << "another organisation, another name space";
}

TEST_F(WorldTest, ABusyRunnerRefusesDeletion) {
  const std::int64_t id = queue({"cpu"});
  const std::int64_t session = idle("r1", {"cpu"});
  const std::int64_t runner = world.runner_of_session(session)->id;
  after(seconds(1));
  EXPECT_EQ(world.remove_runner(runner, now), Removal::busy);
  world.message(session, now);
  world.start(session, id, now);
  EXPECT_EQ(world.remove_runner(runner, now), Removal::busy);
  world.finish(session, id, "success", now);
  EXPECT_EQ(world.remove_runner(runner, now), Removal::absent);
}

TEST_F(WorldTest, IdleJitRunnersAreRemovedAfterAWhile) {
  const std::int64_t session = idle("r1", {"cpu"});
  after(minutes(4));
  EXPECT_NE(world.runner_of_session(session), nullptr);
  after(minutes(2));
  EXPECT_EQ(world.runner_of_session(session), nullptr);
  EXPECT_FALSE(world.poll(session, now));
  EXPECT_EQ(world.departed().back().reason, "idle");
}

TEST_F(WorldTest, RunnersThatNeverCameOrWentAwayAreRemovedAfterADay) {
  add("ghost", {"cpu"});
  const std::int64_t session = idle("gone", {"cpu"});
  world.close_session(session, now);
  after(hours(23));
  EXPECT_EQ(world.runners().size(), 2u);
  after(hours(2));
  EXPECT_TRUE(world.runners().empty());
  EXPECT_EQ(world.departed().front().reason, "never online");
  EXPECT_EQ(world.departed().back().reason, "offline");
}

TEST_F(WorldTest, ASilentRunnerGoesOfflineAndMayComeBack) {
  const std::int64_t session = idle("r1", {"cpu"});
  const std::int64_t id = world.runner_of_session(session)->id;
  EXPECT_EQ(world.open_session(id, now).error(), SessionEnd::conflict);
  world.poll_ended(session, now);
  after(seconds(16));
  EXPECT_FALSE(world.online(*world.runner(id)));
  EXPECT_TRUE(world.open_session(id, now));
}

TEST_F(WorldTest, AJobThatNobodyAcceptedIsQueuedAgain) {
  const std::int64_t id = queue({"cpu"});
  idle("dead", {"cpu"});
  after(seconds(1));
  EXPECT_EQ(job(id).assignments, 1);
  after(seconds(31));
  EXPECT_EQ(job(id).status, Status::queued);
  const std::int64_t second = idle("alive", {"cpu"});
  after(seconds(1));
  EXPECT_NE(world.message(second, now), nullptr);
  EXPECT_EQ(job(id).assignments, 2);
}

TEST_F(WorldTest, ARunnerThatVanishesWhileBusyFailsItsJob) {
  const std::int64_t id = queue({"cpu"});
  const std::int64_t session = idle("r1", {"cpu"});
  after(seconds(1));
  world.message(session, now);
  world.start(session, id, now);
  after(seconds(50));
  EXPECT_EQ(job(id).status, Status::in_progress);
  after(seconds(11));
  EXPECT_EQ(job(id).conclusion, "failure");
  EXPECT_NE(job(id).annotation.find("lost communication"), std::string::npos);
  EXPECT_TRUE(world.runners().empty());
}

TEST_F(WorldTest, CancellingAQueuedJobEndsItAndARunningOneAsksItsRunner) {
  const std::int64_t queued = queue({"cpu"});
  ASSERT_TRUE(world.cancel_job(queued, now));
  EXPECT_EQ(job(queued).conclusion, "cancelled");
  EXPECT_EQ(job(queued).runner_id, 0);
  const std::int64_t running = queue({"cpu"});
  const std::int64_t session = idle("r1", {"cpu"});
  after(seconds(1));
  world.message(session, now);
  world.start(session, running, now);
  ASSERT_TRUE(world.cancel_job(running, now));
  EXPECT_EQ(job(running).status, Status::in_progress);
  EXPECT_TRUE(world.heartbeat(session, running, now)->cancel_requested);
  world.finish(session, running, "cancelled", now);
  EXPECT_EQ(job(running).conclusion, "cancelled");
}

TEST_F(WorldTest, AJobCancelledOnItsWayToTheRunnerIsNotStarted) {
  const std::int64_t id = queue({"cpu"});
  const std::int64_t session = idle("r1", {"cpu"});
  after(seconds(1));
  world.message(session, now);
  world.cancel_job(id, now);
  EXPECT_FALSE(world.start(session, id, now));
  EXPECT_FALSE(world.runner_of_session(session)->busy());
}

TEST_F(WorldTest, WaitingJobsAreNoDemandUntilApproved) {
  const std::int64_t id = queue({"cpu"}, "acme/shop", true);
  const std::int64_t session = idle("r1", {"cpu"});
  EXPECT_EQ(events(), (std::vector<std::string>{"run requested", "job waiting"}));
  after(seconds(1));
  EXPECT_EQ(world.message(session, now), nullptr);
  ASSERT_TRUE(world.approve(id, now));
  EXPECT_EQ(events(), std::vector<std::string>{"job queued"});
  after(seconds(1));
  EXPECT_NE(world.message(session, now), nullptr);
}

TEST_F(WorldTest, ARerunMakesNewJobsInANewAttempt) {
  const std::int64_t first = queue({"cpu"});
  const std::int64_t run = job(first).run_id;
  EXPECT_FALSE(world.rerun(run, false, now)) << "it is still going on";
  ASSERT_TRUE(world.cancel_job(first, now));
  ASSERT_TRUE(world.rerun(run, false, now));
  const auto& again = *world.run(run);
  ASSERT_EQ(again.jobs.size(), 2u);
  EXPECT_NE(again.jobs[1], first);
  EXPECT_EQ(again.attempt, 2);
  EXPECT_EQ(job(again.jobs[1]).attempt, 2);
  EXPECT_EQ(job(again.jobs[1]).status, Status::queued);
  EXPECT_EQ(job(first).conclusion, "cancelled") << "the old attempt stays as it was";
}

TEST_F(WorldTest, ForeignRunnersTakeJobsWithoutAnyProcess) {
  world.add_foreign(Registering{.scope = {.kind = ScopeKind::organization, .name = "acme"},
                                .name = "thief",
                                .labels = {"cpu"},
                                .ephemeral = false},
                    seconds(5), now);
  const std::int64_t id = queue({"cpu"});
  after(seconds(1));
  EXPECT_EQ(job(id).runner_name, "thief");
  EXPECT_EQ(job(id).status, Status::in_progress);
  after(seconds(6));
  EXPECT_EQ(job(id).conclusion, "success");
  EXPECT_EQ(world.runners().size(), 1u);
}

}  // namespace
}  // namespace jitney::sim
