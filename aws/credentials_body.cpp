// SPDX-License-Identifier: Apache-2.0
// parse_credentials of credentials_sources.hpp.
#include <utility>

#include "aws/credentials_sources.hpp"
#include "net/json.hpp"
#include "net/rfc3339.hpp"

namespace jitney::aws {

core::Result<Credentials> parse_credentials(std::string_view body, const std::string& from) {
  const auto parsed = net::parse_json(body, 64u << 10);
  if (!parsed) return core::fail(core::Fault::transient, from + " gave " + parsed.error().what);
  auto id = net::get_string_or(*parsed, "AccessKeyId", "");
  auto secret = net::get_string_or(*parsed, "SecretAccessKey", "");
  if (id.empty() || secret.empty()) {
    return core::fail(core::Fault::transient, from + " gave no AccessKeyId and SecretAccessKey");
  }
  return Credentials{.access_key_id = std::move(id),
                     .secret_access_key = core::Secret(std::move(secret)),
                     .session_token = core::Secret(net::get_string_or(*parsed, "Token", "")),
                     .expires = net::parse_rfc3339(net::get_string_or(*parsed, "Expiration", ""))};
}

}  // namespace jitney::aws
