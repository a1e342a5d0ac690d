// SPDX-License-Identifier: Apache-2.0
// `ingress = "poll"`: everything is learnt by asking, within a budget of calls.
#include "core/breaker.hpp"
#include "core/functions_test.hpp"

namespace jitney::core {
namespace {

using namespace std::chrono_literals;

class Poll : public FunctionsTest {
 protected:
  Poll() : wide_({.repositories = {"acme/a", "acme/b", "acme/c"}}, clock) {
    forges = {{"acme", &wide_}};
  }
  std::size_t polled(int calls) { return poll(context(), calls).value(); }
  bool known(JobId id) { return ledger.job(id)->has_value(); }

  fakes::FakeForge wide_;
};

TEST_F(Poll, FindsJobsWithoutAWebhook) {
  const JobId id = wide_.queue("acme/b", 0, {"cpu"}).id;
  EXPECT_EQ(polled(100), 1u);
  EXPECT_EQ(job(id).status, JobStatus::queued);
  EXPECT_EQ(messages().size(), 1u);
}

TEST_F(Poll, AsksTheRepositoriesInTurnWithinItsBudget) {
  const JobId a = wide_.queue("acme/a", 0, {"cpu"}).id;
  const JobId b = wide_.queue("acme/b", 0, {"cpu"}).id;
  const JobId c = wide_.queue("acme/c", 0, {"cpu"}).id;
  polled(2);  // one for the list of repositories, one for the first of them
  EXPECT_TRUE(known(a));
  EXPECT_FALSE(known(b));
  polled(1);
  EXPECT_TRUE(known(b));
  EXPECT_FALSE(known(c));
  polled(1);
  EXPECT_TRUE(known(c));
}

TEST_F(Poll, ChargesALongListOfRepositoriesByThePage) {
  std::vector<std::string> many;
  for (int i = 0; i < 1000; ++i) many.push_back("acme/r" + std::to_string(i));
  fakes::FakeForge large({.repositories = many}, clock);
  forges = {{"acme", &large}};
  const JobId id = large.queue("acme/r0", 0, {"cpu"}).id;
  polled(6);
  EXPECT_FALSE(known(id)) << "the list alone took eleven";
  polled(1);
  EXPECT_TRUE(known(id));
}

TEST_F(Poll, ComesRoundToTheFirstRepositoryAgain) {
  polled(100);
  const JobId id = wide_.queue("acme/a", 0, {"cpu"}).id;
  polled(100);
  EXPECT_TRUE(known(id));
}

TEST_F(Poll, AsksOnlyForRepositoriesThatAPoolServes) {
  pool().repositories = {"acme/b"};
  const JobId a = wide_.queue("acme/a", 0, {"cpu"}).id;
  const JobId b = wide_.queue("acme/b", 0, {"cpu"}).id;
  polled(100);
  EXPECT_FALSE(known(a));
  EXPECT_TRUE(known(b));
}

TEST_F(Poll, SeesThatAJobEndedWhichIsNoLongerListed) {
  const JobId id = wide_.queue("acme/a", 0, {"cpu"}).id;
  polled(100);
  wide_.finish(id, "cancelled");
  polled(100);
  EXPECT_EQ(job(id).status, JobStatus::completed);
}

TEST_F(Poll, SpendsNothingBeyondItsBudgetOnJobsThatAreNoLongerListed) {
  std::vector<JobId> ids;
  for (int i = 0; i < 3; ++i) ids.push_back(wide_.queue("acme/a", 0, {"cpu"}).id);
  polled(100);
  for (const JobId id : ids) wide_.finish(id);
  polled(2);  // one repository, and one question more
  int completed = 0;
  for (const JobId id : ids) completed += job(id).status == JobStatus::completed ? 1 : 0;
  EXPECT_EQ(completed, 1);
}

TEST_F(Poll, SpendsNothingWithoutABudget) {
  wide_.queue("acme/a", 0, {"cpu"});
  EXPECT_EQ(polled(0), 0u);
  EXPECT_FALSE(wide_.budget()) << "no call was made";
}

TEST_F(Poll, AsksTheOtherScopesWhenOneIsDown) {
  fakes::FakeForge down({.scope = "down"}, clock);
  down.outage(true);
  forges = {{"a-down", &down}, {"acme", &wide_}};
  const JobId id = wide_.queue("acme/a", 0, {"cpu"}).id;
  EXPECT_FALSE(poll(context(), 100)) << "and says so";
  EXPECT_TRUE(known(id));
  EXPECT_TRUE(noted(breaker_key("a-down")));
}

TEST_F(Poll, SkipsARepositoryThatWasDeletedMeanwhile) {
  ASSERT_TRUE(ledger.put({.key = "poll-repositories/acme",
                          .value = "acme/deleted\nacme/zoo\n",
                          .at = clock.now(),
                          .expires = clock.now() + 1h}));
  EXPECT_EQ(polled(100), 0u);
}

}  // namespace
}  // namespace jitney::core
