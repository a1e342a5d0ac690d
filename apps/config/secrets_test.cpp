// SPDX-License-Identifier: Apache-2.0
#include "apps/config/secrets.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "apps/config/config.hpp"

namespace jitney::app {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Kind = SecretRef::Kind;

class Secrets : public ::testing::Test {
 protected:
  Secrets() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "jitney-secrets-XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
  }
  ~Secrets() override {
    std::filesystem::remove_all(directory_);
    unsetenv("CREDENTIALS_DIRECTORY");
    unsetenv("JITNEY_TEST_SECRET");
  }

  std::string write(const std::string& name, const std::string& text, mode_t mode = 0600) {
    const std::string path = directory_ + "/" + name;
    std::ofstream(path, std::ios::binary) << text;
    chmod(path.c_str(), mode);
    return path;
  }
  static std::string value(const SecretRef& reference) {
    auto secret = load_secret(reference);
    EXPECT_TRUE(secret) << secret.error().what;
    return secret ? std::string(secret->reveal()) : "";
  }
  static std::string why_not(const SecretRef& reference) {
    auto secret = load_secret(reference);
    EXPECT_FALSE(secret);
    if (secret) return "";
    EXPECT_EQ(secret.error().fault, core::Fault::unauthorized);
    EXPECT_THAT(secret.error().what, ::testing::StartsWith("t.toml:1:1: the secret in the "));
    return secret.error().what;
  }

  std::string directory_;
};

TEST_F(Secrets, ComeFromEnvironmentFilesAndCredentials) {
  setenv("JITNEY_TEST_SECRET", "one", 1);
  setenv("CREDENTIALS_DIRECTORY", directory_.c_str(), 1);
  write("cred", "three");
  EXPECT_EQ(value({Kind::environment, "JITNEY_TEST_SECRET", "t.toml:1:1"}), "one");
  EXPECT_EQ(value({Kind::file, write("file", "two\n"), "t.toml:1:1"}), "two");
  EXPECT_EQ(value({Kind::credential, "cred", "t.toml:1:1"}), "three");
}

TEST_F(Secrets, OnlyTheLastNewlineIsCutOff) {
  EXPECT_EQ(value({Kind::file, write("pem", "-----\nx\n-----\n\n"), "t.toml:1:1"}),
            "-----\nx\n-----\n");
}

TEST_F(Secrets, MissingOnesAreNamedWithTheirPlace) {
  EXPECT_THAT(why_not({Kind::environment, "JITNEY_TEST_SECRET", "t.toml:1:1"}),
              HasSubstr("environment variable JITNEY_TEST_SECRET is not there"));
  EXPECT_THAT(why_not({Kind::file, directory_ + "/none", "t.toml:1:1"}),
              HasSubstr("/none: No such file or directory"));
  EXPECT_THAT(why_not({Kind::credential, "cred", "t.toml:1:1"}), HasSubstr("LoadCredential=cred:"));
  EXPECT_THAT(why_not({Kind::file, directory_, "t.toml:1:1"}), HasSubstr("not a regular file"));
  EXPECT_THAT(why_not({Kind::file, write("empty", "\n"), "t.toml:1:1"}), HasSubstr("is empty"));
  EXPECT_THAT(why_not({Kind::file, write("large", std::string(70'000, 'x')), "t.toml:1:1"}),
              HasSubstr("longer than 64 KiB"));
}

TEST_F(Secrets, WhatAwsKeepsIsNotReadHere) {
  for (const Kind kind : {Kind::secret, Kind::parameter}) {
    const auto secret = load_secret({kind, "acme/token", "t.toml:1:1"});
    ASSERT_FALSE(secret);
    EXPECT_EQ(secret.error().fault, core::Fault::invalid);
    EXPECT_THAT(secret.error().what, HasSubstr("acme/token is kept by AWS"));
  }
}

TEST_F(Secrets, AFifoDoesNotHangTheStart) {
  const std::string path = directory_ + "/fifo";
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  EXPECT_THAT(why_not({Kind::file, path, "t.toml:1:1"}), HasSubstr("not a regular file"));
}

TEST_F(Secrets, FilesThatOthersCanReadArePointedOut) {
  EXPECT_EQ(exposure({Kind::file, write("closed", "s3cret"), "t.toml:1:1"}), std::nullopt);
  EXPECT_EQ(exposure({Kind::file, write("group", "s3cret", 0640), "t.toml:1:1"}), std::nullopt);
  const auto told = exposure({Kind::file, write("open", "s3cret", 0644), "t.toml:1:1"});
  ASSERT_TRUE(told);
  EXPECT_THAT(*told, HasSubstr("open to every user"));
  EXPECT_THAT(*told, HasSubstr("chmod 600 " + directory_ + "/open"));
  EXPECT_THAT(*told, Not(HasSubstr("s3cret")));
}

TEST_F(Secrets, AreTriedAsTheServerTriesThem) {
  const auto problems = [&](const std::string& credentials, const std::string& text) {
    const std::string path = write("tried", text);
    const auto config =
        parse_config("ingress = \"poll\"\n[[github]]\nurl = \"https://github.com/a\"\n" +
                         credentials + " = { file = \"" + path +
                         "\" }\n[[pool]]\nname = \"p\"\n[pool.process]\nrunner_dir = \"/r\"\n",
                     "t.toml");
    EXPECT_TRUE(config) << config.error().what;
    return config ? check_secrets(*config).unusable : std::vector<std::string>{};
  };
  const std::string app = "client_id = \"Iv23\"\ninstallation_id = 1\nprivate_key";
  const std::string proxy = "token = { env = \"JITNEY_TEST_SECRET\" }\nproxy";
  for (const auto& [credentials, text, why] :
       std::vector<std::array<std::string, 3>>{{app, "MARKED, no key", "no RSA key in PEM form"},
                                               {"token", "MARKED token", "white space"},
                                               {"token", "MARKED\n\n", "white space"},
                                               {proxy, "MARKED:1", "http://[user:password@]"}}) {
    const std::vector<std::string> told = problems(credentials, text);
    ASSERT_EQ(told.size(), 1U) << text;
    EXPECT_THAT(told[0],
                HasSubstr("the secret in the file " + directory_ + "/tried cannot be used"));
    EXPECT_THAT(told[0], ::testing::AllOf(::testing::StartsWith("t.toml:"), HasSubstr(why),
                                          Not(HasSubstr("MARKED"))));
  }
  EXPECT_THAT(problems("token", "one-word\n"), ::testing::IsEmpty());
  EXPECT_THAT(problems(proxy, "http://me:word@proxy.example:3128\n"), ::testing::IsEmpty());
}

TEST_F(Secrets, AreCheckedForAWholeConfiguration) {
  const std::string open = write("open", "s3cret", 0644);
  const auto config = parse_config(
      "[[github]]\nurl = \"https://github.com/a\"\ntoken = { file = \"" + open +
          "\" }\nwebhook_secret = [{ env = \"JITNEY_TEST_SECRET\" }, { file = \"" + open +
          "\" }]\n[[pool]]\nname = \"p\"\n[pool.process]\nrunner_dir = \"/r\"\n",
      "t.toml");
  ASSERT_TRUE(config) << config.error().what;
  const SecretProblems problems = check_secrets(*config);
  ASSERT_EQ(problems.missing.size(), 1U);
  EXPECT_THAT(problems.missing[0], HasSubstr("t.toml:4:19"));
  EXPECT_EQ(problems.exposed.size(), 2U);
}

}  // namespace
}  // namespace jitney::app
