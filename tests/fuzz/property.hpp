// SPDX-License-Identifier: Apache-2.0
// What every fuzz target has: its function, and how it says that a property is broken. One thread.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace jitney::fuzz {

// Each target's own file defines it: reads the input, and holds what comes out against properties.
void target(std::string_view input);

// Ends the program, which is how libFuzzer learns of a finding.
inline void expect(bool holds, const char* property) {
  if (holds) return;
  std::fprintf(stderr, "\nbroken property: %s\n", property);
  std::abort();
}

// Takes the input apart line by line, so that seeds are text that a person can write.
class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(text) {}

  [[nodiscard]] bool done() const { return rest_.empty(); }
  [[nodiscard]] std::string_view rest() const { return rest_; }
  std::string_view take() {
    const std::string_view line = rest_.substr(0, rest_.find('\n'));
    rest_.remove_prefix(line.size() < rest_.size() ? line.size() + 1 : line.size());
    return line;
  }

 private:
  std::string_view rest_;
};

}  // namespace jitney::fuzz
