// SPDX-License-Identifier: Apache-2.0
// For tests only: a Lambda Runtime API on loopback that hands out events and keeps the answers. It
// refuses what Lambda refuses: answers to another event, answers that are too long. Thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "net/http_server.hpp"

namespace jitney::tests {

class RuntimeApi {
 public:
  struct Event {
    std::string payload;
    std::chrono::milliseconds time{30'000};  // until its deadline
    // Instead of the usual headers, for events that Lambda would not send.
    std::optional<net::Headers> headers;
  };
  struct Answer {
    std::string request_id;
    bool error = false;
    std::string body;
    std::string error_type;  // of the header
  };

  RuntimeApi();

  [[nodiscard]] std::string address() const;  // for AWS_LAMBDA_RUNTIME_API
  // Queues an event; it is handed out when the function asks. Returns its request id.
  std::string send(Event event);
  // The next answer, or nullopt when none came in time.
  std::optional<Answer> answer(std::chrono::milliseconds longest = std::chrono::seconds(20));
  // Blocks until the function waits for an event.
  bool wait_asked(int times, std::chrono::milliseconds longest = std::chrono::seconds(20));
  [[nodiscard]] int asked() const;
  std::optional<Answer> init_error(std::chrono::milliseconds longest = std::chrono::seconds(20));

  // Every connection dies, as after a long freeze; the address stays.
  void cut();
  // `next` is refused from now on: a function must end.
  void refuse(int status);
  // The next answer is taken with this status.
  void judge_next(int status);

 private:
  void handle(const net::Request& request, net::Responder respond);
  void next(net::Responder respond);
  void take(const net::Request& request, net::Responder& respond, std::string_view id, bool error);
  void give(net::Responder respond, Event event);

  mutable std::mutex mutex_;  // of all below but the server
  std::condition_variable changed_;
  std::deque<std::pair<std::string, Event>> events_;
  std::deque<Answer> answers_;
  std::optional<Answer> init_error_;
  std::optional<net::Responder> waiting_;
  std::optional<std::pair<std::string, Event>> current_;
  int asked_ = 0;
  int sent_ = 0;
  int refused_ = 0;
  int verdict_ = 0;
  std::uint16_t port_ = 0;
  std::unique_ptr<net::HttpServer> server_;  // last: its threads use all the above
};

}  // namespace jitney::tests
