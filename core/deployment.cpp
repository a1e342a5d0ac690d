// SPDX-License-Identifier: Apache-2.0
#include "core/deployment.hpp"

#include <algorithm>

namespace jitney::core {

const Pool* Deployment::pool(std::string_view pool_name) const {
  const auto found = std::ranges::find(pools, pool_name, &Pool::name);
  return found == pools.end() ? nullptr : &*found;
}

bool Deployment::names(std::string_view runner) const {
  if (!runner.starts_with(name) || runner.size() == name.size()) return false;
  const std::string_view rest = runner.substr(name.size() + 1);
  const std::size_t dash = rest.rfind('-');
  if (runner[name.size()] != '-' || dash == rest.npos) return false;
  const std::string_view number = rest.substr(dash + 1);
  const bool counted = !number.empty() && number.find_first_not_of("0123456789") == number.npos;
  return counted && pool(rest.substr(0, dash)) != nullptr;
}

Forge* Context::forge(std::string_view scope) const {
  const auto found = forges.find(scope);
  return found == forges.end() ? nullptr : found->second;
}

}  // namespace jitney::core
