// SPDX-License-Identifier: Apache-2.0
#include "core/deployment.hpp"

#include <algorithm>

namespace jitney::core {

const Pool* Deployment::pool(std::string_view pool_name) const {
  const auto found = std::ranges::find(pools, pool_name, &Pool::name);
  return found == pools.end() ? nullptr : &*found;
}

Forge* Context::forge(std::string_view scope) const {
  const auto found = forges.find(scope);
  return found == forges.end() ? nullptr : found->second;
}

}  // namespace jitney::core
