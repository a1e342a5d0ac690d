// SPDX-License-Identifier: Apache-2.0
#include "sim/github/faults.hpp"

#include <algorithm>

namespace jitney::sim {
namespace {

bool happens(double probability, std::mt19937_64& random) {
  return probability >= 1 || std::uniform_real_distribution<double>(0, 1)(random) < probability;
}

template <class Fault, class Match>
std::optional<Fault> draw(std::vector<Fault>& faults, std::mt19937_64& random, Match match) {
  for (auto at = faults.begin(); at != faults.end(); ++at) {
    if (!match(*at) || !happens(at->probability, random)) continue;
    Fault found = *at;
    if (at->next && --*at->next <= 0) faults.erase(at);
    return found;
  }
  return std::nullopt;
}

}  // namespace

bool Chance::strikes(std::mt19937_64& random) {
  if (next > 0) {
    --next;
    return true;
  }
  return probability > 0 && happens(probability, random);
}

bool matches(std::string_view pattern, std::string_view text) {
  std::size_t at = 0;
  std::size_t in = 0;
  std::size_t star = std::string_view::npos;
  std::size_t resume = 0;
  while (in < text.size()) {
    if (at < pattern.size() && pattern[at] == '*') {
      star = at++;
      resume = in;
    } else if (at < pattern.size() && pattern[at] == text[in]) {
      ++at;
      ++in;
    } else if (star != std::string_view::npos) {
      at = star + 1;
      in = ++resume;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', at) == std::string_view::npos;
}

std::optional<CallFault> Faults::on_call(const std::string& method, const std::string& path,
                                         std::mt19937_64& random) {
  return draw(calls, random, [&](const CallFault& fault) {
    return matches(fault.method, method) && matches(fault.path, path);
  });
}

std::optional<RunnerFault> Faults::on_runner(RunnerFault::When when, const std::string& name,
                                             std::mt19937_64& random) {
  return draw(runners, random, [&](const RunnerFault& fault) {
    return fault.when == when && matches(fault.name, name);
  });
}

}  // namespace jitney::sim
