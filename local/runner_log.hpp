// SPDX-License-Identifier: Apache-2.0
// What a runner prints, to a file that does not grow without end and never holds its JIT
// configuration. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/secret.hpp"
#include "local/file.hpp"

namespace jitney::local {

class RunnerLog {
 public:
  // After `max_bytes` a line says so, and the rest is read and dropped. Where `hidden` is printed
  // whole, stars stand in the file.
  core::Status open(const std::string& path, std::int64_t max_bytes, core::Secret hidden);
  // All that waits in a non-blocking pipe. false: end of file.
  bool take(int pipe);

 private:
  void add(std::string_view printed);
  void end();
  void write(std::string_view text);

  Descriptor file_;
  std::int64_t left_ = 0;
  bool full_ = false;
  core::Secret hidden_;
  std::string held_;  // the last bytes, while they may be the beginning of `hidden_`
};

}  // namespace jitney::local
