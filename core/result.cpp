// SPDX-License-Identifier: Apache-2.0
#include "core/result.hpp"

namespace jitney::core {

std::string_view to_string(Fault fault) {
  switch (fault) {
    case Fault::invalid:
      return "invalid";
    case Fault::unauthorized:
      return "unauthorized";
    case Fault::not_found:
      return "not_found";
    case Fault::conflict:
      return "conflict";
    case Fault::throttled:
      return "throttled";
    case Fault::no_capacity:
      return "no_capacity";
    case Fault::not_ready:
      return "not_ready";
    case Fault::transient:
      return "transient";
    case Fault::cancelled:
      return "cancelled";
  }
  return "unknown";
}

}  // namespace jitney::core
