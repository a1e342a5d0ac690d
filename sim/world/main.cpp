// SPDX-License-Identifier: Apache-2.0
// sim_world: runs seeds of the simulated world; script/soak calls it.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <string>

#include "sim/world/simulation.hpp"

namespace {

struct Totals {
  std::uint64_t bad = 0;
  long jobs = 0, machines = 0, github_calls = 0, fleet_calls = 0, deaths = 0;
  long longest_wait = 0;  // seconds
  std::size_t deepest_queue = 0;
};

void add(Totals& totals, const jitney::sim::Verdict& verdict, const std::string& mix) {
  totals.jobs += verdict.jobs;
  totals.machines += verdict.machines;
  totals.github_calls += verdict.github_calls;
  totals.fleet_calls += verdict.fleet_calls;
  totals.deaths += verdict.deaths;
  totals.longest_wait =
      std::max<long>(totals.longest_wait, verdict.longest_wait / std::chrono::seconds(1));
  totals.deepest_queue = std::max(totals.deepest_queue, verdict.deepest_queue);
  if (verdict.violations.empty()) return;
  ++totals.bad;
  std::fputs(jitney::sim::told(verdict, mix).c_str(), stdout);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Runs Jitney's core in simulated worlds, one a seed, and checks its promises.");
  std::uint64_t from = 1, seeds = 1'000, stop_after = 0;
  std::string mix = "mixed";
  app.add_option("--from", from, "First seed")->capture_default_str();
  app.add_option("--seeds", seeds, "How many")->capture_default_str();
  app.add_option("--stop-after", stop_after, "Stop at this many violations; 0: run all")
      ->capture_default_str();
  bool expect_violation = false;
  app.add_flag("--expect-violation", expect_violation,
               "Stop at the first violation, and fail if there is none: for planted bugs");
  app.add_option("--mix", mix, "Which faults: sim/world/mix.hpp")
      ->check(CLI::IsMember({"mixed", "calm", "lost_ends", "swarm"}))
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  if (expect_violation) stop_after = 1;

  Totals totals;
  std::uint64_t run = 0;
  for (std::uint64_t seed = from; seed < from + seeds; ++seed) {
    add(totals, jitney::sim::simulate(seed, jitney::sim::mix_of(mix, seed)), mix);
    ++run;
    if (run % 10'000 == 0) {
      std::fprintf(stderr, "%llu of %llu seeds, %llu violated\n",
                   static_cast<unsigned long long>(run), static_cast<unsigned long long>(seeds),
                   static_cast<unsigned long long>(totals.bad));
    }
    if (stop_after != 0 && totals.bad >= stop_after) break;
  }
  std::printf(
      "{\"mix\":\"%s\",\"from\":%llu,\"seeds\":%llu,\"violated\":%llu,\"jobs\":%ld,"
      "\"machines\":%ld,\"github_calls\":%ld,\"fleet_calls\":%ld,\"dead\":%ld,"
      "\"longest_wait\":%ld,\"deepest_queue\":%zu}\n",
      mix.c_str(), static_cast<unsigned long long>(from), static_cast<unsigned long long>(run),
      static_cast<unsigned long long>(totals.bad), totals.jobs, totals.machines,
      totals.github_calls, totals.fleet_calls, totals.deaths, totals.longest_wait,
      totals.deepest_queue);
  return (totals.bad == 0) == expect_violation ? 1 : 0;
}
