// SPDX-License-Identifier: Apache-2.0
// What a person sees of the demo: on a terminal a table that is redrawn, elsewhere one line a
// change. One thread.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <ostream>
#include <string>
#include <vector>

#include "core/time.hpp"

namespace jitney::app {

struct DemoJob {
  std::int64_t id = 0;
  std::string name;
  std::string pool;
  std::string status;      // GitHub's word
  std::string conclusion;  // once completed
  std::string runner;
  core::Duration wait{};  // from queued to started, so far
};

struct DemoPool {
  std::string name;
  int booting = 0;  // runners on their way
  int live = 0;
  int max = 0;
};

class DemoScreen {
 public:
  // `redraw`: the stream is a terminal that understands cursor movement; `width` in columns.
  DemoScreen(std::ostream& out, bool redraw, int width)
      : out_(out), redraw_(redraw), width_(width) {}

  void show(const std::vector<DemoJob>& jobs, const std::vector<DemoPool>& pools,
            core::Duration elapsed);

 private:
  [[nodiscard]] std::vector<std::string> table(const std::vector<DemoJob>& jobs,
                                               const std::vector<DemoPool>& pools,
                                               core::Duration elapsed) const;
  std::ostream& out_;
  bool redraw_;
  int width_;
  std::size_t drawn_ = 0;                      // lines to go back
  std::map<std::int64_t, std::string> known_;  // job -> what was said of it last
  std::deque<std::string> recent_;
};

std::string in_seconds(core::Duration duration);  // "1.3s"

// The p-th percentile (nearest rank) of what has been waited; zero when there is none.
core::Duration percentile(std::vector<core::Duration> waits, int p);

}  // namespace jitney::app
