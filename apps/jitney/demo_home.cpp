// SPDX-License-Identifier: Apache-2.0
#include "apps/jitney/demo_home.hpp"

#include <pwd.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <utility>
#include <vector>

#include "net/crypto.hpp"

namespace jitney::app {

namespace {

namespace fs = std::filesystem;

// The one that Debian and others have; jobs of the demo need no files of their own.
constexpr const char* kNobody = "nobody";

std::string self() {
  std::error_code error;
  const fs::path path = fs::read_symlink("/proc/self/exe", error);
  return error ? "jitney" : path.string();
}

// Beside the program in a build tree, below share/ when installed.
std::vector<fs::path> package_places() {
  const fs::path here = fs::path(self()).parent_path();
  return {here / "runner-package", here / "../../runner-package", here / "../runner-package",
          here / "../share/jitney/runner-package"};
}

core::Result<std::string> find_package() {
  std::string looked;
  for (const fs::path& place : package_places()) {
    std::error_code error;
    if (fs::exists(place / "bin/Runner.Listener", error))
      return fs::canonical(place, error).string();
    looked += (looked.empty() ? "" : ", ") + place.lexically_normal().string();
  }
  return core::fail(core::Fault::not_found,
                    "the stand-in runner, which runs the demo's jobs, is missing: in a checkout of "
                    "Jitney, script/install puts it beside this command, and script/demo needs no "
                    "installation. Looked in: " +
                        looked);
}

// A ledger of before would be counted among this demo's jobs, whose ids are the same each time; and
// a person's own configuration would be written over.
core::Status check_unused(const fs::path& directory) {
  for (const char* name : {"jitney.db", "jitney.toml", "token", "webhook_secret", "runners"}) {
    std::error_code error;
    if (!fs::exists(fs::symlink_status(directory / name, error))) continue;
    return core::fail(core::Fault::conflict,
                      directory.string() + " holds " + name +
                          " already, of an earlier demo or of a server; name a new directory with "
                          "--state-dir");
  }
  return {};
}

core::Status write_private(const std::string& path, std::string_view text) {
  std::error_code error;
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write, error);
  out << text;
  out.close();
  if (!out || error) return core::fail(core::Fault::invalid, "cannot write " + path);
  return {};
}

std::string quote(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

}  // namespace

core::Result<DemoHome> DemoHome::make(const std::string& directory) {
  auto package = find_package();
  if (!package) return std::unexpected(package.error());
  DemoHome home;
  home.package_ = std::move(*package);
  std::error_code error;
  if (directory.empty()) {
    std::string pattern = (fs::temp_directory_path(error) / "jitney-demo-XXXXXX").string();
    if (error || mkdtemp(pattern.data()) == nullptr) {
      return core::fail(core::Fault::invalid, "cannot make a directory " + pattern);
    }
    home.directory_ = std::move(pattern);
    home.temporary_ = true;
  } else {
    if (core::Status unused = check_unused(directory); !unused) {
      return std::unexpected(unused.error());
    }
    fs::create_directories(directory, error);
    if (error) {
      return core::fail(core::Fault::invalid, "cannot make " + directory + ": " + error.message());
    }
    home.directory_ = fs::absolute(directory).string();
  }
  if (geteuid() == 0 && getpwnam(kNobody) != nullptr) {
    home.runner_user_ = kNobody;
    // Jobs pass through to their own root directory, and see nothing else of it.
    chmod(home.directory_.c_str(), 0711);
  }
  home.token_ = core::Secret("ghp_demo" + net::hex(net::random_bytes(16)));
  home.webhook_secret_ = core::Secret(net::hex(net::random_bytes(32)));
  for (const auto& [name, secret] :
       {std::pair("token", &home.token_), std::pair("webhook_secret", &home.webhook_secret_)}) {
    if (core::Status written = write_private(home.directory_ + "/" + name, secret->reveal());
        !written) {
      return std::unexpected(written.error());
    }
  }
  return home;
}

DemoHome::DemoHome(DemoHome&& other) noexcept { *this = std::move(other); }

DemoHome& DemoHome::operator=(DemoHome&& other) noexcept {
  if (this == &other) return *this;
  remove();
  directory_ = std::exchange(other.directory_, {});
  temporary_ = std::exchange(other.temporary_, false);
  package_ = std::move(other.package_);
  runner_user_ = std::move(other.runner_user_);
  token_ = std::move(other.token_);
  webhook_secret_ = std::move(other.webhook_secret_);
  return *this;
}

DemoHome::~DemoHome() { remove(); }

void DemoHome::remove() {
  if (!temporary_ || directory_.empty()) return;
  std::error_code ignored;  // what is left lies in the temporary directory
  fs::remove_all(directory_, ignored);
}

std::string DemoHome::user_text() const {
  if (!runner_user_.empty()) {
    return "run as user " + runner_user_ + ": the server is root, and jobs must not be";
  }
  if (geteuid() == 0) return "run as root: this machine has no user nobody";
  return "run as this user: only root can switch to another";
}

core::Result<Config> DemoHome::configure(const std::string& github_url, int cpu_max,
                                         int gpu_max) const {
  const auto pool = [](const std::string& name, int max) {
    return "\n[[pool]]\nname = \"" + name + "\"\nmax = " + std::to_string(max) +
           "\ndeadlines = { surplus = \"2s\" }\n";
  };
  const std::string text =
      "# Written by jitney demo: the configuration of a server that talks to a simulated GitHub.\n"
      "deployment = \"demo\"\n"
      "\n[server]\n"
      "webhook_listen = \"127.0.0.1:0\"\n"
      "admin_listen = \"127.0.0.1:0\"\n"
      "state_dir = " +
      quote(directory_) + "\n" +
      "drain = \"10s\"\n"
      "\n[[github]]\n"
      "url = " +
      quote(github_url + "/acme") + "\n" + "token = { file = " + quote(directory_ + "/token") +
      " }\n" + "webhook_secret = { file = " + quote(directory_ + "/webhook_secret") + " }\n" +
      "write_spacing = \"0ms\"  # the simulation has no secondary rate limit\n"
      "\n[sweep]\n"
      "interval = \"2s\"\n"
      "settle = \"1s\"\n"
      "\n[process]\n"
      "runner_dir = " +
      quote(package_) + "\n" +
      (runner_user_.empty() ? "" : "runner_user = " + quote(runner_user_) + "\n") +
      "min_free_disk = \"64MiB\"\n"
      "stop_grace = \"2s\"\n" +
      pool("template_cpu", cpu_max) + pool("template_gpu", gpu_max);
  const std::string path = directory_ + "/jitney.toml";
  if (core::Status written = write_private(path, text); !written) {
    return std::unexpected(written.error());
  }
  return load_config(path);
}

std::size_t DemoHome::roots() const {
  std::error_code error;
  std::size_t count = 0;
  for (auto at = fs::directory_iterator(directory_ + "/runners", error);
       !error && at != fs::directory_iterator(); at.increment(error)) {
    // Names beginning with a dot are the fleet's own.
    count += at->is_directory(error) && !at->path().filename().string().starts_with('.') ? 1 : 0;
  }
  return count;
}

std::string DemoHome::commands(const std::string& admin_url, const std::string& job) const {
  const std::string jitney = self() + " --config " + directory_ + "/jitney.toml ";
  return "  " + jitney + "jobs --all\n  " + jitney + "explain " + job + "\n  curl " + admin_url +
         "/metrics\n";
}

}  // namespace jitney::app
