// SPDX-License-Identifier: Apache-2.0
#include "github/credentials.hpp"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <atomic>
#include <set>
#include <thread>

#include "github/scripted_test.hpp"
#include "github/session.hpp"
#include "net/json.hpp"
#include "net/rfc3339.hpp"
#include "tests/fakes/fake_clock.hpp"

namespace jitney::github {
namespace {

using core::Fault;
using core::Secret;
using namespace std::chrono_literals;

using KeyPointer = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

EVP_PKEY* key() {
  static const KeyPointer kKey(EVP_RSA_gen(2048), EVP_PKEY_free);
  return kKey.get();
}

Secret private_pem() {
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), BIO_free);
  PEM_write_bio_PrivateKey(bio.get(), key(), nullptr, nullptr, 0, nullptr, nullptr);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return Secret(std::string(data, static_cast<std::size_t>(size)));
}

std::string unbase64url(std::string_view text) {
  std::string padded(text);
  for (char& c : padded) c = c == '-' ? '+' : c == '_' ? '/' : c;
  while (padded.size() % 4 != 0) padded += '=';
  std::string out(padded.size(), '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                   reinterpret_cast<const unsigned char*>(padded.data()),
                                   static_cast<int>(padded.size()));
  out.resize(size < 0 ? 0 : static_cast<std::size_t>(size) - (padded.size() - text.size()));
  return out;
}

bool signature_holds(std::string_view signed_text, std::string_view signature) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        EVP_MD_CTX_free);
  return EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key()) == 1 &&
         EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()),
                          signature.size(),
                          reinterpret_cast<const unsigned char*>(signed_text.data()),
                          signed_text.size()) == 1;
}

class AppTest : public ::testing::Test {
 protected:
  void open(std::int64_t installation = 7) {
    RestOptions options;
    options.api = github_.api();
    options.write_spacing = core::Duration(0);
    auto made = Session::open(std::move(options), *parse_endpoint("https://github.com/acme"),
                              AppKey{"Iv23client", installation, private_pem()}, clock_);
    ASSERT_TRUE(made) << made.error().what;
    session_ = *std::move(made);
  }
  // GitHub hands out "ghs_1", "ghs_2", ... for an hour each.
  net::Response token() {
    return answer(201, R"({"token":"ghs_)" + std::to_string(++issued_) + R"(","expires_at":")" +
                           net::format_rfc3339(clock_.now() + 1h) + "\"}");
  }
  void issue_tokens() {
    github_.otherwise([this](const net::Request& request) {
      return request.target.ends_with("/access_tokens") ? token() : answer(200);
    });
  }
  std::string authorization() {
    const auto got = session_->credentials().authorization();
    return got ? std::string(got->reveal()) : "error: " + got.error().what;
  }

  ScriptedGithub github_;
  fakes::FakeClock clock_;
  std::atomic<int> issued_{0};
  std::unique_ptr<Session> session_;
};

TEST(Credentials, ATokenIsABearer) {
  TokenCredentials credentials(Secret("ghp_abc"));
  EXPECT_EQ(credentials.authorization()->reveal(), "Bearer ghp_abc");
  EXPECT_FALSE(credentials.rejected(*credentials.authorization()));
  EXPECT_FALSE(credentials.app_authorization());
}

TEST(Credentials, RefusesKeysThatAreNoneAndQuotesNothing) {
  fakes::FakeClock clock;
  const auto refused = [&](Key bad) {
    const auto opened =
        Session::open({.api = *net::parse_url("http://127.0.0.1:1")},
                      *parse_endpoint("https://github.com/acme"), std::move(bad), clock);
    EXPECT_FALSE(opened);
    if (opened) return;
    EXPECT_EQ(opened.error().fault, Fault::invalid);
    EXPECT_EQ(opened.error().what.find("MARKED"), std::string::npos);
  };
  refused(TokenKey{Secret("")});
  refused(TokenKey{Secret("MARKED\n")});
  refused(AppKey{"", 1, private_pem()});
  refused(AppKey{"Iv23", 1, Secret("MARKED, no PEM")});
  refused(AppKey{"Iv23", 1, Secret("")});
}

TEST_F(AppTest, ItsJwtIsSignedBackdatedShortAndUnique) {
  open();
  std::set<std::string> ids;
  for (int i = 0; i < 3; ++i) {
    const auto jwt = session_->credentials().app_authorization();
    ASSERT_TRUE(jwt && *jwt);
    std::string_view text = (*jwt)->reveal();
    ASSERT_TRUE(text.starts_with("Bearer "));
    text.remove_prefix(7);
    const auto first = text.find('.');
    const auto second = text.find('.', first + 1);
    ASSERT_NE(second, std::string_view::npos);
    EXPECT_EQ(unbase64url(text.substr(0, first)), R"({"alg":"RS256","typ":"JWT"})");
    EXPECT_TRUE(signature_holds(text.substr(0, second), unbase64url(text.substr(second + 1))));
    const auto claims = net::parse_json(unbase64url(text.substr(first + 1, second - first - 1)));
    ASSERT_TRUE(claims);
    const std::int64_t now =
        std::chrono::floor<std::chrono::seconds>(clock_.now()).time_since_epoch().count();
    EXPECT_EQ(net::get_string(*claims, "iss"), "Iv23client");
    EXPECT_EQ(net::get_int(*claims, "iat"), now - 60);
    EXPECT_EQ(net::get_int(*claims, "exp"), now - 60 + 540);
    ids.insert(net::get_string_or(*claims, "jti", ""));
  }
  EXPECT_EQ(ids.size(), 3U);
}

TEST_F(AppTest, AnInstallationTokenIsKeptAndRenewedFiveMinutesEarly) {
  open();
  issue_tokens();
  EXPECT_EQ(authorization(), "Bearer ghs_1");
  clock_.advance(54min);
  EXPECT_EQ(authorization(), "Bearer ghs_1");
  clock_.advance(2min);
  EXPECT_EQ(authorization(), "Bearer ghs_2");
  EXPECT_EQ(github_.lines(), (std::vector<std::string>{"POST /app/installations/7/access_tokens",
                                                       "POST /app/installations/7/access_tokens"}));
}

TEST_F(AppTest, AFailedEarlyRenewalCostsNothingAndALateOneSaysWhy) {
  open();
  github_.then(token());
  EXPECT_EQ(authorization(), "Bearer ghs_1");
  github_.otherwise([](const net::Request&) { return answer(502); });
  clock_.advance(56min);
  EXPECT_EQ(authorization(), "Bearer ghs_1");
  clock_.advance(5min);
  const auto late = session_->credentials().authorization();
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().fault, Fault::transient);
  issue_tokens();
  EXPECT_EQ(authorization(), "Bearer ghs_2");
}

TEST_F(AppTest, ManyThreadsRenewOnce) {
  open();
  issue_tokens();
  for (int round = 1; round <= 5; ++round) {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([this] { EXPECT_TRUE(authorization().starts_with("Bearer ghs_")); });
    }
    threads.clear();
    EXPECT_EQ(issued_, round);
    clock_.advance(2h);
  }
}

TEST_F(AppTest, AnInstallationThatIsNotGivenIsLookedUpOnce) {
  open(0);
  github_.then(answer(200, R"({"id":42})"));
  issue_tokens();
  EXPECT_EQ(authorization(), "Bearer ghs_1");
  clock_.advance(2h);
  EXPECT_EQ(authorization(), "Bearer ghs_2");
  EXPECT_EQ(github_.lines(),
            (std::vector<std::string>{"GET /orgs/acme/installation",
                                      "POST /app/installations/42/access_tokens",
                                      "POST /app/installations/42/access_tokens"}));
  EXPECT_EQ(session_->credentials().installation(), 42);
}

TEST_F(AppTest, AStaleInstallationIsLookedUpAgainOnce) {
  open(7);
  github_.then(answer(404));
  github_.then(answer(200, R"({"id":43})"));
  github_.then(token());
  EXPECT_EQ(authorization(), "Bearer ghs_1");
  EXPECT_EQ(github_.lines().back(), "POST /app/installations/43/access_tokens");
}

TEST_F(AppTest, AnAppThatIsNotInstalledIsToldApartFromAMissingThing) {
  open(7);
  github_.otherwise([](const net::Request&) { return answer(404, R"({"message":"Not Found"})"); });
  const auto refused = session_->credentials().authorization();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().fault, Fault::unauthorized);
  EXPECT_NE(refused.error().what.find("not installed"), std::string::npos);
  EXPECT_EQ(github_.calls(), 2U);
}

TEST_F(AppTest, ARejectedTokenIsRenewedOnceAndTheCallRepeated) {
  open();
  github_.then(token());
  github_.then(answer(401, R"({"message":"Bad credentials"})"));
  github_.then(token());
  github_.then(answer(200, "fine"));
  const auto response = session_->call({.route = "/x", .path = "/x"});
  ASSERT_TRUE(response) << response.error().what;
  EXPECT_EQ(response->body, "fine");
  EXPECT_EQ(github_.asked().back().headers.get("authorization"), "Bearer ghs_2");

  github_.otherwise([this](const net::Request& request) {
    return request.target == "/x" ? answer(401, R"({"message":"Bad credentials"})") : token();
  });
  const auto before = github_.calls();
  const auto refused = session_->call({.route = "/x", .path = "/x"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().fault, Fault::unauthorized);
  EXPECT_EQ(refused.error().what.find("ghs_"), std::string::npos);
  EXPECT_EQ(github_.calls(), before + 3);
}

TEST_F(AppTest, ATokenAnswerWithoutATokenIsAPassingFault) {
  open();
  github_.then(answer(201, R"({"expires_at":"2027-01-01T00:00:00Z"})"));
  const auto refused = session_->credentials().authorization();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().fault, Fault::transient);
}

}  // namespace
}  // namespace jitney::github
