// SPDX-License-Identifier: Apache-2.0
// The built program as a child process, and a deployment's records for it to show. One thread.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <string>
#include <thread>
#include <vector>

#include "apps/serve/serve_test_world.hpp"
#include "core/ledger.hpp"
#include "core/queue.hpp"

extern char** environ;

namespace jitney::app {

struct Ran {
  int status = -1;
  std::string out, err;
};

inline std::string drain(int fd) {
  std::string all;
  std::array<char, 4096> part{};
  for (ssize_t got = 0; (got = read(fd, part.data(), part.size())) > 0;) {
    all.append(part.data(), static_cast<std::size_t>(got));
  }
  close(fd);
  return all;
}

inline Ran run_jitney(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), JITNEY_BINARY);
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  int out[2], err[2];
  EXPECT_EQ(pipe2(out, O_CLOEXEC), 0);
  EXPECT_EQ(pipe2(err, O_CLOEXEC), 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err[1], STDERR_FILENO);
  pid_t pid = 0;
  EXPECT_EQ(posix_spawn(&pid, JITNEY_BINARY, &actions, nullptr, argv.data(), environ), 0);
  posix_spawn_file_actions_destroy(&actions);
  close(out[1]);
  close(err[1]);
  Ran ran;
  std::thread errors([&] { ran.err = drain(err[0]); });
  ran.out = drain(out[0]);
  errors.join();
  int status = 0;
  waitpid(pid, &status, 0);
  ran.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return ran;
}

inline void record_job(core::Ledger& ledger, core::Time now, core::JobId id, core::JobStatus status,
                       const std::string& name, const std::string& conclusion = "",
                       const std::string& runner = "", const std::string& pool = "linux") {
  core::JobEvent event = test_event(id, status, "linux");
  event.name = name;
  event.conclusion = conclusion;
  event.runner_name = runner;
  event.pool = pool;
  event.ignored = pool.empty() ? "no pool covers the labels [gpu]" : "";
  event.seen_at = now;
  event.created_at = event.started_at = event.completed_at = event.seen_at;
  event.source = "webhook 7";
  const auto recorded = ledger.record(std::span(&event, 1));
  ASSERT_TRUE(recorded) << recorded.error().what;
}

// 101 runs on a runner of ours, 102 waits for the cap, 103 is dead, 104 is done, 105 is ignored.
inline void fill_records(core::Ledger& ledger, core::Queue& queue, core::Time now) {
  using core::Event;
  using core::JobStatus;
  record_job(ledger, now, 101, JobStatus::queued, "build\033[2J me");
  core::Batch batch;
  batch.id = "jitney-linux-1";
  batch.pool = "linux";
  batch.runners = {"jitney-linux-1"};
  batch.numbers = {1};
  batch.jobs = {101};
  batch.created_at = now;
  batch.deadline = now + std::chrono::minutes(5);
  const auto snapshot = ledger.snapshot("linux");
  ASSERT_TRUE(snapshot) << snapshot.error().what;
  ASSERT_EQ(ledger.claim(batch, snapshot->state.version, 1), core::Claimed::ok);
  ASSERT_TRUE(ledger.advance("jitney-linux-1", Event::machine_bound, {.machine = "m1"}, now));
  ASSERT_TRUE(ledger.advance("jitney-linux-1", Event::machine_answered, {}, now));
  ASSERT_TRUE(ledger.advance("jitney-linux-1", Event::start_claimed,
                             {.lease_until = now + std::chrono::minutes(2)}, now));
  ASSERT_TRUE(ledger.advance("jitney-linux-1", Event::start_done, {.forge_id = 17}, now));
  record_job(ledger, now, 101, JobStatus::in_progress, "build\033[2J me", "", "jitney-linux-1");
  record_job(ledger, now, 102, JobStatus::queued, "test");
  record_job(ledger, now, 103, JobStatus::queued, "broken");
  ASSERT_TRUE(ledger.bury(103, {.cause = "runner package is missing", .at = now}));
  ASSERT_TRUE(
      queue.bury({core::MessageKind::dead_job, "103", ""}, "runner package is missing", now));
  record_job(ledger, now, 104, JobStatus::completed, "old", "success");
  record_job(ledger, now, 105, JobStatus::queued, "not ours", "", "", "");
}

}  // namespace jitney::app
