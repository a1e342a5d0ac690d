// SPDX-License-Identifier: Apache-2.0
// `jitney serve` as a child process of a test, with a directory of its own. One thread.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "net/http_client.hpp"

extern char** environ;

namespace jitney::app {

inline bool within_bound(const std::function<bool()>& reached,
                         std::chrono::seconds bound = std::chrono::seconds(60)) {
  const auto until = std::chrono::steady_clock::now() + bound;
  while (!reached()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

class TestDirectory {
 public:
  TestDirectory() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "jitney-serve-test-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
    chmod(path_.c_str(), 0711);
  }
  ~TestDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TestDirectory(const TestDirectory&) = delete;
  TestDirectory& operator=(const TestDirectory&) = delete;

  [[nodiscard]] std::string path(const std::string& name) const { return path_ + "/" + name; }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(path(name), std::ios::binary) << text;
    chmod(path(name).c_str(), 0600);
  }
  [[nodiscard]] std::string read(const std::string& name) const {
    std::ifstream in(path(name), std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});
  }

 private:
  std::string path_;
};

class ServeProcess {
 public:
  // Its log goes to `log` in the directory; `environment` is added to ours.
  ServeProcess(const TestDirectory& directory, const std::string& config, const std::string& log,
               const std::vector<std::string>& environment = {})
      : directory_(directory), log_(log) {
    const std::string out = directory.path(log);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, out.c_str(),
                                     O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
    std::vector<std::string> words{JITNEY_BINARY, "--config", directory.path(config), "serve"};
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    std::vector<std::string> all = environment;
    for (char** one = environ; *one != nullptr; ++one) all.emplace_back(*one);
    std::vector<char*> envp;
    for (std::string& one : all) envp.push_back(one.data());
    envp.push_back(nullptr);
    const int failed =
        posix_spawn(&pid_, words[0].c_str(), &actions, nullptr, argv.data(), envp.data());
    posix_spawn_file_actions_destroy(&actions);
    if (failed != 0) {
      ADD_FAILURE() << "cannot start " << words[0];
      pid_ = -1;
    }
  }
  ~ServeProcess() {
    if (pid_ <= 0 || status_) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  ServeProcess(const ServeProcess&) = delete;
  ServeProcess& operator=(const ServeProcess&) = delete;

  // The line of its log whose message is that.
  std::optional<boost::json::value> logged(const std::string& message) const {
    std::istringstream lines(directory_.read(log_));
    for (std::string line; std::getline(lines, line);) {
      boost::system::error_code error;
      boost::json::value value = boost::json::parse(line, error);
      if (error || !value.is_object()) continue;
      const auto* found = value.as_object().if_contains("msg");
      if (found != nullptr && found->is_string() && found->as_string() == message) {
        return value;
      };
    }
    return std::nullopt;
  }
  [[nodiscard]] std::string log() const { return directory_.read(log_); }

  // Serving: its ports are known from then on.
  bool serves() {
    const bool reached = within_bound([&] { return ended() || logged("serving").has_value(); });
    const auto line = logged("serving");
    if (!reached || !line) {
      ADD_FAILURE() << "does not serve: " << log();
      return false;
    }
    webhook_port_ = static_cast<std::uint16_t>(line->at("webhook_port").as_int64());
    admin_port_ = static_cast<std::uint16_t>(line->at("admin_port").as_int64());
    return true;
  }
  [[nodiscard]] std::uint16_t webhook_port() const { return webhook_port_; }
  [[nodiscard]] std::uint16_t admin_port() const { return admin_port_; }
  [[nodiscard]] pid_t pid() const { return pid_; }

  void signal(int number) const { kill(pid_, number); }
  bool ended() {
    if (status_ || pid_ <= 0) return true;
    int status = 0;
    if (waitpid(pid_, &status, WNOHANG) != pid_) return false;
    status_ = status;
    return true;
  }
  // The exit status, negative for a signal; nullopt when it does not end.
  std::optional<int> exit_status() {
    if (!within_bound([&] { return ended(); }) || !status_) return std::nullopt;
    return WIFEXITED(*status_) ? WEXITSTATUS(*status_) : -WTERMSIG(*status_);
  }

  net::Response ask(std::uint16_t port, const net::Request& request) {
    const auto response =
        client_.send({.scheme = "http", .host = "127.0.0.1", .port = port, .path = "/"}, request,
                     std::chrono::steady_clock::now() + std::chrono::seconds(30));
    if (response) return *response;
    net::Response none;
    none.status = 0;
    none.body = response.error().what;
    return none;
  }
  net::Response get(const std::string& target) {
    return ask(admin_port_, {.method = "GET", .target = target, .headers = {}, .body = ""});
  }

 private:
  const TestDirectory& directory_;
  std::string log_;
  pid_t pid_ = -1;
  std::optional<int> status_;
  std::uint16_t webhook_port_ = 0;
  std::uint16_t admin_port_ = 0;
  net::HttpClient client_;
};

}  // namespace jitney::app
