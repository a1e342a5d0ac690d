// SPDX-License-Identifier: Apache-2.0
// burst_bench: how long jobs of a burst wait until a runner has them; script/bench burst calls it.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <limits>
#include <string>

#include "net/log.hpp"
#include "tests/bench/burst_world.hpp"

namespace {

using jitney::core::Duration;
using namespace jitney::bench;

double seconds(Duration duration) { return static_cast<double>(duration.count()) / 1000; }

// Of the sorted waits; nearest rank.
double at(std::vector<Duration>& all, double share) {
  std::ranges::sort(all);
  const auto rank = static_cast<std::size_t>(share * static_cast<double>(all.size()) + 0.5);
  return seconds(all[std::clamp<std::size_t>(rank, 1, all.size()) - 1]);
}

void show(const BurstReport& report, bool tell_calls) {
  if (report.waits.empty()) {
    std::printf("no job got a runner\n");
    return;
  }
  std::printf("%-34s%9s%9s%9s%9s\n", "seconds from queued until", "p50", "p90", "p99", "max");
  const auto row = [&](const char* name, Duration Wait::* stage) {
    std::vector<Duration> all;
    for (const Wait& wait : report.waits) all.push_back(wait.*stage);
    std::printf("%-34s%9.1f%9.1f%9.1f%9.1f\n", name, at(all, 0.5), at(all, 0.9), at(all, 0.99),
                at(all, 1));
  };
  row("its machine exists", &Wait::launched);
  row("its machine answers", &Wait::answered);
  row("its runner is registered", &Wait::registered);
  row("the job runs", &Wait::busy);
  std::printf("machines %zu, invocations %d, calls to GitHub %ld, throttled by AWS %d, never %d\n",
              report.machines, report.invocations, report.github_calls, report.throttled,
              report.never);
  if (!tell_calls) return;
  for (const auto& [name, count] : report.calls) std::printf("  %s %ld\n", name.c_str(), count);
}

void print_json(const BurstReport& report) {
  std::vector<Duration> busy;
  for (const Wait& wait : report.waits) busy.push_back(wait.busy);
  if (busy.empty()) return;
  std::printf(
      "{\"jobs\":%zu,\"never\":%d,\"p50_s\":%.1f,\"p90_s\":%.1f,\"p99_s\":%.1f,\"max_s\":%.1f}\n",
      busy.size(), report.never, at(busy, 0.5), at(busy, 0.9), at(busy, 0.99), at(busy, 1));
}

constexpr int kUnlimited = 1'000'000;

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("A burst of jobs on the AWS shape, in virtual time.");
  BurstOptions options;
  double boot = 15, spacing = 1;
  bool tell_calls = false, github_unlimited = false, ssm_unlimited = false;
  options.pace.created = kUnlimited;  // whether generate-jitconfig is content is not published
  options.pace.command = {Duration(500), Duration(2'000)};
  options.pace.listener = {Duration(2'000), Duration(5'000)};
  options.pace.work = {std::chrono::hours(2), std::chrono::hours(2)};
  app.add_option("--jobs", options.jobs, "Queued at one moment")->capture_default_str();
  app.add_option("--boot", boot, "Seconds from launch until a machine answers")
      ->capture_default_str();
  app.add_option("--environments", options.functions.environments, "Of create_runner")
      ->capture_default_str();
  app.add_option("--write-spacing", spacing, "Seconds between two writes to GitHub of one process")
      ->capture_default_str();
  app.add_option("--batch-size", options.batch_size, "Runners claimed at once")
      ->capture_default_str();
  app.add_option("--points", options.pace.points, "GitHub's secondary limit a minute; a write is 5")
      ->capture_default_str();
  app.add_option("--commands", options.pace.commands_a_second, "SendCommand a second")
      ->capture_default_str();
  app.add_flag("--github-unlimited", github_unlimited, "No secondary limit");
  app.add_flag("--ssm-unlimited", ssm_unlimited, "As many commands as asked for");
  app.add_option("--seed", options.seed, "Of all that is chance")->capture_default_str();
  app.add_flag("--calls", tell_calls, "Tell how often each port was called");
  CLI11_PARSE(app, argc, argv);
  const auto whole = Duration(static_cast<std::int64_t>(boot * 1000));
  options.pace.running = {whole / 2, whole / 2};
  options.pace.agent = {whole - whole / 2, whole - whole / 2};
  options.functions.write_spacing = Duration(static_cast<std::int64_t>(spacing * 1000));
  if (github_unlimited) options.pace.points = kUnlimited;
  if (ssm_unlimited) options.pace.commands = options.pace.commands_a_second = 1'000;
  jitney::net::set_log_level(jitney::net::LogLevel::error);
  const BurstReport report = run_burst(options);
  show(report, tell_calls);
  print_json(report);
  return report.never == 0 ? 0 : 1;
}
