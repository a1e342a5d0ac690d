// SPDX-License-Identifier: Apache-2.0
// sim_world: runs seeds of the simulated world; script/soak calls it.
#include <CLI/CLI.hpp>
#include <cstdint>
#include <cstdio>
#include <string>

#include "sim/world/simulation.hpp"

namespace {

struct Totals {
  std::uint64_t bad = 0;
  long jobs = 0, machines = 0, calls = 0, deaths = 0;
};

jitney::sim::Mix mix_of(const std::string& name, std::uint64_t seed) {
  if (name == "calm") return jitney::sim::calm();
  if (name == "lost_ends") return jitney::sim::lost_ends();
  if (name == "swarm") return jitney::sim::swarm(seed);
  return {};
}

void add(Totals& totals, const jitney::sim::Verdict& verdict, const std::string& mix) {
  totals.jobs += verdict.jobs;
  totals.machines += verdict.machines;
  totals.calls += verdict.github_calls;
  totals.deaths += verdict.deaths;
  if (verdict.violations.empty()) return;
  ++totals.bad;
  std::printf("seed %llu\n", static_cast<unsigned long long>(verdict.seed));
  for (const std::string& violation : verdict.violations) std::printf("  %s\n", violation.c_str());
  for (const std::string& line : verdict.story) std::printf("    %s\n", line.c_str());
  std::printf("  replay: sim_world --mix %s --from %llu --seeds 1\n", mix.c_str(),
              static_cast<unsigned long long>(verdict.seed));
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
  app.add_option("--mix", mix, "Which faults: sim/world/mix.hpp")
      ->check(CLI::IsMember({"mixed", "calm", "lost_ends", "swarm"}))
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);

  Totals totals;
  std::uint64_t run = 0;
  for (std::uint64_t seed = from; seed < from + seeds; ++seed) {
    add(totals, jitney::sim::simulate(seed, mix_of(mix, seed)), mix);
    ++run;
    if (run % 10'000 == 0) {
      std::fprintf(stderr, "%llu of %llu seeds, %llu violated\n",
                   static_cast<unsigned long long>(run), static_cast<unsigned long long>(seeds),
                   static_cast<unsigned long long>(totals.bad));
    }
    if (stop_after != 0 && totals.bad >= stop_after) break;
  }
  std::printf(
      "{\"mix\":\"%s\",\"from\":%llu,\"seeds\":%llu,\"violated\":%llu,\"jobs\":%ld,\"machines\":%"
      "ld,"
      "\"github_calls\":%ld,\"dead\":%ld}\n",
      mix.c_str(), static_cast<unsigned long long>(from), static_cast<unsigned long long>(run),
      static_cast<unsigned long long>(totals.bad), totals.jobs, totals.machines, totals.calls,
      totals.deaths);
  return totals.bad == 0 ? 0 : 1;
}
