// SPDX-License-Identifier: Apache-2.0
#include <charconv>

#include "core/functions.hpp"

namespace jitney::core {

Status handle(const Context& context, const Message& message) {
  switch (message.kind) {
    case MessageKind::create_runner:
      return create_runner(context, message.key);
    case MessageKind::stop_runner:
      return stop_runner(context, message.key, message.detail);
    case MessageKind::check_run:
      return check_run(context, message.key);
    case MessageKind::check_job: {
      JobId id = 0;
      const char* end = message.key.data() + message.key.size();
      if (std::from_chars(message.key.data(), end, id).ptr != end || id <= 0) {
        return fail(Fault::invalid, "check_job: \"" + message.key + "\" is no job id");
      }
      return check_job(context, id);
    }
    case MessageKind::dead_job:
      break;
  }
  return fail(Fault::invalid, "a dead letter is no wake-up: " + message.key);
}

}  // namespace jitney::core
