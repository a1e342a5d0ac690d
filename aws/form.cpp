// SPDX-License-Identifier: Apache-2.0
#include "aws/form.hpp"

#include "net/http.hpp"

namespace jitney::aws {

std::string query_string(const Parameters& parameters) {
  std::string out;
  for (const auto& [name, value] : parameters) {
    if (!out.empty()) out += '&';
    out += net::percent_encode(name) + "=" + net::percent_encode(value);
  }
  return out;
}

std::string form(const Parameters& parameters) {
  std::string out = query_string(parameters);
  for (auto at = out.find("%20"); at != std::string::npos; at = out.find("%20", at + 1)) {
    out.replace(at, 3, "+");
  }
  return out;
}

}  // namespace jitney::aws
