// SPDX-License-Identifier: Apache-2.0
#include "apps/jitney/demo_screen.hpp"

#include <algorithm>
#include <cstdio>

namespace jitney::app {

namespace {

constexpr std::size_t kRecent = 8;
constexpr int kBar = 40;

std::string left(std::string text, std::size_t width) {
  if (text.size() < width) text.resize(width, ' ');
  return text;
}
std::string right(const std::string& text, std::size_t width) {
  return text.size() < width ? std::string(width - text.size(), ' ') + text : text;
}
std::string right(int number, std::size_t width) { return right(std::to_string(number), width); }

std::string line_of(const DemoJob& job, core::Duration elapsed) {
  std::string line = right(in_seconds(elapsed), 7) + "  " + left(job.name, 18) + " ";
  if (job.status == "completed") {
    line += "completed: " + job.conclusion;
  } else if (job.status == "in_progress") {
    line += "runs on " + job.runner + " after waiting " + in_seconds(job.wait);
  } else {
    line += job.status + " for " + job.pool;
  }
  return line;
}

std::string bar(std::size_t done, std::size_t all) {
  const auto full = static_cast<std::size_t>(all == 0 ? kBar : kBar * done / all);
  return "[" + std::string(full, '#') + std::string(kBar - full, '.') + "]";
}

}  // namespace

void DemoScreen::show(const std::vector<DemoJob>& jobs, const std::vector<DemoPool>& pools,
                      core::Duration elapsed) {
  for (const DemoJob& job : jobs) {
    const std::string now = job.status + job.conclusion;
    std::string& before = known_[job.id];
    if (before == now) continue;
    before = now;
    const std::string line = line_of(job, elapsed);
    if (!redraw_) out_ << line << '\n';
    recent_.push_back(line);
    if (recent_.size() > kRecent) recent_.pop_front();
  }
  if (!redraw_) {
    out_.flush();
    return;
  }
  if (drawn_ > 0) out_ << "\x1b[" << drawn_ << "A\x1b[J";
  const auto lines = table(jobs, pools, elapsed);
  for (const std::string& line : lines) {
    // A wrapped line would break going back up.
    out_ << line.substr(0, static_cast<std::size_t>(std::max(20, width_ - 1))) << '\n';
  }
  drawn_ = lines.size();
  out_.flush();
}

std::vector<std::string> DemoScreen::table(const std::vector<DemoJob>& jobs,
                                           const std::vector<DemoPool>& pools,
                                           core::Duration elapsed) const {
  std::vector<std::string> lines;
  lines.push_back(left("POOL", 16) + right("QUEUED", 7) + right("RUNNING", 9) + right("DONE", 6) +
                  right("BOOTING", 9) + right("RUNNERS", 9) + right("CAP", 5));
  std::size_t all_done = 0;
  for (const DemoPool& pool : pools) {
    int queued = 0, running = 0, done = 0;
    for (const DemoJob& job : jobs) {
      if (job.pool != pool.name) continue;
      if (job.status == "completed") {
        ++done;
      } else if (job.status == "in_progress") {
        ++running;
      } else {
        ++queued;
      }
    }
    all_done += static_cast<std::size_t>(done);
    lines.push_back(left(pool.name, 16) + right(queued, 7) + right(running, 9) + right(done, 6) +
                    right(pool.booting, 9) + right(pool.live, 9) + right(pool.max, 5));
  }
  lines.emplace_back();
  lines.push_back(bar(all_done, jobs.size()) + " " + std::to_string(all_done) + " of " +
                  std::to_string(jobs.size()) + " jobs done, " + in_seconds(elapsed));
  lines.emplace_back();
  lines.insert(lines.end(), recent_.begin(), recent_.end());
  return lines;
}

std::string in_seconds(core::Duration duration) {
  const auto tenths = duration.count() / 100;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + "s";
}

core::Duration percentile(std::vector<core::Duration> waits, int p) {
  if (waits.empty()) return core::Duration::zero();
  std::ranges::sort(waits);
  const std::size_t rank =
      (waits.size() * static_cast<std::size_t>(std::clamp(p, 0, 100)) + 99) / 100;
  return waits[std::clamp<std::size_t>(rank, 1, waits.size()) - 1];
}

}  // namespace jitney::app
