// SPDX-License-Identifier: Apache-2.0
#include "apps/lambda/wiring.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <mutex>

#include "net/http_server.hpp"

namespace jitney::lambda {
namespace {

using namespace std::chrono_literals;
using core::Fault;
using std::chrono::steady_clock;

// Takes every request and never answers: AWS and GitHub at once.
class SilentWorld : public ::testing::Test {
 protected:
  SilentWorld() {
    auto made = net::HttpServer::listen({}, [this](const net::Request&, net::Responder respond) {
      const std::lock_guard lock(mutex_);
      unanswered_.push_back(std::move(respond));
    });
    if (made) server_ = *std::move(made);
    setenv("JITNEY_TEST_TOKEN", "ghp_0123456789", 1);
    setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "not-so-secret", 1);
  }
  ~SilentWorld() override {
    for (const char* name : {"JITNEY_TEST_TOKEN", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}) {
      unsetenv(name);
    }
  }

  core::Result<std::unique_ptr<Wiring>> open() {
    const std::string here = "http://127.0.0.1:" + std::to_string(server_->port());
    auto config = app::parse_config(R"(fleet = "ec2"
ledger = "dynamodb"
[aws]
region = "eu-west-1"
endpoint_url = ")" + here + R"("
table = "jitney"
queue_url = ")" + here + R"(/1/create"
dead_letter_queue_url = ")" + here + R"(/1/dead"
bucket = "jit-bucket"
[ec2]
machine_role_id = "AROAEXAMPLE"
runner_script = "s3://scripts/jitney-runner"
[[github]]
name = "acme"
url = "https://github.com/acme"
api_url = ")" + here + R"("
token = { env = "JITNEY_TEST_TOKEN" }
webhook_secret = { env = "JITNEY_TEST_TOKEN" }
[[pool]]
name = "linux"
[pool.ec2]
instance_types = ["m7i.large"]
)",
                                    "t.toml");
    if (!config) return std::unexpected(config.error());
    return Wiring::open(*std::move(config), Function::stop_runner, steady_clock::now() + 10s);
  }

  std::mutex mutex_;
  std::vector<net::Responder> unanswered_;
  std::unique_ptr<net::HttpServer> server_;  // last: its threads use the above
};

TEST_F(SilentWorld, ACallToGitHubEndsEarlyEnoughToBeWrittenDownBeforeTheProcessIsKilled) {
  const auto wiring = open();
  ASSERT_TRUE(wiring) << wiring.error().what;
  const core::Context context = (*wiring)->context(core::Time::max());
  const auto killed = steady_clock::now() + 4s;
  (*wiring)->set_deadline(killed);
  const auto removed = context.forge("acme")->remove(7);
  ASSERT_FALSE(removed);
  EXPECT_EQ(removed.error().fault, Fault::cancelled) << removed.error().what;
  EXPECT_LT(steady_clock::now(), killed - 500ms) << "AWS can still be called";
}

TEST_F(SilentWorld, ACallToAwsEndsBeforeTheProcessIsKilled) {
  const auto wiring = open();
  ASSERT_TRUE(wiring) << wiring.error().what;
  const core::Context context = (*wiring)->context(core::Time::max());
  const auto killed = steady_clock::now() + 3s;
  (*wiring)->set_deadline(killed);
  const auto job = context.ledger.job(7);
  ASSERT_FALSE(job);
  EXPECT_EQ(job.error().fault, Fault::cancelled) << job.error().what;
  EXPECT_LT(steady_clock::now(), killed);
}

}  // namespace
}  // namespace jitney::lambda
