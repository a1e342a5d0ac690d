// SPDX-License-Identifier: Apache-2.0
// From a signed webhook to a durable row to the answer. On the I/O thread: signature, then parsing.
// On one ingress thread: all that waits becomes durable at once, then every waiter is answered.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "apps/host/webhook.hpp"
#include "apps/serve/metrics.hpp"
#include "apps/serve/workers.hpp"
#include "net/http_server.hpp"

namespace jitney::app {

// One request that waits for its intake to be stored.
struct Arrival {
  Intake intake;
  net::Responder respond;
};

struct GroupOptions {
  std::size_t waiting = 4096;  // beyond: 503, and GitHub's delivery is redelivered by a sweep
  std::size_t together = 256;  // bounds how long one group takes
};

// The group commit. Thread-safe. The destructor answers all that wait, then ends its thread.
class IngressGroup {
 public:
  IngressGroup(GroupOptions options, NewContext context, Metrics& metrics);
  ~IngressGroup();
  IngressGroup(const IngressGroup&) = delete;
  IngressGroup& operator=(const IngressGroup&) = delete;

  // Answers at once with 503 when too many wait or it is ending. Never blocks.
  void submit(Arrival arrival);
  // Answers all that wait; later submits get 503. Idempotent; returns when the thread has ended.
  void drain();

 private:
  void run();
  void store(std::vector<Arrival>& group);

  const GroupOptions options_;
  const NewContext context_;
  Metrics& metrics_;
  std::mutex mutex_;  // of `waiting_` and `ending_`
  std::condition_variable arrived_;
  std::deque<Arrival> waiting_;
  bool ending_ = false;
  std::jthread thread_;
};

// The handler of the webhook listener: POST /webhook tries the secrets of all scopes, POST
// /webhook/<scope> that one only. Thread-safe; never blocks.
class Ingress {
 public:
  Ingress(std::vector<WebhookScope> scopes, IngressGroup& group, core::Clock& clock,
          Metrics& metrics);
  void handle(net::Request request, net::Responder respond) const;

 private:
  const std::vector<WebhookScope> scopes_;
  IngressGroup& group_;
  core::Clock& clock_;
  Metrics& metrics_;
};

}  // namespace jitney::app
