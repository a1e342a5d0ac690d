// SPDX-License-Identifier: Apache-2.0
#include "apps/doctor/doctor.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <latch>
#include <stdexcept>

#include "tests/fakes/fake_clock.hpp"

namespace jitney::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> titles(const std::vector<Look>& looks) {
  std::vector<std::string> out;
  for (const Look& look : looks) out.push_back(look.title);
  return out;
}

TEST(Doctor, LooksAtWhatTheConfigurationUses) {
  fakes::FakeClock clock;
  Config config;
  config.github.resize(2);
  config.github[0].name = "acme";
  config.github[1].name = "beta";
  EXPECT_THAT(titles(looks_of(config, load_secret, clock)),
              ElementsAre("GitHub acme", "GitHub beta", "this machine"));
  config.fleet = FleetKind::ec2;
  EXPECT_THAT(titles(looks_of(config, load_secret, clock)),
              ElementsAre("GitHub acme", "GitHub beta", "this machine", "AWS"));
  config.ledger = LedgerKind::dynamodb;
  EXPECT_THAT(titles(looks_of(config, load_secret, clock)),
              ElementsAre("GitHub acme", "GitHub beta", "AWS"));
}

TEST(Doctor, LooksSideBySideAndTellsInOrder) {
  // Each waits for the other: one after the other they would never end.
  std::latch both(2);
  const auto look = [&](const char* title) {
    return Look{title, [&both, title] {
                  both.arrive_and_wait();
                  return std::vector<Area>{{title, {}}};
                }};
  };
  std::vector<std::string> told;
  examine(
      {look("a"), look("b")}, [&](const std::string& title) { told.push_back("?" + title); },
      [&](const Area& area) { told.push_back(area.title); });
  EXPECT_THAT(told, ElementsAre("?a", "a", "?b", "b"));
}

TEST(Doctor, ALookThatThrowsIsAFindingAndTheOthersGoOn) {
  std::vector<Area> told;
  examine(
      {{"a", []() -> std::vector<Area> { throw std::runtime_error("no heap"); }},
       {"b", [] { return std::vector<Area>{{"b", {ok("x", "y")}}}; }}},
      [](const std::string&) {}, [&](const Area& area) { told.push_back(area); });
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[0].findings[0].verdict, Verdict::failed);
  EXPECT_THAT(told[0].findings[0].seen, HasSubstr("no heap"));
  EXPECT_EQ(told[1].findings[0].verdict, Verdict::ok);
}

TEST(Doctor, ASecretThatIsMissingIsAFindingAndNothingIsAsked) {
  fakes::FakeClock clock;
  Config config;
  config.github.resize(1);
  GithubScope& scope = config.github[0];
  scope.name = "acme";
  scope.url = "https://github.invalid/acme";
  scope.token = SecretRef{SecretRef::Kind::environment, "NO_SUCH_TOKEN", "t.toml:1:1"};
  unsetenv("NO_SUCH_TOKEN");
  const auto areas = look_at_github(config, scope, load_secret, clock);
  ASSERT_EQ(areas.size(), 1U);
  ASSERT_EQ(areas[0].findings.size(), 1U);
  EXPECT_EQ(areas[0].findings[0].verdict, Verdict::failed);
  EXPECT_THAT(areas[0].findings[0].seen, HasSubstr("NO_SUCH_TOKEN"));
}

}  // namespace
}  // namespace jitney::app
