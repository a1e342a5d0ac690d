// SPDX-License-Identifier: Apache-2.0
#include "core/time.hpp"

#include <array>
#include <utility>

namespace jitney::core {

std::string describe(Duration duration) {
  using namespace std::chrono;
  if (duration < Duration::zero()) return "-" + describe(-duration);
  if (duration < seconds(1)) return std::to_string(duration.count()) + "ms";
  const auto total = duration_cast<seconds>(duration).count();
  constexpr std::array<std::pair<long long, const char*>, 4> kUnits{
      {{86'400, "d"}, {3'600, "h"}, {60, "m"}, {1, "s"}}};
  for (std::size_t i = 0; i < kUnits.size(); ++i) {
    const auto [size, name] = kUnits[i];
    if (total < size) continue;
    std::string text = std::to_string(total / size) + name;
    if (i + 1 < kUnits.size()) {
      const long long rest = total % size / kUnits[i + 1].first;
      if (rest > 0) text += " " + std::to_string(rest) + kUnits[i + 1].second;
    }
    return text;
  }
  return "0s";
}

}  // namespace jitney::core
