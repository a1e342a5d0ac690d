// SPDX-License-Identifier: Apache-2.0
#include "aws/form.hpp"

#include "net/http.hpp"

namespace jitney::aws {

std::string form(const Parameters& parameters) {
  std::string out;
  for (const auto& [name, value] : parameters) {
    if (!out.empty()) out += '&';
    out += net::percent_encode(name) + "=" + net::percent_encode(value);
  }
  return out;
}

}  // namespace jitney::aws
