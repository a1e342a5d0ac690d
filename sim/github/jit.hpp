// SPDX-License-Identifier: Apache-2.0
// The JIT configuration in GitHub's own format: base64 of a JSON object that maps file names under
// the runner's root to their base64 content: .runner, .credentials and .credentials_rsaparams. Pure
// functions; thread-safe. The whole blob is a live credential.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.hpp"
#include "core/secret.hpp"
#include "sim/github/rsa.hpp"

namespace jitney::sim {

struct JitConfiguration {
  std::int64_t agent_id = 0;
  std::string agent_name;
  std::int64_t pool_id = 1;
  std::string pool_name;
  std::string server_url;
  std::string server_url_v2;  // may be empty
  std::string github_url;     // empty for JIT runners
  std::string work_folder = "_work";
  bool use_v2_flow = false;
  bool ephemeral = true;
  bool disable_update = false;
  std::string client_id;
  std::string authorization_url;
  RsaParams key;
};

struct DecodedJit {
  JitConfiguration configuration;
  std::vector<std::pair<std::string, core::Secret>> files;  // every pair, as the runner writes it
};

inline constexpr std::size_t kJitBytes = 64u << 10;  // longer ones are refused unread
inline constexpr std::size_t kJitFiles = 8;

core::Secret encode_jit(const JitConfiguration& configuration);

// `invalid`: not this format; the text names the file and key at fault, never a value. Strict: the
// three files must be there with the keys that a runner needs, and names must stay inside the root.
core::Result<DecodedJit> decode_jit(std::string_view blob);

}  // namespace jitney::sim
