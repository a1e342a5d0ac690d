// SPDX-License-Identifier: Apache-2.0
// doctor.
#include <unistd.h>

#include <cstdio>

#include <boost/json/object.hpp>

#include "apps/doctor/doctor.hpp"
#include "apps/host/aws_secrets.hpp"
#include "apps/jitney/commands.hpp"
#include "apps/jitney/report.hpp"
#include "local/system_clock.hpp"
#include "net/log.hpp"

namespace jitney::app {

namespace {

namespace json = boost::json;

// What is waited for, on a terminal's last line; it is gone when the answer comes.
class Progress {
 public:
  explicit Progress(bool shown) : shown_(shown) {}
  ~Progress() { clear(); }
  void say(const std::string& what) {
    if (!shown_) return;
    clear();
    std::fprintf(stderr, "looking at %s ...", printable(what).c_str());
    std::fflush(stderr);
    said_ = true;
  }
  void clear() {
    if (!said_) return;
    std::fputs("\r\033[K", stderr);
    std::fflush(stderr);
    said_ = false;
  }

 private:
  const bool shown_;
  bool said_ = false;
};

}  // namespace

int doctor(const Asked& asked) {
  // What calls log is told by the findings, in better words.
  net::set_log_level(net::LogLevel::error);
  local::SystemClock clock;
  const std::vector<Look> looks = looks_of(asked.config, secret_loader(asked.config), clock);
  std::vector<Area> areas;
  bool printed = true;
  Progress progress(!asked.json && isatty(STDERR_FILENO) == 1);
  examine(
      looks, [&](const std::string& title) { progress.say(title); },
      [&](const Area& area) {
        progress.clear();
        if (!asked.json) {
          printed &= print((areas.empty() ? "" : "\n") + section_text(area, asked.screen));
        }
        areas.push_back(area);
      });
  if (asked.json) {
    printed =
        print_json(json::object{{"ok", !any_failed(areas)}, {"checks", sections_json(areas)}});
  } else {
    printed &= print("\n" + tally_text(areas, asked.screen));
  }
  if (!printed) return answered(false);
  return any_failed(areas) ? kFailed : kOk;
}

}  // namespace jitney::app
