// SPDX-License-Identifier: Apache-2.0
// The demo's directory: secrets, configuration, state, the stand-in runner package. Removed with
// the object unless a person named the directory. One thread.
#pragma once

#include <optional>
#include <string>

#include "apps/config/config.hpp"
#include "core/secret.hpp"

namespace jitney::app {

class DemoHome {
 public:
  // `directory` empty: a new one below $TMPDIR or /tmp. `not_found`: there is no runner package
  // beside this program; the text says where it was looked for. `conflict`: `directory` holds a
  // demo's or a server's files, which stay as they are.
  static core::Result<DemoHome> make(const std::string& directory);
  DemoHome(DemoHome&& other) noexcept;
  DemoHome& operator=(DemoHome&& other) noexcept;
  ~DemoHome();

  [[nodiscard]] const std::string& directory() const { return directory_; }
  [[nodiscard]] const core::Secret& token() const { return token_; }
  [[nodiscard]] const core::Secret& webhook_secret() const { return webhook_secret_; }
  [[nodiscard]] std::string user_text() const;  // who runs the jobs, and why

  // Writes jitney.toml and reads it back as `serve` does.
  [[nodiscard]] core::Result<Config> configure(const std::string& github_url, int cpu_max,
                                               int gpu_max) const;
  // Root directories of runners that are still on disk.
  [[nodiscard]] std::size_t roots() const;
  // Lines with commands to try.
  [[nodiscard]] std::string commands(const std::string& admin_url, const std::string& job) const;

 private:
  DemoHome() = default;
  void remove();

  std::string directory_;
  bool temporary_ = false;
  std::string package_;
  std::string runner_user_;  // empty: the same as ours
  core::Secret token_;
  core::Secret webhook_secret_;
};

}  // namespace jitney::app
