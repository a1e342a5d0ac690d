// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <latch>
#include <thread>

#include "aws/client.hpp"
#include "aws/credentials_chain.hpp"
#include "aws/profile.hpp"
#include "aws/scripted_test.hpp"
#include "net/rfc3339.hpp"
#include "tests/fakes/temporary_directory.hpp"

namespace jitney::aws {
namespace {

using core::Fault;
using std::chrono::milliseconds;
using std::chrono::minutes;

using Variables = std::map<std::string, std::string>;
Environment environment_of(Variables variables) {
  return [variables = std::move(variables)](std::string_view name) -> std::optional<std::string> {
    const auto found = variables.find(std::string(name));
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
}

std::string write(const std::filesystem::path& path, std::string_view text) {
  std::ofstream(path) << text;
  return path.string();
}

constexpr std::string_view kBody =
    R"({"Code":"Success","AccessKeyId":"ASIA1","SecretAccessKey":"s3",
    "Token":"tok","Expiration":"2026-11-28T20:00:00Z"})";

void expect_body(const core::Result<std::optional<Credentials>>& got) {
  ASSERT_TRUE(got) << got.error().what;
  ASSERT_TRUE(*got);
  EXPECT_EQ((*got)->access_key_id, "ASIA1");
  EXPECT_EQ((*got)->secret_access_key.reveal(), "s3");
  EXPECT_EQ((*got)->session_token.reveal(), "tok");
  EXPECT_EQ((*got)->expires, net::parse_rfc3339("2026-11-28T20:00:00Z"));
}

void expect_unauthorized(const core::Result<std::optional<Credentials>>& got,
                         std::string_view text) {
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().fault, Fault::unauthorized);
  EXPECT_NE(got.error().what.find(text), std::string::npos) << got.error().what;
}

TEST(EnvironmentSource, TakesKeysAndToken) {
  auto got = environment_source(environment_of({{"AWS_ACCESS_KEY_ID", "AKIA1"},
                                                {"AWS_SECRET_ACCESS_KEY", "s3"},
                                                {"AWS_SESSION_TOKEN", "tok"}}))
                 ->fetch();
  ASSERT_TRUE(got && *got);
  EXPECT_EQ((*got)->access_key_id, "AKIA1");
  EXPECT_EQ((*got)->session_token.reveal(), "tok");
  EXPECT_EQ((*got)->expires, std::nullopt);
  got = environment_source(environment_of({}))->fetch();
  EXPECT_TRUE(got && !*got);
  expect_unauthorized(environment_source(environment_of({{"AWS_ACCESS_KEY_ID", "AKIA1"}}))->fetch(),
                      "AWS_SECRET_ACCESS_KEY");
}

TEST(Profile, IsFoundAsAwsToolsFindIt) {
  const std::string text =
      "# a comment\n[default]\nregion = us-east-1\r\n[profile work]\n AWS_Secret = no\n"
      "aws_access_key_id=AKIA2\naws_secret_access_key = a=b\ns3 =\n  signature = v4\n[other]\nx=1\n"
      "[work]\nregion=eu-west-1\n";
  const auto work = find_profile(text, "work");
  ASSERT_TRUE(work);
  EXPECT_EQ(*work, (Profile{{"aws_access_key_id", "AKIA2"},
                            {"aws_secret_access_key", "a=b"},
                            {"s3", ""},
                            {"region", "eu-west-1"}}));
  EXPECT_EQ(find_profile(text, "default"), (Profile{{"region", "us-east-1"}}));
  EXPECT_EQ(find_profile(text, "none"), std::nullopt);
  EXPECT_EQ(find_profile("[", ""), Profile{});
  EXPECT_EQ(find_profile("= x\n[a\nb", "a"), Profile{});
}

TEST(ProfileSource, ReadsTheChosenProfileOfBothFiles) {
  const fakes::TemporaryDirectory home;
  std::filesystem::create_directory(std::filesystem::path(home.path()) / ".aws");
  write(std::filesystem::path(home.path()) / ".aws/credentials",
        "[default]\naws_access_key_id=A0\naws_secret_access_key=s0\n"
        "[work]\naws_access_key_id=A1\naws_secret_access_key=s1\naws_session_token=t1\n");
  write(std::filesystem::path(home.path()) / ".aws/config",
        "[profile work]\nregion=eu-west-3\naws_access_key_id=old\n"
        "[profile sso]\nsso_session=x\n");
  const auto fetch = [&](Variables variables) {
    variables["HOME"] = home.path();
    return profile_source(environment_of(variables))->fetch();
  };
  auto got = fetch({});
  ASSERT_TRUE(got && *got);
  EXPECT_EQ((*got)->access_key_id, "A0");
  got = fetch({{"AWS_PROFILE", "work"}});
  ASSERT_TRUE(got && *got);
  EXPECT_EQ((*got)->access_key_id, "A1");
  EXPECT_EQ((*got)->session_token.reveal(), "t1");
  expect_unauthorized(fetch({{"AWS_PROFILE", "none"}}), "AWS_PROFILE names profile none");
  expect_unauthorized(fetch({{"AWS_PROFILE", "sso"}}), "export-credentials");
  EXPECT_EQ(client_options(environment_of({{"HOME", home.path()}, {"AWS_PROFILE", "work"}})).region,
            "eu-west-3");

  const auto elsewhere = write(std::filesystem::path(home.path()) / "keys",
                               "[default]\naws_access_key_id=A9\naws_secret_access_key=s9\n");
  got = fetch({{"AWS_SHARED_CREDENTIALS_FILE", elsewhere}});
  ASSERT_TRUE(got && *got);
  EXPECT_EQ((*got)->access_key_id, "A9");
}

TEST(ProfileSource, ADefaultProfileWithoutKeysIsPassedOver) {
  const fakes::TemporaryDirectory home;
  const auto source = [&](std::string_view text) {
    return profile_source(environment_of(
        {{"AWS_CONFIG_FILE", write(std::filesystem::path(home.path()) / "c", text)}}));
  };
  const auto got = source("[default]\nregion=us-east-1\n")->fetch();
  EXPECT_TRUE(got && !*got);
  expect_unauthorized(source("[default]\nrole_arn=arn:x\n")->fetch(), "roles are not followed");
  const auto nowhere = profile_source(environment_of({{"HOME", "/nonexistent"}}))->fetch();
  EXPECT_TRUE(nowhere && !*nowhere);
}

TEST(ContainerSource, AsksTheEndpointWithItsToken) {
  ScriptedAws endpoint;
  const fakes::TemporaryDirectory home;
  const auto token = write(std::filesystem::path(home.path()) / "token", "from-the-file\n");
  endpoint.then(answer(200, std::string(kBody)));
  endpoint.then(answer(200, std::string(kBody)));
  Variables variables{{"AWS_CONTAINER_CREDENTIALS_FULL_URI", endpoint.url() + "/v1/c?x=1"},
                      {"AWS_CONTAINER_AUTHORIZATION_TOKEN", "plain"}};
  expect_body(container_source(environment_of(variables), {})->fetch());
  variables["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = token;
  expect_body(container_source(environment_of(variables), {})->fetch());
  const auto asked = endpoint.asked();
  EXPECT_EQ(asked[0].target, "/v1/c?x=1");
  EXPECT_EQ(asked[0].headers.get("Authorization"), "plain");
  EXPECT_EQ(asked[1].headers.get("Authorization"), "from-the-file");
  const auto none = container_source(environment_of({}), {})->fetch();
  EXPECT_TRUE(none && !*none);
}

TEST(ContainerSource, SendsNothingInTheClearToStrangers) {
  for (const auto* url : {"http://example.com/c", "http://10.0.0.1/", "http://169.254.170.3/"}) {
    expect_unauthorized(
        container_source(environment_of({{"AWS_CONTAINER_CREDENTIALS_FULL_URI", url}}), {})
            ->fetch(),
        "must be https");
  }
}

TEST(ContainerSource, SaysHowItWasRefused) {
  ScriptedAws endpoint;
  endpoint.then(answer(403, "no"));
  endpoint.then(answer(500, "oops"));
  endpoint.then(answer(200, R"({"AccessKeyId":"A"})"));
  const auto source = container_source(
      environment_of({{"AWS_CONTAINER_CREDENTIALS_FULL_URI", endpoint.url() + "/c"}}), {});
  expect_unauthorized(source->fetch(), "HTTP 403");
  EXPECT_EQ(source->fetch().error().fault, Fault::transient);
  EXPECT_EQ(source->fetch().error().fault, Fault::transient);
}

TEST(WebIdentitySource, ExchangesTheTokenFileAtSts) {
  ScriptedAws sts;
  const fakes::TemporaryDirectory home;
  sts.then(answer(
      200,
      R"(<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
        <AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASIA1</AccessKeyId>
        <SecretAccessKey>s3</SecretAccessKey><SessionToken>tok</SessionToken>
        <Expiration>2026-11-28T20:00:00Z</Expiration></Credentials>
        </AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>)"));
  sts.then(answer(400,
                  "<ErrorResponse><Error><Code>ExpiredTokenException</Code></Error>"
                  "</ErrorResponse>"));
  const Variables variables{{"AWS_WEB_IDENTITY_TOKEN_FILE",
                             write(std::filesystem::path(home.path()) / "token", "ey+J/=\n")},
                            {"AWS_ROLE_ARN", "arn:aws:iam::1:role/r"},
                            {"AWS_ROLE_SESSION_NAME", "me"}};
  const auto source =
      web_identity_source(environment_of(variables), *net::parse_url(sts.url()), {});
  expect_body(source->fetch());
  const auto asked = sts.asked()[0];
  EXPECT_EQ(asked.body,
            "Action=AssumeRoleWithWebIdentity&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr&"
            "RoleSessionName=me&Version=2011-06-15&WebIdentityToken=ey%2BJ%2F%3D");
  EXPECT_EQ(asked.headers.get("Authorization"), std::nullopt);
  expect_unauthorized(source->fetch(), "sts AssumeRoleWithWebIdentity: ExpiredTokenException");
}

TEST(WebIdentitySource, SaysWhatIsMissing) {
  const auto fetch = [](Variables variables) {
    return web_identity_source(environment_of(std::move(variables)),
                               *net::parse_url("http://127.0.0.1:1"), {})
        ->fetch();
  };
  const auto none = fetch({});
  EXPECT_TRUE(none && !*none);
  expect_unauthorized(fetch({{"AWS_WEB_IDENTITY_TOKEN_FILE", "/nonexistent"}}), "AWS_ROLE_ARN");
  expect_unauthorized(
      fetch({{"AWS_WEB_IDENTITY_TOKEN_FILE", "/nonexistent"}, {"AWS_ROLE_ARN", "r"}}),
      "/nonexistent");
}

TEST(InstanceSource, AsksVersionTwoOfTheService) {
  ScriptedAws imds;
  imds.then(answer(200, "session-token"));
  imds.then(answer(200, "my role\nanother"));
  imds.then(answer(200, std::string(kBody)));
  expect_body(instance_source(environment_of({{"AWS_EC2_METADATA_SERVICE_ENDPOINT", imds.url()}}))
                  ->fetch());
  const auto asked = imds.asked();
  ASSERT_EQ(asked.size(), 3U);
  EXPECT_EQ(asked[0].method + " " + asked[0].target, "PUT /latest/api/token");
  EXPECT_TRUE(asked[0].headers.get("X-aws-ec2-metadata-token-ttl-seconds"));
  EXPECT_EQ(asked[2].method + " " + asked[2].target,
            "GET /latest/meta-data/iam/security-credentials/my%20role");
  EXPECT_EQ(asked[2].headers.get("X-aws-ec2-metadata-token"), "session-token");
}

TEST(InstanceSource, TriesTwiceAndTellsMachinesWithoutARole) {
  ScriptedAws imds;
  const auto environment = environment_of({{"AWS_EC2_METADATA_SERVICE_ENDPOINT", imds.url()}});
  imds.then(answer(500, ""));
  imds.then(answer(200, "session-token"));
  imds.then(answer(404, ""));
  expect_unauthorized(instance_source(environment)->fetch(), "no role");
  imds.then(answer(403, ""));
  expect_unauthorized(instance_source(environment)->fetch(), "HTTP 403");
  imds.fall_silent();
  const auto silent = instance_source(environment, milliseconds(20))->fetch();
  EXPECT_TRUE(silent && !*silent);  // no EC2 instance, as far as one can tell
  const auto disabled =
      instance_source(environment_of({{"AWS_EC2_METADATA_DISABLED", "true"}}))->fetch();
  EXPECT_TRUE(disabled && !*disabled);
}

// A source whose every fetch gives the next key, good for an hour; or fails, or waits.
struct Scripted final : CredentialsSource {
  explicit Scripted(const core::Time& at) : now(at) {}
  const core::Time& now;
  std::optional<core::Error> failure;
  std::function<void()> meanwhile = [] {};
  std::atomic<int> fetches = 0;

  [[nodiscard]] std::string name() const override { return "a script"; }
  core::Result<std::optional<Credentials>> fetch() override {
    const int number = ++fetches;
    meanwhile();
    if (failure) return std::unexpected(*failure);
    auto keys = test_keys("K" + std::to_string(number));
    keys.expires = now + minutes(60);
    return keys;
  }
};

struct Chain {
  core::Time now{std::chrono::hours(500'000)};
  Scripted* source = new Scripted(now);
  CredentialsChain chain{sources(), [this] { return now; }};

  std::vector<std::unique_ptr<CredentialsSource>> sources() {
    std::vector<std::unique_ptr<CredentialsSource>> out;
    out.push_back(environment_source(environment_of({})));
    out.emplace_back(source);
    return out;
  }
  std::string key() {
    const auto got = chain.get();
    return got ? got->access_key_id : std::string(core::to_string(got.error().fault));
  }
};

TEST(CredentialsChain, KeepsThemUntilShortlyBeforeTheyExpire) {
  Chain world;
  EXPECT_EQ(world.key(), "K1");
  world.now += minutes(54);
  EXPECT_EQ(world.key(), "K1");
  world.now += minutes(2);
  EXPECT_EQ(world.key(), "K2");
  EXPECT_EQ(world.source->fetches, 2);
}

TEST(CredentialsChain, ARenewalThatFailsEarlyCostsNothingAndIsNotHurried) {
  Chain world;
  EXPECT_EQ(world.key(), "K1");
  world.source->failure = core::Error{Fault::transient, "not now"};
  world.now += minutes(56);
  EXPECT_EQ(world.key(), "K1");
  EXPECT_EQ(world.key(), "K1");
  EXPECT_EQ(world.source->fetches, 2);
  world.now += std::chrono::seconds(31);
  EXPECT_EQ(world.key(), "K1");
  EXPECT_EQ(world.source->fetches, 3);
  world.now += minutes(5);
  EXPECT_EQ(world.key(), "transient");
  world.source->failure.reset();
  EXPECT_EQ(world.key(), "K5");
}

TEST(CredentialsChain, ForgetsWhatAwsCallsExpiredOnce) {
  Chain world;
  EXPECT_EQ(world.key(), "K1");
  world.chain.expired("K1");
  world.chain.expired("K1");
  EXPECT_EQ(world.key(), "K2");
  world.chain.expired("K1");  // somebody who was late
  EXPECT_EQ(world.key(), "K2");
}

TEST(CredentialsChain, RenewsOnceForAllThreads) {
  Chain world;
  constexpr int kThreads = 8;
  std::latch all_started(kThreads);
  world.source->meanwhile = [&] { all_started.wait(); };  // nobody is served before all have asked
  std::atomic<int> right = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&] {
        all_started.count_down();
        if (world.key() == "K1") ++right;
      });
    }
  }
  EXPECT_EQ(right, kThreads);
  EXPECT_EQ(world.source->fetches, 1);
}

TEST(CredentialsChain, ThoseWhoWaitLearnOfTheFailure) {
  Chain world;
  world.source->failure = core::Error{Fault::unauthorized, "no role"};
  std::latch both_started(2);
  world.source->meanwhile = [&] { both_started.wait(); };
  std::string other;
  {
    const std::jthread thread([&] {
      both_started.count_down();
      other = world.key();
    });
    both_started.count_down();
    EXPECT_EQ(world.key(), "unauthorized");
  }
  EXPECT_EQ(other, "unauthorized");
}

TEST(ClientOptions, FollowTheVariablesOfAwsTools) {
  const Variables variables{{"AWS_DEFAULT_REGION", "us-west-2"},
                            {"AWS_ENDPOINT_URL", "http://127.0.0.1:5555"},
                            {"AWS_ENDPOINT_URL_SECRETS_MANAGER", "https://sm.example"},
                            {"HTTPS_PROXY", "http://proxy:3128"},
                            {"no_proxy", "near.example"},
                            {"AWS_CA_BUNDLE", "/ca.pem"}};
  auto options = client_options(environment_of(variables));
  EXPECT_EQ(options.region, "us-west-2");
  EXPECT_EQ(options.http.proxy, "http://proxy:3128");
  EXPECT_EQ(options.http.no_proxy, "near.example,127.0.0.1");
  EXPECT_EQ(options.http.ca_file, "/ca.pem");
  EXPECT_EQ(endpoint_of(Service::sqs, "us-west-2", options.endpoints)->url.port, 5555);
  EXPECT_EQ(endpoint_of(Service::secretsmanager, "us-west-2", options.endpoints)->url.host,
            "sm.example");
  auto ignoring = variables;
  ignoring["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] = "true";
  ignoring["AWS_REGION"] = "eu-north-1";
  options = client_options(environment_of(ignoring));
  EXPECT_TRUE(options.endpoints.empty());
  EXPECT_EQ(options.region, "eu-north-1");
}

TEST(Endpoints, AreNamedByServiceRegionAndPartition) {
  const auto host = [](Service service, std::string_view region) {
    const auto endpoint = endpoint_of(service, region, {});
    return endpoint ? endpoint->url.scheme + "://" + endpoint->url.host : "none";
  };
  EXPECT_EQ(host(Service::sqs, "us-east-1"), "https://sqs.us-east-1.amazonaws.com");
  EXPECT_EQ(host(Service::secretsmanager, "eu-central-1"),
            "https://secretsmanager.eu-central-1.amazonaws.com");
  EXPECT_EQ(host(Service::ec2, "cn-north-1"), "https://ec2.cn-north-1.amazonaws.com.cn");
  EXPECT_EQ(host(Service::sts, "us-gov-west-1"), "https://sts.us-gov-west-1.amazonaws.com");
  EXPECT_EQ(host(Service::s3, "us-iso-east-1"), "https://s3.us-iso-east-1.c2s.ic.gov");
  EXPECT_EQ(host(Service::servicequotas, "eu-west-1"),
            "https://servicequotas.eu-west-1.amazonaws.com");
  EXPECT_EQ(host(Service::iam, "eu-west-1"), "https://iam.amazonaws.com");
  EXPECT_EQ(host(Service::iam, "cn-northwest-1"), "https://iam.cn-north-1.amazonaws.com.cn");
  for (const auto* region : {"", "evil.example/", "a b", "US-EAST-1", "x@y"}) {
    EXPECT_EQ(host(Service::s3, region), "none") << region;
  }
  const auto bad = endpoint_of(Service::sqs, "us-east-1", {{"sqs", "localhost:99"}});
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().fault, Fault::invalid);
}

}  // namespace
}  // namespace jitney::aws
