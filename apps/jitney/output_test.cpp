// SPDX-License-Identifier: Apache-2.0
#include "apps/jitney/output.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace jitney::app {
namespace {

using namespace std::chrono_literals;

Table sample() {
  Table table({{"ID"}, {"STATUS"}, {"NAME", 6}});
  table.add({{"1"}, {"queued", Paint::waiting}, {"a rather long name of a job"}});
  table.add({{"1234567"}, {""}, {""}});
  return table;
}

TEST(Output, TablesAlignAndEndWithoutBlanks) {
  EXPECT_EQ(sample().text({}),
            "ID       STATUS  NAME\n"
            "1        queued  a rather long name of a job\n"
            "1234567\n");
}

TEST(Output, TheLastColumnIsWrappedUnderItself) {
  EXPECT_EQ(sample().text({.width = 27}),
            "ID       STATUS  NAME\n"
            "1        queued  a rather\n"
            "                 long name\n"
            "                 of a job\n"
            "1234567\n");
  // Too narrow for what may not be cut: numbers stay whole.
  EXPECT_NE(sample().text({.width = 5}).find("1234567"), std::string::npos);
}

TEST(Output, OtherColumnsAreCutToFitTheScreen) {
  Table table({{"NAME", 6}, {"ID"}});
  table.add({{"a rather long name"}, {"1"}});
  EXPECT_EQ(table.text({.width = 13}),
            "NAME       ID\n"
            "a rather…  1\n");
}

TEST(Output, TheLastColumnGivesWayFirstAsLongAsItCanBeRead) {
  Table table({{"OF", 6}, {"WHAT", 10}});
  table.add({{"runner:linux-12"}, {"one two three four five six seven"}});
  EXPECT_EQ(table.text({.width = 37}),
            "OF               WHAT\n"
            "runner:linux-12  one two three four\n"
            "                 five six seven\n");
  EXPECT_EQ(table.text({.width = 31}),
            "OF         WHAT\n"
            "runner:l…  one two three four\n"
            "           five six seven\n");
  EXPECT_EQ(table.text({.width = 19}),
            "OF      WHAT\n"
            "runne…  one two\n"
            "        three four\n"
            "        five six\n"
            "        seven\n");
}

TEST(Output, WordsWiderThanTheLastColumnAreBroken) {
  Table table({{"A"}, {"B", 4}});
  table.add({{"x"}, {"to /a/löng/path"}});
  EXPECT_EQ(table.text({.width = 8}),
            "A  B\n"
            "x  to\n"
            "   /a/lö\n"
            "   ng/pa\n"
            "   th\n");
}

TEST(Output, ATableOfOneColumnIsWrappedToo) {
  Table table({{"B", 3}});
  table.add({{" one  two"}});
  EXPECT_EQ(table.text({.width = 5}), "B\none\ntwo\n");
}

TEST(Output, EveryLineOfAWrappedCellHasItsColour) {
  Table table({{"A"}, {"B", 3}});
  table.add({{"x"}, {"one two", Paint::bad}});
  EXPECT_EQ(table.text({.width = 6, .colour = true}),
            "\033[2mA\033[0m  \033[2mB\033[0m\n"
            "x  \033[31mone\033[0m\n"
            "   \033[31mtwo\033[0m\n");
}

TEST(Output, ColourDoesNotMoveColumns) {
  Table table({{"A"}, {"B"}});
  table.add({{"x", Paint::good}, {"y"}});
  table.add({{"wide"}, {"z"}});
  EXPECT_EQ(table.text({.width = 0, .colour = true}),
            "\033[2mA\033[0m     \033[2mB\033[0m\n"
            "\033[32mx\033[0m     y\n"
            "wide  z\n");
}

TEST(Output, ColumnsCountCharactersNotBytes) {
  Table table({{"N"}, {"X"}});
  table.add({{"é"}, {"1"}});
  table.add({{"ab"}, {"2"}});
  EXPECT_EQ(table.text({}), "N   X\né   1\nab  2\n");
}

TEST(Output, StrangersCannotSteerTheTerminal) {
  EXPECT_EQ(printable("a\033[2Jb\nc\td\x7f"), "a?[2Jb?c?d?");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m"),
            "?31m");  // C1 control sequence introducer
  EXPECT_EQ(printable("\xff\xc3(\xe2\x82"),
            "?"
            "?(?"
            "?");                                         // no UTF-8
  EXPECT_EQ(printable("\xc0\xaf\xed\xa0\x80"), "?????");  // overlong, surrogate
  EXPECT_EQ(printable("x\u202Ey"), "x?y");                // would show what follows backwards
  EXPECT_EQ(printable("Prüfung ✓ 😀"), "Prüfung ✓ 😀");
  Table table({{"A"}});
  table.add({{"x\033]0;title\007"}});
  EXPECT_EQ(table.text({}).find('\033'), std::string::npos);
}

TEST(Output, AgesAreForPeople) {
  const core::Time now{1000h};
  EXPECT_EQ(age(core::Time{}, now), "-");
  EXPECT_EQ(age(now - 200s, now), "3m 20s");
  EXPECT_EQ(age(now + 5s, now), "0ms");  // GitHub's clock is ahead of ours
}

TEST(Output, WrapsAtBlanks) {
  EXPECT_EQ(wrapped("one two three", {.width = 7}), "one two\nthree");
  EXPECT_EQ(wrapped("one two three", {}), "one two three");
  EXPECT_EQ(wrapped("", {.width = 7}), "");
}

// A pseudo terminal of the width `columns`.
class Terminal {
 public:
  explicit Terminal(unsigned short columns) : master_(posix_openpt(O_RDWR | O_NOCTTY)) {
    grantpt(master_);
    unlockpt(master_);
    slave_ = open(ptsname(master_), O_RDWR | O_NOCTTY);
    winsize size{};
    size.ws_col = columns;
    ioctl(slave_, TIOCSWINSZ, &size);
  }
  ~Terminal() {
    close(slave_);
    close(master_);
  }
  [[nodiscard]] int fd() const { return slave_; }

 private:
  int master_;
  int slave_ = -1;
};

class OutputScreen : public ::testing::Test {
 protected:
  void SetUp() override {
    unsetenv("NO_COLOR");
    unsetenv("COLUMNS");
    setenv("TERM", "xterm", 1);
  }
  void TearDown() override { SetUp(); }
};

TEST_F(OutputScreen, NoTerminalMeansNoColourAndNoCutting) {
  const int null = open("/dev/null", O_WRONLY);
  const Screen screen = screen_of(null);
  close(null);
  EXPECT_EQ(screen.width, 0);
  EXPECT_FALSE(screen.colour);
}

TEST_F(OutputScreen, TerminalsGiveTheirWidthAndColour) {
  const Terminal terminal(93);
  ASSERT_GE(terminal.fd(), 0);
  EXPECT_EQ(screen_of(terminal.fd()).width, 93);
  EXPECT_TRUE(screen_of(terminal.fd()).colour);
  setenv("COLUMNS", "50", 1);
  EXPECT_EQ(screen_of(terminal.fd()).width, 50);
}

TEST_F(OutputScreen, NoColorAndDumbTerminalsAreHonoured) {
  const Terminal terminal(80);
  ASSERT_GE(terminal.fd(), 0);
  setenv("NO_COLOR", "1", 1);
  EXPECT_FALSE(screen_of(terminal.fd()).colour);
  setenv("NO_COLOR", "", 1);  // empty means unset: https://no-color.org
  EXPECT_TRUE(screen_of(terminal.fd()).colour);
  setenv("TERM", "dumb", 1);
  EXPECT_FALSE(screen_of(terminal.fd()).colour);
}

}  // namespace
}  // namespace jitney::app
