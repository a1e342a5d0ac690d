// SPDX-License-Identifier: Apache-2.0
// Who signs AWS calls. Implemented by CredentialsChain, over sources of one file each.
// Thread-safe.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.hpp"
#include "core/secret.hpp"
#include "core/time.hpp"

namespace jitney::aws {

struct Credentials {
  std::string access_key_id;
  core::Secret secret_access_key;
  core::Secret session_token;  // empty for long-lived keys
  std::optional<core::Time> expires;
};

class CredentialsProvider {
 public:
  virtual ~CredentialsProvider() = default;
  // The ones to sign with now; renewed before they expire, once for all threads. `unauthorized`:
  // there are none, and the text says where was looked. `transient`: the source did not answer.
  virtual core::Result<Credentials> get() = 0;
  // AWS called them expired, whatever our clock says: the next get() fetches others.
  virtual void expired(std::string_view /*access_key_id*/) {}
};

}  // namespace jitney::aws
