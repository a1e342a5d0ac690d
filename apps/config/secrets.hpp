// SPDX-License-Identifier: Apache-2.0
// Secrets stand in the configuration only by reference. Reading them is a step of its own, so that
// `config check` can say which are missing without holding one. Immutable values; any thread.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "core/result.hpp"
#include "core/secret.hpp"

namespace jitney::app {

struct SecretRef {
  enum class Kind { environment, file, credential, secret, parameter };
  Kind kind = Kind::environment;
  // Of the variable, the path, of the systemd credential; name or ARN of a secret of AWS Secrets
  // Manager; name of a parameter of Systems Manager.
  std::string name;
  std::string where;  // "jitney.toml:12:9"

  // "environment variable GITHUB_TOKEN", "file /etc/jitney/token", "systemd credential token"
  [[nodiscard]] std::string text() const;
  // AWS keeps it: aws_secrets.hpp reads it.
  [[nodiscard]] bool remote() const { return kind == Kind::secret || kind == Kind::parameter; }
  friend bool operator==(const SecretRef&, const SecretRef&) = default;
};

// Of this machine only; a remote one is `invalid`: secret_loader of aws_secrets.hpp reads those.
// One trailing newline is cut off, as editors add one; at most 64 KiB. Faults: `unauthorized` when
// it is missing, empty or unreadable; the text says where it was looked for and where it is
// configured.
core::Result<core::Secret> load_secret(const SecretRef& reference);
using LoadSecret = std::function<core::Result<core::Secret>(const SecretRef&)>;

// Why the file behind the reference is open to too many readers; nullopt when it is not, or when
// there is no file.
std::optional<std::string> exposure(const SecretRef& reference);

}  // namespace jitney::app
