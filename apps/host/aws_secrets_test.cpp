// SPDX-License-Identifier: Apache-2.0
#include "apps/host/aws_secrets.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include "aws/scripted_test.hpp"

namespace jitney::app {
namespace {

using Kind = SecretRef::Kind;
using core::Fault;

struct World {
  aws::ScriptedAws aws;
  aws::Client client{aws.options(), aws::fixed_credentials(aws::test_keys())};
  LoadSecret load = secret_loader(client);

  std::string value(Kind kind, const std::string& name) {
    const auto secret = load({kind, name, "t.toml:1:1"});
    EXPECT_TRUE(secret) << secret.error().what;
    return secret ? std::string(secret->reveal()) : "";
  }
  core::Error error(Kind kind, const std::string& name) {
    const auto secret = load({kind, name, "t.toml:1:1"});
    EXPECT_FALSE(secret);
    return secret ? core::Error{} : secret.error();
  }
};

TEST(AwsSecrets, AreReadFromSecretsManagerAndParameterStore) {
  World world;
  world.aws.then(aws::answer(200, R"({"Name":"a","SecretString":"one\n"})"));
  world.aws.then(aws::answer(200, R"({"Name":"b","SecretBinary":"dHdv"})"));
  world.aws.then(aws::answer(200, R"({"Parameter":{"Name":"/c","Value":"three"}})"));
  EXPECT_EQ(world.value(Kind::secret, "a"), "one");
  EXPECT_EQ(world.value(Kind::secret, "b"), "two");
  EXPECT_EQ(world.value(Kind::parameter, "/c"), "three");
  const auto asked = world.aws.asked();
  EXPECT_EQ(asked[0].headers.get("X-Amz-Target"), "secretsmanager.GetSecretValue");
  EXPECT_EQ(asked[0].body, R"({"SecretId":"a"})");
  EXPECT_EQ(asked[2].headers.get("X-Amz-Target"), "AmazonSSM.GetParameter");
  EXPECT_EQ(asked[2].body, R"({"Name":"/c","WithDecryption":true})");
}

TEST(AwsSecrets, OthersAreReadFromThisMachine) {
  World world;
  setenv("JITNEY_TEST_SECRET", "here", 1);
  EXPECT_EQ(world.value(Kind::environment, "JITNEY_TEST_SECRET"), "here");
  EXPECT_EQ(world.aws.calls(), 0U);
}

TEST(AwsSecrets, OfAConfigurationAreReadWithTheCredentialsOfThisProcess) {
  aws::ScriptedAws aws;
  aws.then(aws::answer(200, R"({"Name":"a","SecretString":"one"})"));
  setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE", 1);
  setenv("AWS_SECRET_ACCESS_KEY", "not-so-secret", 1);
  Config config;
  config.aws.region = "eu-west-1";
  config.aws.endpoint_url = aws.url();
  const auto secret = secret_loader(config)({Kind::secret, "a", "t.toml:1:1"});
  ASSERT_TRUE(secret) << secret.error().what;
  EXPECT_EQ(secret->reveal(), "one");
  ASSERT_EQ(aws.calls(), 1U);
  EXPECT_NE(aws.asked()[0].headers.get("Authorization")->find("AKIDEXAMPLE"), std::string::npos);
}

TEST(AwsSecrets, WithoutARegionTheTextSaysSo) {
  for (const char* name : {"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"}) unsetenv(name);
  setenv("AWS_CONFIG_FILE", "/nonexistent", 1);
  Config config;
  const auto secret = secret_loader(config)({Kind::secret, "a", "t.toml:1:1"});
  ASSERT_FALSE(secret);
  EXPECT_EQ(secret.error().fault, Fault::unauthorized);
  EXPECT_NE(secret.error().what.find("set AWS_REGION"), std::string::npos) << secret.error().what;
}

TEST(AwsSecrets, MissingOnesAreNamedWithTheirPlace) {
  World world;
  world.aws.then(aws::refusal(400, "ResourceNotFoundException"));
  world.aws.then(aws::refusal(400, "AccessDeniedException"));
  world.aws.then(aws::answer(200, R"({"Name":"a","SecretString":""})"));
  world.aws.then(aws::answer(200, "{}"));
  const auto missing = world.error(Kind::secret, "acme/token");
  EXPECT_EQ(missing.fault, Fault::unauthorized);
  EXPECT_EQ(missing.what.find("t.toml:1:1: the AWS secret acme/token cannot be read: "
                              "secretsmanager GetSecretValue: ResourceNotFoundException"),
            0U)
      << missing.what;
  EXPECT_EQ(world.error(Kind::secret, "acme/token").fault, Fault::unauthorized);
  EXPECT_EQ(world.error(Kind::secret, "acme/token").what,
            "t.toml:1:1: the AWS secret acme/token is empty");
  EXPECT_EQ(world.error(Kind::parameter, "/a").fault, Fault::unauthorized);
}

TEST(AwsSecrets, AnOutageIsNoMissingSecret) {
  World world;
  world.aws.otherwise(aws::answer(500, ""));
  EXPECT_EQ(world.error(Kind::secret, "a").fault, Fault::transient);
}

}  // namespace
}  // namespace jitney::app
