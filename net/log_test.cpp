// SPDX-License-Identifier: Apache-2.0
#include "net/log.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <concepts>
#include <sstream>
#include <thread>
#include <vector>

#include "core/secret.hpp"
#include "net/json.hpp"
#include "net/rfc3339.hpp"

namespace jitney::net {
namespace {

template <class Speak>
std::vector<std::string> lines_of(Speak speak) {
  testing::internal::CaptureStderr();
  speak();
  std::istringstream text(testing::internal::GetCapturedStderr());
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  return lines;
}

boost::json::value only_line(const std::vector<std::string>& lines) {
  EXPECT_EQ(lines.size(), 1U);
  auto value = parse_json(lines.empty() ? "null" : lines.front());
  EXPECT_TRUE(value) << lines.front();
  return value ? *value : nullptr;
}

TEST(Log, WritesOneJsonObjectALine) {
  const auto line = only_line(lines_of([] {
    log(LogLevel::warning, "job queued",
        {{"job", 17},
         {"pool", "template_cpu"},
         {"ok", true},
         {"load", 0.5},
         {"odd", std::nan("")}});
  }));
  EXPECT_EQ(get_string(line, "level"), "warning");
  EXPECT_EQ(get_string(line, "msg"), "job queued");
  EXPECT_EQ(get_int(line, "job"), 17);
  EXPECT_EQ(get_string(line, "pool"), "template_cpu");
  EXPECT_EQ(get_bool(line, "ok"), true);
  ASSERT_NE(get_value(line, "load"), nullptr);
  EXPECT_EQ(get_value(line, "load")->as_double(), 0.5);
  ASSERT_NE(get_value(line, "odd"), nullptr);
  EXPECT_TRUE(get_value(line, "odd")->is_null());
  const auto written = parse_rfc3339(get_string_or(line, "ts", ""));
  ASSERT_TRUE(written);
  const auto age = std::chrono::system_clock::now() - *written;
  EXPECT_LT(std::chrono::abs(age), std::chrono::minutes(1));
  EXPECT_EQ(get_string_or(line, "ts", "").size(), 24U);
}

TEST(Log, EscapesWhatOthersPutIntoFields) {
  const std::string hostile = "a\"b\\c\nd\re\tf" + std::string(1, '\0') + "\x1b[31m\x7f";
  const auto lines = lines_of([&] { log(LogLevel::info, hostile, {{hostile, hostile}}); });
  const auto line = only_line(lines);
  EXPECT_EQ(get_string(line, "msg"), hostile);
  EXPECT_EQ(get_string(line, hostile), hostile);
  for (const char c : lines.front()) EXPECT_TRUE(c >= 0x20 && c < 0x7f);
}

TEST(Log, KeepsUtf8AndReplacesWhatIsNone) {
  const std::string good = "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x9a\x90 \xed\x9f\xbf \xf4\x8f\xbf\xbf";
  const auto kept = only_line(lines_of([&] { log(LogLevel::info, good); }));
  EXPECT_EQ(get_string(kept, "msg"), good);
  for (const char* bad : {"\xff", "\xc3", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xe2\x82",
                          "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\x80"}) {
    const auto line = only_line(lines_of([&] { log(LogLevel::info, bad); }));
    const auto text = get_string_or(line, "msg", "");
    EXPECT_TRUE(text.starts_with("\xef\xbf\xbd")) << text;
  }
}

TEST(Log, LeavesOutWhatIsBelowTheLevel) {
  EXPECT_TRUE(lines_of([] { log(LogLevel::debug, "no"); }).empty());
  set_log_level(LogLevel::debug);
  EXPECT_EQ(lines_of([] { log(LogLevel::debug, "yes"); }).size(), 1U);
  set_log_level(LogLevel::error);
  EXPECT_TRUE(lines_of([] { log(LogLevel::warning, "no"); }).empty());
  set_log_level(LogLevel::info);
}

TEST(Log, DoesNotMixLinesOfSeveralThreads) {
  const auto lines = lines_of([] {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([t] {
        for (int i = 0; i < 200; ++i) log(LogLevel::info, std::string(300, 'x'), {{"t", t}});
      });
    }
  });
  EXPECT_EQ(lines.size(), 800U);
  for (const auto& line : lines) EXPECT_TRUE(parse_json(line)) << line;
}

// Secrets do not even compile as values.
static_assert(!std::constructible_from<LogField, std::string_view, core::Secret>);

}  // namespace
}  // namespace jitney::net
