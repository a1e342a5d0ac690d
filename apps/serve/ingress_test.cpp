// SPDX-License-Identifier: Apache-2.0
// The webhook listener over real sockets.
#include "apps/serve/ingress.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/json/parse.hpp>

#include "apps/serve/serve_test_world.hpp"
#include "net/crypto.hpp"
#include "net/http_client.hpp"

namespace jitney::app {
namespace {

std::string job_body(core::JobId id, const std::string& repository = "acme/shop",
                     const std::string& label = "template_cpu") {
  return R"({"action":"queued","workflow_job":{"id":)" + std::to_string(id) +
         R"(,"run_id":7,"run_attempt":1,"name":"build","workflow_name":"CI","status":"queued",)"
         R"("conclusion":null,"labels":["self-hosted",")" +
         label +
         R"("],"runner_id":null,"runner_name":null,"created_at":"2026-11-24T10:00:00Z",)"
         R"("started_at":"2026-11-24T10:00:00Z","completed_at":null},"repository":{"full_name":")" +
         repository + R"("}})";
}

std::string run_body(const std::string& repository) {
  return R"({"action":"requested","workflow_run":{"id":77,"status":"queued"},)"
         R"("repository":{"full_name":")" +
         repository + R"("}})";
}

WebhookScope scope(const std::string& name, std::vector<std::string> secrets,
                   const std::string& owner) {
  WebhookScope made;
  made.name = name;
  for (std::string& secret : secrets) made.secrets.emplace_back(std::move(secret));
  made.serves = [owner](std::string_view repository) {
    return repository.starts_with(owner + "/");
  };
  made.has_pool = [](std::string_view repository) { return repository.ends_with("/shop"); };
  return made;
}

class IngressTest : public testing::Test {
 protected:
  void SetUp() override { listen({}); }

  void listen(net::ServerLimits limits) {
    server_.reset();
    net::ServerOptions options;
    options.limits = limits;
    auto server =
        net::HttpServer::listen(options, [this](net::Request request, net::Responder respond) {
          ingress_.handle(std::move(request), std::move(respond));
        });
    ASSERT_TRUE(server) << server.error().what;
    server_ = std::move(*server);
  }

  net::Response send(const net::Request& request) {
    const auto response =
        client_.send({.scheme = "http", .host = "127.0.0.1", .port = server_->port(), .path = "/"},
                     request, std::chrono::steady_clock::now() + std::chrono::seconds(30));
    if (response) return *response;
    ADD_FAILURE() << response.error().what;
    return {};
  }
  static net::Request signed_by(const std::string& secret, const std::string& body,
                                const std::string& event = "workflow_job",
                                const std::string& path = "/webhook") {
    net::Request request{.method = "POST", .target = path, .headers = {}, .body = body};
    request.headers.add("Content-Type", "application/json");
    request.headers.add("X-GitHub-Event", event);
    request.headers.add("X-GitHub-Delivery", "0b989ba4-242f-11e5-81e1-c7b6966d2516");
    request.headers.add("X-Hub-Signature-256",
                        "sha256=" + net::hex(net::hmac_sha256(core::Secret(secret), body)));
    return request;
  }
  std::size_t jobs() { return world_.store.jobs({.pool = {}, .status = {}})->size(); }

  TestWorld world_;
  IngressGroup group_{{}, world_.new_context(world_.queue), world_.metrics};
  Ingress ingress_{{scope("acme", {"secret one", "secret two"}, "acme"),
                    scope("umbrella", {"secret three"}, "umbrella"),
                    scope("initech", {"secret three"}, "initech")},
                   group_,
                   world_.clock,
                   world_.metrics};
  net::HttpClient client_;
  std::unique_ptr<net::HttpServer> server_;
};

TEST_F(IngressTest, ASignedJobIsDurableWhenAnswered) {
  EXPECT_EQ(send(signed_by("secret one", job_body(1))).status, 202);
  const auto job = *world_.store.job(1);
  ASSERT_TRUE(job);
  EXPECT_EQ(job->scope, "acme");
  EXPECT_EQ(job->pool, "template_cpu");
}

TEST_F(IngressTest, EitherSecretVerifiesWhileOneIsReplaced) {
  EXPECT_EQ(send(signed_by("secret two", job_body(1))).status, 202);
}

TEST_F(IngressTest, TheSignatureDecidesBeforeAnythingIsRead) {
  net::Request unsigned_request = signed_by("secret one", job_body(1));
  unsigned_request.headers = {{"Content-Type", "application/json"},
                              {"X-GitHub-Event", "workflow_job"}};
  EXPECT_EQ(send(unsigned_request).status, 401);
  EXPECT_EQ(send(signed_by("wrong", job_body(1))).status, 401);
  EXPECT_EQ(send(signed_by("wrong", "{ no json")).status, 401);
  EXPECT_EQ(send(signed_by("wrong", "{}", "ping")).status, 401);
  net::Request changed = signed_by("secret one", job_body(1));
  changed.body[5] = 'x';
  EXPECT_EQ(send(changed).status, 401);
  net::Request twice = signed_by("secret one", job_body(1));
  twice.headers.add("X-Hub-Signature-256", "sha256=" + std::string(64, '0'));
  EXPECT_EQ(send(twice).status, 401);
  EXPECT_EQ(jobs(), 0U);
  EXPECT_EQ(world_.metrics.webhooks(WebhookResult::unauthorized), 6U);
}

TEST_F(IngressTest, SeveralOrganisationsShareOneAddress) {
  EXPECT_EQ(send(signed_by("secret one", job_body(1, "acme/shop"))).status, 202);
  // The same secret twice: the owner decides.
  EXPECT_EQ(send(signed_by("secret three", job_body(2, "umbrella/shop"))).status, 200);
  EXPECT_EQ(send(signed_by("secret three", job_body(3, "initech/shop"))).status, 200);
  EXPECT_EQ((*world_.store.job(2))->scope, "umbrella");
  EXPECT_EQ((*world_.store.job(3))->scope, "initech");
  // Nobody may speak for another organisation.
  EXPECT_EQ(send(signed_by("secret three", job_body(4, "acme/shop"))).status, 200);
  EXPECT_FALSE(world_.store.job(4)->has_value());
}

TEST_F(IngressTest, AnAddressOfItsOwnTakesThatSecretOnly) {
  EXPECT_EQ(send(signed_by("secret one", job_body(1), "workflow_job", "/webhook/acme")).status,
            202);
  EXPECT_EQ(send(signed_by("secret three", job_body(2), "workflow_job", "/webhook/acme")).status,
            401);
  EXPECT_EQ(send(signed_by("secret one", job_body(3), "workflow_job", "/webhook/other")).status,
            404);
  EXPECT_EQ(send(signed_by("secret one", job_body(3), "workflow_job", "/webhooks")).status, 404);
  EXPECT_EQ(jobs(), 1U);
}

TEST_F(IngressTest, AJobThatNoPoolCoversIsRecordedWithTheReason) {
  const net::Response response = send(signed_by("secret one", job_body(1, "acme/shop", "windows")));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(boost::json::parse(response.body).at("result"), "ignored");
  EXPECT_FALSE((*world_.store.job(1))->ignored.empty());
  EXPECT_EQ(world_.queue.depth().value_or(1), 0U);
}

TEST_F(IngressTest, PingsAndForeignEventsAreAcknowledged) {
  EXPECT_EQ(send(signed_by("secret one", R"({"zen":"Half measures are as bad as nothing at all."})",
                           "ping"))
                .status,
            200);
  EXPECT_EQ(send(signed_by("secret one", R"({"action":"opened"})", "pull_request")).status, 200);
  EXPECT_EQ(jobs(), 0U);
}

TEST_F(IngressTest, ARunIsAskedAboutOnlyWhereAPoolServesItsRepository) {
  EXPECT_EQ(send(signed_by("secret one", run_body("acme/shop"), "workflow_run")).status, 202);
  EXPECT_EQ(world_.queue.depth().value_or(0), 1U);
  EXPECT_EQ(send(signed_by("secret one", run_body("acme/site"), "workflow_run")).status, 200);
  EXPECT_EQ(world_.queue.depth().value_or(0), 1U);
}

TEST_F(IngressTest, MalformedRequestsAreToldSo) {
  EXPECT_EQ(send(signed_by("secret one", "{")).status, 400);
  EXPECT_EQ(send(signed_by("secret one", "[]")).status, 400);
  EXPECT_EQ(send(signed_by("secret one", R"({"action":"queued"})")).status, 400);
  EXPECT_EQ(send(signed_by("secret one", std::string(40, '['))).status, 400);
  net::Request get = signed_by("secret one", "");
  get.method = "GET";
  EXPECT_EQ(send(get).status, 405);
  EXPECT_EQ(jobs(), 0U);
}

TEST_F(IngressTest, AnOversizedBodyIsRefused) {
  net::ServerLimits limits;
  limits.body_bytes = 1000;
  listen(limits);
  EXPECT_EQ(send(signed_by("secret one", std::string(1001, 'x'))).status, 413);
}

TEST_F(IngressTest, AFailingLedgerAnswers503WithAHintAndStoresNothing) {
  world_.store.fail_next(core::Fault::transient);
  const net::Response response = send(signed_by("secret one", job_body(1)));
  EXPECT_EQ(response.status, 503);
  EXPECT_TRUE(response.headers.get("Retry-After").has_value());
  EXPECT_EQ(jobs(), 0U);
  EXPECT_EQ(send(signed_by("secret one", job_body(1))).status, 202);
}

TEST_F(IngressTest, ASlowClientIsCutOffWhileOthersAreServed) {
  net::ServerLimits limits;
  limits.header_time = std::chrono::seconds(2);
  limits.body_time = std::chrono::seconds(2);
  listen(limits);
  const int slow = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(server_->port());
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(connect(slow, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  const std::string half = "POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{";
  ASSERT_EQ(write(slow, half.data(), half.size()), static_cast<ssize_t>(half.size()));
  EXPECT_EQ(send(signed_by("secret one", job_body(1))).status, 202);
  timeval bound{.tv_sec = 30, .tv_usec = 0};
  setsockopt(slow, SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof bound);
  std::string answer;
  char buffer[512];
  ssize_t got = 0;
  while ((got = read(slow, buffer, sizeof buffer)) > 0)
    answer.append(buffer, static_cast<std::size_t>(got));
  EXPECT_EQ(got, 0) << "the server must close the connection";
  EXPECT_TRUE(answer.empty() || answer.starts_with("HTTP/1.1 408")) << answer;
  close(slow);
}

}  // namespace
}  // namespace jitney::app
