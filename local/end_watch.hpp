// SPDX-License-Identifier: Apache-2.0
// Tells when processes end, without asking again and again: one thread waits on all their pidfds.
// Thread-safe.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "local/file.hpp"

namespace jitney::local {

class EndWatch {
 public:
  // `ended` is called on the watch's own thread, one call at a time.
  explicit EndWatch(std::function<void(const std::string& name)> ended);
  ~EndWatch();
  EndWatch(const EndWatch&) = delete;
  EndWatch& operator=(const EndWatch&) = delete;

  void add(const std::string& name, Descriptor pidfd);

 private:
  void run(const std::stop_token& stop);
  void collect(int pidfd);

  const std::function<void(const std::string&)> ended_;
  const Descriptor poll_;
  const Descriptor wake_;
  std::mutex mutex_;
  std::map<int, std::pair<std::string, Descriptor>> watched_;  // by descriptor
  std::jthread thread_;
};

}  // namespace jitney::local
