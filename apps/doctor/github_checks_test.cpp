// SPDX-License-Identifier: Apache-2.0
#include "apps/doctor/github_checks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace jitney::app {
namespace {

using testing::HasSubstr;

GithubScope acme() {
  GithubScope scope;
  scope.name = "acme";
  scope.url = "https://github.com/acme";
  scope.owner = "acme";
  scope.app_id = "Iv23liX";
  scope.installation_id = 42;
  return scope;
}

github::Trial answered(int status, const std::string& message = "") {
  return {.status = status, .message = message, .fault = core::Fault::unauthorized};
}

github::Standing of_token(int runners = 200) {
  github::Standing standing;
  standing.runners = answered(runners, "GET /orgs/acme/actions/runners: told so");
  standing.repositories = answered(200);
  standing.tried = "acme/shop";
  standing.visible = {"acme/shop"};
  standing.visible_count = 1;
  standing.runs = answered(200);
  return standing;
}

github::Standing of_app() {
  github::Standing standing = of_token();
  github::AppStanding& app = standing.app.emplace();
  app.app = app.installation = answered(200);
  app.name = "jitney-ci";
  app.account = "acme";
  app.permissions = {{"organization_self_hosted_runners", "write"}, {"actions", "read"}};
  app.events = {"workflow_job", "workflow_run"};
  return standing;
}

TEST(GithubChecks, AWorkingAppAndATokenAreFine) {
  EXPECT_EQ(check_credentials(acme(), of_app()).verdict, Verdict::ok);
  EXPECT_THAT(check_credentials(acme(), of_app()).seen, HasSubstr("jitney-ci, installed for acme"));
  EXPECT_EQ(check_credentials(acme(), of_token()).verdict, Verdict::ok);
  EXPECT_TRUE(usable(of_app()));
}

TEST(GithubChecks, ARefusedTokenIsToldApartFromOneThatMayTooLittleAndFromNoAnswer) {
  EXPECT_THAT(check_credentials(acme(), of_token(401)).todo, HasSubstr("expired or was revoked"));
  EXPECT_THAT(check_credentials(acme(), of_token(403)).todo, HasSubstr("admin:org"));
  EXPECT_THAT(check_credentials(acme(), of_token(0)).todo, HasSubstr("reach"));
  for (const int status : {0, 401, 403, 404}) {
    EXPECT_EQ(check_credentials(acme(), of_token(status)).verdict, Verdict::failed);
    EXPECT_FALSE(usable(of_token(status)));
  }
}

TEST(GithubChecks, AnAppIsToldWhichOfKeyInstallationAndSuspensionIsWrong) {
  auto standing = of_app();
  standing.app->app = answered(401, "GET /app: 401");
  EXPECT_THAT(check_credentials(acme(), standing).todo, HasSubstr("private_key"));
  standing = of_app();
  standing.app->installation = answered(404, "GET /app/installations/42: 404");
  EXPECT_THAT(check_credentials(acme(), standing).todo, HasSubstr("installation_id"));
  standing = of_app();
  standing.app->suspended = true;
  EXPECT_EQ(check_credentials(acme(), standing).verdict, Verdict::failed);
  EXPECT_FALSE(usable(standing));
}

TEST(GithubChecks, MissingPermissionsAreNamedAsTheAppsPageDoes) {
  auto standing = of_app();
  EXPECT_EQ(check_permissions(acme(), standing).verdict, Verdict::ok);
  standing.app->permissions = {{"organization_self_hosted_runners", "read"}};
  const Finding finding = check_permissions(acme(), standing);
  EXPECT_EQ(finding.verdict, Verdict::failed);
  EXPECT_THAT(finding.seen, HasSubstr("Self-hosted runners: read and write"));
  EXPECT_THAT(finding.seen, HasSubstr("Actions: read"));
  GithubScope one = acme();
  one.kind = GithubScope::Kind::repository;
  EXPECT_THAT(check_permissions(one, of_app()).seen, HasSubstr("Administration"));
}

TEST(GithubChecks, AClassicTokenNeedsItsScopeAndAFineGrainedOneTellsNone) {
  auto standing = of_token();
  EXPECT_EQ(check_permissions(acme(), standing).verdict, Verdict::ok);
  standing.scopes = {"repo"};
  EXPECT_EQ(check_permissions(acme(), standing).verdict, Verdict::failed);
  standing.scopes = {"repo", "admin:org"};
  EXPECT_EQ(check_permissions(acme(), standing).verdict, Verdict::ok);
}

TEST(GithubChecks, RunsThatCannotBeReadAreAFailure) {
  auto standing = of_token();
  EXPECT_EQ(check_jobs_readable(standing).verdict, Verdict::ok);
  standing.runs = answered(403, "no");
  EXPECT_EQ(check_jobs_readable(standing).verdict, Verdict::failed);
  standing.tried.clear();
  EXPECT_EQ(check_jobs_readable(standing).verdict, Verdict::warning);
}

TEST(GithubChecks, AClockThatIsOffWarnsAndThenFails) {
  auto standing = of_token();
  EXPECT_EQ(check_clock(standing).verdict, Verdict::skipped);
  standing.skew = std::chrono::seconds(2);
  EXPECT_EQ(check_clock(standing).verdict, Verdict::ok);
  standing.skew = std::chrono::seconds(-40);
  EXPECT_EQ(check_clock(standing).verdict, Verdict::warning);
  EXPECT_THAT(check_clock(standing).seen, HasSubstr("40s behind"));
  standing.skew = std::chrono::minutes(6);
  EXPECT_EQ(check_clock(standing).verdict, Verdict::failed);
}

TEST(GithubChecks, FewCallsLeftAreAWarning) {
  auto standing = of_token();
  standing.budget = core::CallBudget{5000, 499, {}};
  EXPECT_EQ(check_budget(standing).verdict, Verdict::warning);
  standing.budget->remaining = 500;
  EXPECT_EQ(check_budget(standing).verdict, Verdict::ok);
}

class Groups : public testing::Test {
 protected:
  Groups() {
    pool_.name = "cpu";
    group_.shown = answered(200);
    group_.name = "ci";
    group_.visibility = "all";
  }
  Finding check() { return check_group(3, {&pool_}, group_); }
  core::Pool pool_;
  github::RunnerGroup group_;
};

TEST_F(Groups, OneThatIsMissingFailsAndOneThatIsHiddenIsSkipped) {
  EXPECT_EQ(check().verdict, Verdict::ok);
  group_.shown = answered(404);
  EXPECT_EQ(check().verdict, Verdict::failed);
  EXPECT_THAT(check().seen, HasSubstr("no group 3 (1 pool: cpu)"));
  group_.shown = answered(403);
  EXPECT_EQ(check().verdict, Verdict::skipped);
}

TEST_F(Groups, RepositoriesThatItDoesNotServeFail) {
  group_.visibility = "selected";
  group_.repositories = {"acme/shop"};
  pool_.repositories = {"Acme/Shop", "acme/*"};
  EXPECT_EQ(check().verdict, Verdict::ok);
  pool_.repositories.emplace_back("acme/other");
  EXPECT_EQ(check().verdict, Verdict::failed);
  EXPECT_THAT(check().seen, HasSubstr("acme/other"));
  group_.repositories->clear();
  EXPECT_THAT(check().seen, HasSubstr("serves no repository"));
}

TEST_F(Groups, PublicRepositoriesAreADanger) {
  group_.allows_public = true;
  EXPECT_EQ(check().verdict, Verdict::warning);
  EXPECT_THAT(check().todo, HasSubstr("docs/security.md"));
}

TEST(GithubChecks, RepositoriesThatDoNotShowThemselvesAreNamed) {
  EXPECT_EQ(check_repositories(of_app(), {{"acme/shop", answered(200)}}).verdict, Verdict::ok);
  const Finding finding =
      check_repositories(of_app(), {{"acme/shop", answered(200)}, {"acme/gone", answered(404)}});
  EXPECT_EQ(finding.verdict, Verdict::failed);
  EXPECT_THAT(finding.seen, HasSubstr("acme/gone"));
}

}  // namespace
}  // namespace jitney::app
