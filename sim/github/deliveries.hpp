// SPDX-License-Identifier: Apache-2.0
// Webhooks and their delivery records, as GitHub keeps them: no redelivery unless asked for.
// `Hooks` is the book (one thread); `Senders` empties it from threads of its own.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "core/secret.hpp"
#include "core/time.hpp"
#include "net/http.hpp"
#include "net/http_client.hpp"
#include "sim/github/faults.hpp"

namespace jitney::sim {

enum class HookKind { app, organization, repository };

struct Hook {
  std::int64_t id = 0;
  HookKind kind = HookKind::organization;
  std::string owner;  // organisation, "owner/repo", or the App's id
  std::string url;
  core::Secret secret;                                           // empty: unsigned
  std::set<std::string> events{"workflow_job", "workflow_run"};  // "*": all
  bool active = true;
  bool form = false;  // content type form: what is signed is the form
  bool insecure = false;
  core::Time created_at{};
};

struct Delivery {
  std::int64_t id = 0;
  std::int64_t hook = 0;
  std::string guid;
  std::string event;
  std::string action;  // may be empty
  std::int64_t installation_id = 0;
  std::int64_t repository_id = 0;
  bool redelivery = false;
  bool done = false;
  core::Time delivered_at{};
  double duration = 0;  // seconds
  std::string status;   // "OK", "failed to connect to host", "timed out", ...
  int status_code = 0;
  net::Headers headers;  // as sent
  std::shared_ptr<const std::string> payload;
  bool form = false;   // sent as one
  std::string answer;  // its first bytes
  net::Headers answer_headers;
};

struct HookEvent {
  std::string event;
  std::string action;
  std::string lane;  // what shares a lane is sent in order
  std::int64_t installation_id = 0;
  std::int64_t repository_id = 0;
  std::string payload;
};

struct Outgoing {
  std::int64_t delivery = 0;
  std::string lane;
  std::string url;
  net::Request request;
};

struct Sent {
  int status_code = 0;
  std::string status;
  double duration = 0;
  std::string answer;
  net::Headers answer_headers;
};

class Hooks {
 public:
  explicit Hooks(std::uint64_t seed) : random_(seed) {}

  Hook& add(Hook hook, core::Time now);  // gives it its id
  Hook* find(std::int64_t id);
  [[nodiscard]] const std::vector<std::unique_ptr<Hook>>& all() const { return hooks_; }

  // Writes the record and queues it; `faults` may have it lost, failed, repeated, late or
  // overtaken.
  void send(const Hook& hook, const HookEvent& notice, WebhookFaults& faults, core::Time now);
  // A new delivery of the same GUID. False: no such delivery.
  bool redeliver(std::int64_t delivery, core::Time now);

  std::optional<Outgoing> take(core::Time now);
  [[nodiscard]] std::optional<core::Time> next_due() const;
  void finish(std::int64_t delivery, const std::string& lane, Sent sent, core::Time now);

  // Newest first.
  [[nodiscard]] const std::map<std::int64_t, Delivery, std::greater<>>& deliveries() const {
    return deliveries_;
  }
  [[nodiscard]] std::size_t pending() const { return pending_; }  // not sent yet, or under way
  [[nodiscard]] std::int64_t lost() const { return lost_; }

 private:
  struct Waiting {
    std::int64_t delivery = 0;
    core::Time due{};
  };
  void enqueue(Delivery delivery, const std::string& lane, core::Time due);
  std::string new_guid();

  std::mt19937_64 random_;
  std::vector<std::unique_ptr<Hook>> hooks_;  // stable addresses
  std::map<std::int64_t, Delivery, std::greater<>> deliveries_;
  std::map<std::string, std::deque<Waiting>> lanes_;  // a lane under way is not in ready_
  std::set<std::pair<core::Time, std::string>> ready_;
  std::size_t pending_ = 0;
  std::int64_t lost_ = 0;
  std::int64_t next_hook_ = 500'001;
  std::int64_t next_delivery_ = 190'000'000'001;
  std::int64_t next_lane_ = 1;
};

// Sends what the book holds; `mutex` guards the book. Joins its threads when it dies.
class Senders {
 public:
  Senders(std::mutex& mutex, Hooks& hooks, int threads, std::chrono::milliseconds timeout);
  ~Senders();
  void wake() { changed_.notify_all(); }

 private:
  void run(const std::stop_token& stop);

  std::mutex& mutex_;
  Hooks& hooks_;
  std::chrono::milliseconds timeout_;
  net::HttpClient client_;
  std::condition_variable_any changed_;
  std::vector<std::jthread> threads_;
};

core::Time wall_clock();

}  // namespace jitney::sim
