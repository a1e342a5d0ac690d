// SPDX-License-Identifier: Apache-2.0
// Webhooks as their receiver sees them, and the records that GitHub keeps.
#include "sim/github/deliveries.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>

#include "net/crypto.hpp"
#include "net/http_server.hpp"
#include "sim/github/github.hpp"
#include "sim/github/sim_client_test.hpp"

namespace jitney::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Receives webhooks. Thread-safe.
class Receiver {
 public:
  Receiver() {
    auto made = net::HttpServer::listen({}, [this](net::Request request, net::Responder respond) {
      net::Response answer;
      {
        const std::scoped_lock lock(mutex_);
        got_.push_back(std::move(request));
        answer.status = status_;
        if (silent_) {
          unanswered_.push_back(std::move(respond));
          return;
        }
      }
      changed_.notify_all();
      respond(std::move(answer));
    });
    EXPECT_TRUE(made);
    server_ = std::move(*made);
  }

  std::string url() const {
    return "http://127.0.0.1:" + std::to_string(server_->port()) + "/hook";
  }
  void answer_with(int status) {
    const std::scoped_lock lock(mutex_);
    status_ = status;
  }
  void never_answer() {
    const std::scoped_lock lock(mutex_);
    silent_ = true;
  }

  // "event action" of all that came, pings left out.
  std::vector<std::string> heard() {
    const std::scoped_lock lock(mutex_);
    std::vector<std::string> words;
    for (const net::Request& request : got_) {
      const std::string event(request.headers.get("x-github-event").value_or(""));
      if (event == "ping") continue;
      const json::value body = json::parse(request.body);
      words.push_back(event + " " + std::string(body.at("action").as_string()));
    }
    return words;
  }

  std::vector<net::Request> requests() {
    const std::scoped_lock lock(mutex_);
    return got_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<net::Request> got_;
  std::vector<net::Responder> unanswered_;
  int status_ = 200;
  bool silent_ = false;
  std::unique_ptr<net::HttpServer> server_;
};

class DeliveriesTest : public testing::Test {
 protected:
  void start(milliseconds timeout = seconds(10)) {
    SimOptions options;
    options.repositories = {"acme/shop"};
    options.tokens = {{.token = "ghp_x", .owners = {}}};
    options.webhook_url = receiver.url();
    options.webhook_secret = core::Secret("s3cret");
    options.webhook_timeout = timeout;
    auto started = SimGithub::start(std::move(options));
    ASSERT_TRUE(started);
    sim = std::move(*started);
    caller = std::make_unique<Caller>(sim->url(), "ghp_x");
    ASSERT_TRUE(settled());
    sim->with([&](State& state, Time) { hook_id = state.hooks.all().front()->id; });
  }

  bool settled() {
    return sim->wait_for([](const State& state) { return state.hooks.pending() == 0; },
                         seconds(20));
  }

  // A job that is queued and, by a foreign runner, done at once.
  void run_job() {
    Registering wish{.scope = {.kind = ScopeKind::organization, .name = "acme"},
                     .name = "f",
                     .labels = {"cpu"},
                     .ephemeral = false};
    sim->with([&](State& state, Time now) {
      if (state.world.runners().empty()) state.world.add_foreign(wish, milliseconds(1), now);
    });
    queue();
    ASSERT_TRUE(sim->wait_for(
        [](const State& state) {
          return std::ranges::all_of(state.world.runs(), [](const auto& entry) {
            return entry.second.status == Status::completed;
          });
        },
        seconds(20)));
    ASSERT_TRUE(settled());
  }

  void queue() {
    ASSERT_TRUE(sim->queue(
        WorkflowSpec{.repository = "acme/shop",
                     .jobs = {JobSpec{.name = "a", .labels = {"cpu"}, .steps = {}, .env = {}}}}));
  }

  std::string deliveries_path() const {
    return "/orgs/acme/hooks/" + std::to_string(hook_id) + "/deliveries";
  }

  Receiver receiver;
  std::unique_ptr<SimGithub> sim;
  std::unique_ptr<Caller> caller;
  std::int64_t hook_id = 0;
};

TEST_F(DeliveriesTest, AreSignedAndBearGitHubsHeaders) {
  start();
  queue();
  ASSERT_TRUE(settled());
  const std::vector<net::Request> got = receiver.requests();
  ASSERT_EQ(got.size(), 3u);
  EXPECT_EQ(got.front().headers.get("x-github-event"), "ping");
  for (const net::Request& request : got) {
    EXPECT_EQ(request.headers.get("x-hub-signature-256"),
              "sha256=" + net::hex(net::hmac_sha256(core::Secret("s3cret"), request.body)));
    EXPECT_TRUE(request.headers.get("user-agent")->starts_with("GitHub-Hookshot/"));
    EXPECT_EQ(request.headers.get("x-github-delivery")->size(), 36u);
    EXPECT_EQ(request.headers.get("x-github-hook-id"), std::to_string(hook_id));
    EXPECT_EQ(request.headers.get("content-type"), "application/json");
  }
  const auto job = std::ranges::find_if(
      got, [](const net::Request& r) { return r.headers.get("x-github-event") == "workflow_job"; });
  ASSERT_NE(job, got.end());
  const json::value body = json::parse(job->body);
  EXPECT_EQ(body.at("action").as_string(), "queued");
  EXPECT_EQ(body.at("repository").at("full_name").as_string(), "acme/shop");
  EXPECT_EQ(body.at("organization").at("login").as_string(), "acme");
  EXPECT_TRUE(body.at("workflow_job").at("runner_id").is_null());
}

TEST_F(DeliveriesTest, KeepTheOrderOfEachJobAndRun) {
  start();
  for (int i = 0; i < 10; ++i) run_job();
  std::map<std::int64_t, std::vector<std::string>> by_job;
  for (const net::Request& request : receiver.requests()) {
    if (request.headers.get("x-github-event") != "workflow_job") continue;
    const json::value body = json::parse(request.body);
    by_job[body.at("workflow_job").at("id").as_int64()].emplace_back(body.at("action").as_string());
  }
  EXPECT_EQ(by_job.size(), 10u);
  for (const auto& [id, actions] : by_job) {
    EXPECT_EQ(actions, (std::vector<std::string>{"queued", "in_progress", "completed"}));
  }
}

TEST_F(DeliveriesTest, AreNotSentAgainByThemselvesButOnRequest) {
  start();
  receiver.answer_with(503);
  queue();
  ASSERT_TRUE(settled());
  EXPECT_EQ(receiver.heard().size(), 2u);
  receiver.answer_with(200);
  const json::value list = caller->expect(200, "GET", deliveries_path() + "?status=failure");
  ASSERT_EQ(list.as_array().size(), 2u);
  const json::value& failed = list.at(0);
  EXPECT_EQ(failed.at("status_code").as_int64(), 503);
  EXPECT_FALSE(failed.at("redelivery").as_bool());
  const std::string one = deliveries_path() + "/" + std::to_string(failed.at("id").as_int64());
  const json::value whole = caller->expect(200, "GET", one);
  EXPECT_TRUE(whole.at("request").at("headers").as_object().contains("X-GitHub-Event"));
  EXPECT_TRUE(whole.at("request").at("payload").is_object());
  caller->expect(202, "POST", one + "/attempts");
  ASSERT_TRUE(settled());
  EXPECT_EQ(receiver.heard().size(), 3u);
  const json::value newest = caller->expect(200, "GET", deliveries_path()).at(0);
  EXPECT_EQ(newest.at("guid").as_string(), failed.at("guid").as_string());
  EXPECT_NE(newest.at("id").as_int64(), failed.at("id").as_int64());
  EXPECT_TRUE(newest.at("redelivery").as_bool());
  EXPECT_EQ(newest.at("status_code").as_int64(), 200);
  caller->expect(404, "POST", deliveries_path() + "/1/attempts");
}

TEST_F(DeliveriesTest, ArePagedByCursor) {
  start();
  for (int i = 0; i < 3; ++i) queue();
  ASSERT_TRUE(settled());
  std::size_t seen = 0;
  std::string path = deliveries_path() + "?per_page=3";
  for (int page = 0; page < 10 && !path.empty(); ++page) {
    const net::Response answer = caller->call("GET", path);
    ASSERT_EQ(answer.status, 200);
    seen += Caller::parse(answer).as_array().size();
    const std::string link(answer.headers.get("link").value_or(""));
    const std::size_t end = link.find('>');
    path = link.empty() ? "" : link.substr(1 + sim->url().size(), end - 1 - sim->url().size());
  }
  EXPECT_EQ(seen, 7u) << "six, and the ping";
}

TEST_F(DeliveriesTest, AReceiverThatNeverAnswersIsATimeout) {
  receiver.never_answer();
  start(milliseconds(300));
  const json::value ping = caller->expect(200, "GET", deliveries_path()).at(0);
  EXPECT_EQ(ping.at("status_code").as_int64(), 504);
  EXPECT_EQ(ping.at("status").as_string(), "timed out");
}

TEST_F(DeliveriesTest, KnobsLoseFailAndRepeat) {
  start();
  sim->with([](State& state, Time) { state.faults.webhooks.lose.next = 1; });
  queue();
  ASSERT_TRUE(settled());
  EXPECT_EQ(receiver.heard(), std::vector<std::string>{"workflow_job queued"});
  sim->with([](State& state, Time) { state.faults.webhooks.fail.next = 2; });
  queue();
  ASSERT_TRUE(settled());
  EXPECT_EQ(receiver.heard().size(), 1u);
  EXPECT_EQ(caller->expect(200, "GET", deliveries_path() + "?status=failure").as_array().size(),
            2u);
  sim->with([](State& state, Time) { state.faults.webhooks.repeat.probability = 1; });
  queue();
  ASSERT_TRUE(settled());
  EXPECT_EQ(receiver.heard().size(), 5u);
  const std::vector<net::Request> got = receiver.requests();
  std::multiset<std::string> guids;
  for (const net::Request& r : got) guids.emplace(*r.headers.get("x-github-delivery"));
  EXPECT_EQ(std::ranges::count_if(guids, [&](const std::string& g) { return guids.count(g) == 2; }),
            4);
}

TEST_F(DeliveriesTest, KnobsDelayAndReorder) {
  start();
  Caller control(sim->control_url(), "");
  control.expect(200, "POST", "/_sim/faults/webhooks",
                 json::object{{"delay_ms", 400}, {"delay", json::object{{"next", 2}}}});
  const auto begun = std::chrono::steady_clock::now();
  queue();
  ASSERT_TRUE(settled());
  EXPECT_GE(std::chrono::steady_clock::now() - begun, milliseconds(390));
  control.expect(200, "POST", "/_sim/faults/webhooks",
                 json::object{{"delay_ms", 200}, {"reorder", json::object{{"probability", 1}}}});
  bool overtaken = false;
  for (int i = 0; i < 40 && !overtaken; ++i) {
    const std::size_t before = receiver.heard().size();
    run_job();
    std::vector<std::string> heard = receiver.heard();
    std::erase_if(heard, [](const std::string& w) { return w.starts_with("workflow_run"); });
    overtaken =
        before > 0 &&
        !std::ranges::is_sorted(heard.end() - 3, heard.end(), {}, [](const std::string& word) {
          return word.ends_with("queued") ? 0 : word.ends_with("in_progress") ? 1 : 2;
        });
  }
  EXPECT_TRUE(overtaken);
}

TEST_F(DeliveriesTest, HooksAreCreatedByRestAndPinged) {
  start();
  Receiver second;
  const json::value made = caller->expect(
      201, "POST", "/repos/acme/shop/hooks",
      json::object{
          {"name", "web"},
          {"events", json::array{"workflow_job"}},
          {"config",
           json::object{{"url", second.url()}, {"content_type", "json"}, {"secret", "hush"}}}});
  EXPECT_EQ(made.at("config").at("secret").as_string(), "********");
  queue();
  ASSERT_TRUE(settled());
  EXPECT_EQ(second.heard(), std::vector<std::string>{"workflow_job queued"});
  EXPECT_EQ(second.requests().front().headers.get("x-github-event"), "ping");
  EXPECT_EQ(caller->expect(200, "GET", "/repos/acme/shop/hooks").as_array().size(), 1u);
  const std::string path =
      "/repos/acme/shop/hooks/" + std::to_string(made.at("id").as_int64()) + "/deliveries";
  EXPECT_EQ(caller->expect(200, "GET", path).as_array().size(), 2u);
}

TEST_F(DeliveriesTest, AHookIsAFormUnlessItIsToBeJsonAndIsChangedByRest) {
  start();
  Receiver second;
  const json::value made = caller->expect(
      201, "POST", "/repos/acme/shop/hooks",
      json::object{{"config", json::object{{"url", second.url()}, {"secret", "hush"}}}});
  EXPECT_EQ(made.at("config").at("content_type"), "form");
  ASSERT_TRUE(settled());
  const net::Request ping = second.requests().front();
  EXPECT_TRUE(ping.body.starts_with("payload=%7B"));
  EXPECT_EQ(ping.headers.get("content-type"), "application/x-www-form-urlencoded");
  EXPECT_EQ(ping.headers.get("x-hub-signature-256"),
            "sha256=" + net::hex(net::hmac_sha256(core::Secret("hush"), ping.body)));
  const std::string path = "/repos/acme/shop/hooks/" + std::to_string(made.at("id").as_int64());
  const json::value changed = caller->expect(
      200, "PATCH", path,
      json::object{{"active", false},
                   {"events", json::array{"workflow_job"}},
                   {"config", json::object{{"url", second.url()}, {"content_type", "json"}}}});
  EXPECT_EQ(changed.at("active"), false);
  EXPECT_EQ(changed.at("config").at("content_type"), "json");
  EXPECT_FALSE(changed.at("config").as_object().contains("secret")) << "none was sent again";
  EXPECT_EQ(caller->expect(404, "PATCH", "/repos/acme/shop/hooks/1", json::object{}).at("message"),
            "Not Found");
}

}  // namespace
}  // namespace jitney::sim
