// SPDX-License-Identifier: Apache-2.0
// For tests: a process fleet in a temporary directory whose runner does what its JIT configuration
// says, as a shell script.
#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <mutex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "local/process_fleet.hpp"
#include "tests/fakes/temporary_directory.hpp"

namespace jitney::local {

// Waits for a condition, never for a time.
inline bool eventually(const std::function<bool()>& condition,
                       std::chrono::seconds patience = std::chrono::seconds(30)) {
  const auto until = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

inline std::string contents(const std::string& path) {
  std::ifstream in(path);
  std::ostringstream all;
  all << in.rdbuf();
  return all.str();
}

// Scripts name their processes 3600.NNN, a time to sleep; another run of the tests on this computer
// must not find them, so the number of ours is put in. Taken before any test forks.
inline const std::string kThisRun = "3600." + std::to_string(::getpid());
inline std::string marked(std::string text) {
  for (std::size_t at = 0; (at = text.find("3600.", at)) != std::string::npos;) {
    text.replace(at, 5, kThisRun);
    at += kThisRun.size();
  }
  return text;
}

class FleetWorld {
 public:
  static constexpr const char* kUser = "daemon";

  FleetWorld() {
    ::chmod(home.path().c_str(), 0755);
    write_file("template/bin/Runner.Listener",
               "#!/bin/sh\n[ \"$1\" = run ] || exit 99\neval \"$ACTIONS_RUNNER_INPUT_JITCONFIG\"\n",
               0755);
    write_file("template/lib.txt", "shared\n", 0644);
    options.state_dir = home.path() + "/state";
    options.deployment = "ci";
    options.shim_command = {JITNEY_TEST_SHIM};
    options.min_free_disk = 0;
    options.stop_grace = std::chrono::seconds(5);
    options.restart_delay = std::chrono::milliseconds(20);
    options.update_wait = std::chrono::seconds(20);
    options.max_restarts = 3;
    ProcessPoolOptions pool;
    pool.runner_dir = home.path() + "/template";
    if (::geteuid() == 0) pool.runner_user = kUser;
    options.pools["cpu"] = pool;
  }
  core::Time claimed_at{};  // of the batches that are composed
  ~FleetWorld() {
    if (!fleet) open();
    if (fleet) stop_all();
  }

  void write_file(const std::string& name, const std::string& text, mode_t mode) const {
    const std::filesystem::path path = home.path() + "/" + name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
    ::chmod(path.c_str(), mode);
  }
  core::Status open() {
    auto opened = ProcessFleet::open(options);
    if (!opened) return std::unexpected(opened.error());
    fleet = std::move(*opened);
    return {};
  }
  // As a restart of the server: runners stay.
  void reopen() {
    fleet.reset();
    ASSERT_TRUE(open());
  }
  core::Result<std::string> compose(int count = 1) const {
    core::Pool pool;
    pool.name = "cpu";
    core::Batch batch;
    batch.id = "ci-cpu-1";
    batch.created_at = claimed_at;
    return fleet->compose(pool, batch, 0, count);
  }
  [[nodiscard]] std::vector<core::MachineId> launch(int count = 1,
                                                    const std::string& token = "ci-cpu-1/0") const {
    const auto outcome = fleet->launch(compose(count).value(), token);
    std::vector<core::MachineId> ids;
    if (!outcome) {
      ADD_FAILURE() << outcome.error().what;
      return ids;
    }
    for (const core::Machine& machine : outcome->machines) ids.push_back(machine.id);
    return ids;
  }
  // One machine whose runner runs `script`.
  [[nodiscard]] core::MachineId run(const std::string& script,
                                    const std::string& token = "ci-cpu-1/0") const {
    const auto ids = launch(1, token);
    if (ids.empty()) return "";
    const core::Status started = fleet->start(ids[0], "ci-cpu-1", core::Secret(marked(script)));
    if (!started) ADD_FAILURE() << started.error().what;
    return ids[0];
  }
  [[nodiscard]] std::optional<core::Machine> find(const core::MachineId& id) const {
    const auto found = fleet->find(id);
    if (!found) ADD_FAILURE() << found.error().what;
    return found ? *found : std::nullopt;
  }
  [[nodiscard]] bool ends(const core::MachineId& id) const {
    return eventually([&] {
      const auto machine = find(id);
      return machine && machine->state == core::MachineState::ended;
    });
  }
  // What the runner printed; complete once it has ended.
  [[nodiscard]] std::string log(const core::MachineId& id) const {
    return contents(files(id).log());
  }
  [[nodiscard]] bool prints(const core::MachineId& id, const std::string& text) const {
    return eventually([&] { return log(id).find(text) != std::string::npos; });
  }
  [[nodiscard]] bool stop(const core::MachineId& id) const {
    const auto gone = fleet->stop(std::span(&id, 1));
    return gone && *gone == std::vector{id};
  }
  void stop_all() const {
    const auto machines = fleet->list();
    for (std::size_t i = 0; machines && i < machines->size(); ++i) {
      EXPECT_TRUE(stop((*machines)[i].id)) << (*machines)[i].id;
    }
  }
  [[nodiscard]] MachineFiles files(const core::MachineId& id) const {
    return {options.state_dir + "/machines/" + id};
  }
  [[nodiscard]] std::string root(const core::MachineId& id) const {
    return options.state_dir + "/runners/" + id;
  }
  // Processes whose arguments hold the name; zombies have none.
  static int processes_called(const std::string& name) {
    const std::string marker = marked(name);
    int count = 0;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
      const std::string line = contents(entry.path().string() + "/cmdline");
      if (line.find(marker) != std::string::npos) ++count;
    }
    return count;
  }

  fakes::TemporaryDirectory home;
  ProcessFleetOptions options;
  std::unique_ptr<ProcessFleet> fleet;
};

}  // namespace jitney::local
