// SPDX-License-Identifier: Apache-2.0
// What the built program says of a configuration, and of the secrets that it names.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <tuple>

#include "apps/jitney/cli_world_test.hpp"
#include "net/json.hpp"
#include "tests/fakes/temporary_directory.hpp"

namespace jitney::app {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr const char* kTwoMistakes =
    "[[github]]\nurl = \"https://github.com/acme\"\ntoken = { env = \"NO_SUCH_TOKEN\" }\n"
    "webhook_secret = { env = \"NO_SUCH_SECRET\" }\n[process]\nrunner_dir = \"/r\"\n"
    "[[pool]]\nname = \"linux\"\nmaximum = 3\nwarm = \"one\"\n";

class CliConfig : public ::testing::Test {
 protected:
  void write(const std::string& text) const { std::ofstream(config_) << text; }
  Ran jitney(std::vector<std::string> arguments) const {
    arguments.insert(arguments.end(), {"--config", config_});
    return run_jitney(std::move(arguments));
  }

  fakes::TemporaryDirectory directory_;
  std::string config_ = directory_.path() + "/jitney.toml";
};

// A configuration of which this machine has all, but for what is wrong with the secrets.
TEST_F(CliConfig, ConfigCheckFailsOverSecretsThatTheServerRefusesOrOthersRead) {
  const std::string token = directory_.path() + "/token";
  const std::string listener = directory_.path() + "/runner/bin/Runner.Listener";
  std::filesystem::create_directories(directory_.path() + "/runner/bin");
  std::ofstream(listener) << "";
  chmod(listener.c_str(), 0700);
  write("ingress = \"poll\"\n[[github]]\nurl = \"https://github.com/acme\"\ntoken = { file = \"" +
        token + "\" }\n[process]\nrunner_dir = \"" + directory_.path() + "/runner\"\n" +
        (geteuid() == 0 ? "runner_user = \"nobody\"\n" : "") + "[[pool]]\nname = \"linux\"\n");
  const auto check = [&](const std::string& text, mode_t mode) {
    std::ofstream(token) << text;
    chmod(token.c_str(), mode);
    const Ran ran = jitney({"config", "check", "-o", "json"});
    const auto value = net::parse_json(ran.out);
    EXPECT_TRUE(value) << ran.out << ran.err;
    if (!value) return std::tuple(-1, false, std::size_t{0}, std::size_t{0});
    EXPECT_THAT(ran.out, Not(HasSubstr("MARKED")));
    return std::tuple(ran.status, value->at("ok").as_bool(),
                      value->at("unusable_secrets").as_array().size(),
                      value->at("exposed_secrets").as_array().size());
  };
  EXPECT_EQ(check("MARKED\n", 0600), std::tuple(0, true, 0U, 0U));
  EXPECT_EQ(check("MARKED\n", 0644), std::tuple(1, false, 0U, 1U));
  EXPECT_EQ(check("MARKED two\n", 0600), std::tuple(1, false, 1U, 0U));
  EXPECT_THAT(jitney({"config", "check"}).out,
              AllOf(HasSubstr("is well written"),
                    HasSubstr("Secrets that are not what they must "
                              "be:\n  "),
                    HasSubstr("white space")));
}

// What reads the server's log reads why it did not start, too.
TEST_F(CliConfig, ServeTellsMistakesAsLogLines) {
  write(kTwoMistakes);
  const Ran ran = jitney({"serve"});
  EXPECT_EQ(ran.status, 78);
  std::istringstream lines(ran.err);
  std::vector<std::string> errors;
  for (std::string line; std::getline(lines, line);) {
    const auto value = net::parse_json(line);
    ASSERT_TRUE(value) << line;
    EXPECT_EQ(value->at("level"), "error");
    EXPECT_EQ(value->at("msg"), "cannot start");
    EXPECT_EQ(value->at("fault"), "invalid");
    errors.emplace_back(value->at("error").as_string());
  }
  EXPECT_THAT(errors, testing::ElementsAre(StartsWith(config_ + ":9:1: \"maximum\""),
                                           StartsWith(config_ + ":10:8: warm is a string")));
  const Ran missing = run_jitney({"serve", "--config", "/nonexistent/jitney.toml"});
  EXPECT_EQ(missing.status, 78);
  const auto told = net::parse_json(missing.err);
  ASSERT_TRUE(told) << missing.err;
  EXPECT_EQ(told->at("fault"), "not_found");
}

TEST_F(CliConfig, ServeTellsMistakesAsTextOnATerminal) {
  write(kTwoMistakes);
  const int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  ASSERT_GE(terminal, 0);
  ASSERT_EQ(grantpt(terminal), 0);
  ASSERT_EQ(unlockpt(terminal), 0);
  const std::string name = ptsname(terminal);
  // Held open: what was written stays to be read when the program has ended.
  const int held = open(name.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC);
  ASSERT_GE(held, 0);
  const int status = std::system(
      (std::string(JITNEY_BINARY) + " serve --config " + config_ + " 2> " + name).c_str());
  EXPECT_EQ(WEXITSTATUS(status), 78);
  ASSERT_EQ(fcntl(terminal, F_SETFL, O_NONBLOCK), 0);
  const std::string shown = drain(terminal);
  close(held);
  EXPECT_THAT(shown, AllOf(StartsWith("jitney: the configuration has mistakes:"),
                           HasSubstr("\n" + config_ + ":9:1: \"maximum\"")));
}

}  // namespace
}  // namespace jitney::app
