// SPDX-License-Identifier: Apache-2.0
// What a runner prints, to a file that does not grow without end. One thread.
#pragma once

#include <cstdint>
#include <string>

#include "local/file.hpp"

namespace jitney::local {

class RunnerLog {
 public:
  // After `max_bytes` a line says so, and the rest is read and dropped.
  core::Status open(const std::string& path, std::int64_t max_bytes);
  // All that waits in a non-blocking pipe. false: end of file.
  bool take(int pipe);

 private:
  Descriptor file_;
  std::int64_t left_ = 0;
  bool full_ = false;
};

}  // namespace jitney::local
