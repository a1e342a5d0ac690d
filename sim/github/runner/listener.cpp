// SPDX-License-Identifier: Apache-2.0
#include "sim/github/runner/listener.hpp"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <mutex>
#include <thread>

#include "net/json.hpp"
#include "net/rfc3339.hpp"
#include "sim/github/runner/job.hpp"
#include "sim/github/runner/service.hpp"
#include "sim/github/runner/version.hpp"

namespace jitney::sim::runner {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using core::Fault;
using std::chrono::milliseconds;
using std::chrono::seconds;

core::Time now() { return std::chrono::floor<core::Duration>(std::chrono::system_clock::now()); }

// "2026-01-02 03:04:05Z: text", as the real one prints.
void say(const std::string& text) {
  std::string stamp = net::format_rfc3339(now());
  stamp[10] = ' ';
  std::cout << stamp << ": " << text << std::endl;
}

int conflict_seconds() {
  // The real one tries for four minutes; tests have less time.
  const char* wish = std::getenv("JITNEY_SIM_SESSION_CONFLICT_SECONDS");
  return wish != nullptr ? std::atoi(wish) : 240;
}

class Listener {
 public:
  Listener(fs::path root, const JitConfiguration& configuration, bool once)
      : root_(std::move(root)),
        configuration_(configuration),
        once_(once),
        service_(configuration) {}

  int run();

 private:
  int connect();                   // kDone: there is a session
  std::optional<int> poll_once();  // nullopt: go on
  std::optional<int> take(const json::value& message);
  void beat(const std::stop_token& stop, const std::string& job);
  void watch_signals(const std::stop_token& stop);
  void report(const std::string& job, const JobOutcome& outcome);
  void obey(const json::value& body);
  void close_session();
  void trace(const std::string& text);
  bool wait(milliseconds time);  // false: asked to stop
  std::string session_path() const { return "/sessions/" + std::to_string(session_); }
  void forget_configuration();

  const fs::path root_;
  const JitConfiguration& configuration_;
  const bool once_;
  Service service_;
  std::atomic<std::int64_t> session_{0};
  std::atomic<bool> stopping_{false};   // SIGTERM or SIGINT
  std::atomic<bool> cancelled_{false};  // the server wants the job to end
  std::atomic<bool> working_{false};
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::ofstream trace_;
};

void Listener::trace(const std::string& text) {
  const std::scoped_lock lock(mutex_);
  if (!trace_.is_open()) {
    std::error_code ignored;
    fs::create_directories(root_ / "_diag", ignored);
    std::string stamp = net::format_rfc3339(now());
    std::erase_if(stamp, [](char c) { return c == ':' || c == 'Z'; });
    trace_.open(root_ / "_diag" / ("Runner_" + stamp + "-utc.log"), std::ios::app);
  }
  trace_ << "[" << net::format_rfc3339(now()) << " INFO Listener] " << text << std::endl;
}

bool Listener::wait(milliseconds time) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, time, [this] { return stopping_.load(); });
  return !stopping_;
}

// The simulation may ask for a misfortune.
void Listener::obey(const json::value& body) {
  const json::value* order = net::get_object(body, "sim");
  if (order == nullptr) return;
  if (const auto code = net::get_int(*order, "exit_code")) _exit(static_cast<int>(*code));
  if (net::get_bool(*order, "kill").value_or(false)) kill(getpid(), SIGKILL);
}

void Listener::watch_signals(const std::stop_token& stop) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  const timespec patience{.tv_sec = 0, .tv_nsec = 50'000'000};
  while (!stop.stop_requested()) {
    const int signal = sigtimedwait(&set, nullptr, &patience);
    if (signal != SIGTERM && signal != SIGINT) continue;
    {
      const std::scoped_lock lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    say("Exiting...");
    // Ends the poll that the main thread may be waiting in.
    if (!working_) close_session();
  }
}

void Listener::close_session() {
  if (session_ == 0) return;
  const auto closed = service_.call("DELETE", session_path(), nullptr, seconds(5));
  trace(closed ? "Session deleted." : "Session could not be deleted: " + closed.error().what);
}

int Listener::connect() {
  const auto give_up = std::chrono::steady_clock::now() + seconds(conflict_seconds());
  for (milliseconds pause{250};; pause = std::min(pause * 2, milliseconds(4000))) {
    core::Status status = service_.authenticate();
    core::Result<Reply> reply = Reply();
    if (status) {
      const json::value body =
          json::object{{"version", kVersion}, {"agent", configuration_.agent_name}};
      reply = service_.call("POST", "/sessions", &body);
      if (!reply) status = std::unexpected(reply.error());
    }
    if (status && reply->status == 201) {
      obey(reply->body);
      session_ = net::get_int(reply->body, "session").value_or(0);
      return kDone;
    }
    if (status && reply->status == 409) {
      say("A session for this runner already exists.");
      if (std::chrono::steady_clock::now() >= give_up) return kSessionConflict;
    } else if (!status && status.error().fault != Fault::not_found) {
      say("Runner connect error: " + status.error().what + ". Retrying until reconnected.");
    } else {
      const std::string why =
          status ? net::get_string_or(reply->body, "message", "refused") : status.error().what;
      std::cerr << "Failed to create a session. The runner registration has been deleted from the "
                   "server, please re-configure. ("
                << why << ")" << std::endl;
      return kTerminated;
    }
    if (!wait(pause)) return kDone;
  }
}

void Listener::beat(const std::stop_token& stop, const std::string& job) {
  while (!stop.stop_requested()) {
    const auto reply =
        service_.call("POST", session_path() + "/jobs/" + job + "/heartbeat", nullptr, seconds(10));
    if (reply && (reply->status == 404 || net::get_bool(reply->body, "cancel").value_or(false))) {
      if (!cancelled_.exchange(true)) trace("The job is to be cancelled.");
    }
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, stop, milliseconds(1000), [] { return false; });
  }
}

void Listener::report(const std::string& job, const JobOutcome& outcome) {
  const json::value body = json::object{{"result", outcome.result}, {"steps", outcome.steps}};
  // An outage may last; a stop may not.
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::minutes(10);
  while (std::chrono::steady_clock::now() < give_up) {
    const auto reply = service_.call("POST", session_path() + "/jobs/" + job + "/finish", &body);
    if (reply) {
      trace("Job reported: " + std::to_string(reply->status));
      return;
    }
    if (!wait(milliseconds(1000))) return;
  }
}

std::optional<int> Listener::take(const json::value& message) {
  obey(message);
  if (stopping_) return kDone;
  const std::string job = std::to_string(net::get_int(message, "job_id").value_or(0));
  const std::string name = net::get_string_or(message, "name", "");
  core::Result<Reply> started = Reply();
  do {
    started = service_.call("POST", session_path() + "/jobs/" + job + "/start");
  } while (!started && wait(milliseconds(500)));
  if (!started || started->status != 200) {
    say("Job " + name + " is not ours any more.");
    return kDone;
  }
  working_ = true;
  obey(started->body);
  say("Running job: " + name);
  trace("Job " + job + " started.");
  JobOutcome outcome;
  {
    const std::jthread heart([&](const std::stop_token& stop) { beat(stop, job); });
    try {
      outcome = run_job(JobPlace{.root = root_,
                                 .work_folder = configuration_.work_folder,
                                 .runner_name = configuration_.agent_name},
                        message, [this] { return stopping_ || cancelled_; });
    } catch (const std::exception& problem) {  // the disk is full, a directory is not ours
      trace(std::string("The job could not be run: ") + problem.what());
      outcome.result = "Failed";
    }
  }
  report(job, outcome);
  say("Job " + name + " completed with result: " + outcome.result);
  working_ = false;
  cancelled_ = false;
  if (!configuration_.ephemeral && !once_ && !stopping_) return std::nullopt;
  if (configuration_.ephemeral) forget_configuration();
  return kDone;
}

// What the registration leaves behind once the service has removed it.
void Listener::forget_configuration() {
  for (const char* name : {".runner", ".credentials", ".credentials_rsaparams"}) {
    std::error_code ignored;
    fs::remove(root_ / name, ignored);
  }
}

std::optional<int> Listener::poll_once() {
  const auto reply = service_.call("GET", session_path() + "/message", nullptr, seconds(90));
  if (stopping_) return kDone;
  if (!reply) {
    trace("Poll failed: " + reply.error().what);
    if (!wait(milliseconds(500))) return kDone;
    return std::nullopt;
  }
  if (reply->status == 200 && net::get_int(reply->body, "job_id")) return take(reply->body);
  if (reply->status == 200) obey(reply->body);
  if (reply->status == 401 || reply->status == 404) {
    // The session may have ended while we could not be heard. A new one tells the two apart.
    session_ = 0;
    const core::Status known = service_.authenticate();
    if (!known && known.error().fault == Fault::not_found) {
      say("The runner registration has been deleted from the server.");
      forget_configuration();
      return kDone;
    }
    if (const int code = connect(); code != kDone || session_ == 0) return code;
  }
  return std::nullopt;
}

int Listener::run() {
  std::jthread signals([this](const std::stop_token& stop) { watch_signals(stop); });
  int code = connect();
  if (code == kDone && session_ != 0) {
    std::cout << "\n√ Connected to GitHub\n\nCurrent runner version: '" << kVersion << "'"
              << std::endl;
    say("Listening for Jobs");
    trace("Listening for Jobs");
    std::optional<int> ended;
    while (!stopping_ && !ended) ended = poll_once();
    code = ended.value_or(kDone);
  }
  signals.request_stop();
  signals.join();
  if (code == kDone) close_session();
  return code;
}

}  // namespace

int listen_for_jobs(const fs::path& root, const JitConfiguration& configuration, bool once) {
  return Listener(root, configuration, once).run();
}

}  // namespace jitney::sim::runner
