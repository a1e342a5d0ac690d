// SPDX-License-Identifier: Apache-2.0
#include "local/runner_log.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <vector>

#include "tests/fakes/temporary_directory.hpp"

namespace jitney::local {
namespace {

const std::string kJit = "eyIucnVubmVyIjoiZXlKQloyVnVkRWxrSWpveGZRPT0ifQ==";

// What stands in the log after these writes, each taken before the next.
std::string logged(const std::vector<std::string>& prints, std::int64_t max_bytes = 1'000'000) {
  const fakes::TemporaryDirectory directory;
  const std::string path = directory.path() + "/log";
  int ends[2];
  EXPECT_EQ(::pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
  RunnerLog log;
  EXPECT_TRUE(log.open(path, max_bytes, core::Secret(kJit)));
  for (const std::string& print : prints) {
    EXPECT_EQ(::write(ends[1], print.data(), print.size()), static_cast<ssize_t>(print.size()));
    EXPECT_TRUE(log.take(ends[0]));
  }
  ::close(ends[1]);
  EXPECT_FALSE(log.take(ends[0]));
  ::close(ends[0]);
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

TEST(RunnerLog, KeepsWhatIsPrinted) {
  EXPECT_EQ(logged({"Listening", " for Jobs\n", "e", "y", "I am here\n", "e"}),
            "Listening for Jobs\neyI am here\ne");
}

TEST(RunnerLog, PutsStarsForTheConfiguration) {
  EXPECT_EQ(logged({"A=" + kJit + "\nB=" + kJit + kJit + "\n"}), "A=***\nB=******\n");
}

TEST(RunnerLog, FindsAConfigurationThatComesInPieces) {
  for (std::size_t cut = 1; cut < kJit.size(); ++cut) {
    EXPECT_EQ(logged({"A=ey" + kJit.substr(0, cut), kJit.substr(cut) + "\n"}), "A=ey***\n") << cut;
  }
}

TEST(RunnerLog, PutsStarsForAConfigurationThatIsCutOff) {
  EXPECT_EQ(logged({"A=" + kJit.substr(0, 30)}), "A=***");
}

TEST(RunnerLog, DropsWhatIsTooMuchAndSaysSo) {
  EXPECT_EQ(logged({"12345", "67890", "more"}, 8),
            "12345678\n[jitney: the log is full; the rest is lost]\n");
}

}  // namespace
}  // namespace jitney::local
