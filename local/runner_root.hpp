// SPDX-License-Identifier: Apache-2.0
// The directory a runner lives in: made from a template that is trusted, removed after a job that
// is not. Thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "core/result.hpp"
#include "local/account.hpp"

namespace jitney::local {

// Copies `runner_dir` to `root`, which must not exist, owned by the account, mode 0700. Files are
// shared by hard link only where the account can neither write nor own them, else by reflink, else
// copied. Left out: what an earlier registration or job left in the template. A half copy is
// removed. `invalid`: the template cannot be used (a link that leads out of it, a device).
core::Status copy_runner(const std::string& runner_dir, const std::string& root,
                         const Account& account);

// Removes `name` in `parent` with all below it. Follows no link and enters no other mount; takes
// any depth. true: it is gone.
bool remove_tree(const std::string& parent, const std::string& name);

// What the runner tells of itself, and how much of it is kept.
inline constexpr std::string_view kDiagnostics = "_diag";
inline constexpr std::size_t kDiagnosticBytes = 16u << 20;

// Removes all else that is in a root, as far as it can be removed. Follows no link and enters no
// other mount.
void empty_root(const std::string& root);

// Copies regular files directly in `from` to `to`, as far as `max_bytes` go, following no links.
void keep_files(const std::string& from, const std::string& to, std::size_t max_bytes);

}  // namespace jitney::local
