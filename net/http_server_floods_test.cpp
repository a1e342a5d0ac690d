// SPDX-License-Identifier: Apache-2.0
// What strangers may not make the server do: grow, wait, or answer out of order, by sending much
// that is well-formed, or something that never ends.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "net/http_server.hpp"
#include "net/test_server.hpp"
#include "net/test_socket.hpp"

namespace jitney::net {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kChunkedHead =
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

std::size_t resident_bytes() {
  std::size_t all = 0;
  std::size_t resident = 0;
  std::ifstream("/proc/self/statm") >> all >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

// Sends `head`, then `more` over and over; what the server says when it has had enough.
std::string answer_to_endless(const HttpServer& server, std::string_view head,
                              std::string_view more) {
  auto socket = RawSocket::connect(server.port());
  socket.send(head);
  for (int i = 0; i < 4000 && socket.send(more); ++i) {
  }
  return status_line(socket.read_until("\r\n\r\n"));
}

// Closes without the usual end: the peer gets a reset instead.
void reset(RawSocket socket) {
  const linger now{.l_onoff = 1, .l_linger = 0};
  ASSERT_EQ(::setsockopt(socket.fd(), SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
  socket.close();
}

TEST(HttpServerFloods, RefusesAChunkExtensionThatNeverEnds) {
  const auto server = start(echo);
  const std::string line =
      answer_to_endless(*server, std::string(kChunkedHead) + "5;name=", std::string(1000, 'x'));
  EXPECT_TRUE(line.starts_with("HTTP/1.1 4")) << line;
}

TEST(HttpServerFloods, RefusesTrailersThatNeverEnd) {
  const auto server = start(echo);
  const std::string line = answer_to_endless(*server, std::string(kChunkedHead) + "1\r\nx\r\n0\r\n",
                                             "X-Trailer: " + std::string(1000, 'x') + "\r\n");
  EXPECT_TRUE(line.starts_with("HTTP/1.1 4")) << line;
}

TEST(HttpServerFloods, ReadsABodyOfManySmallChunks) {
  constexpr std::size_t kChunks = 20'000;
  const auto server = start(echo);
  std::string body;
  for (std::size_t i = 0; i < kChunks; ++i) body += "1\r\nx\r\n";
  const auto answer = talk(*server, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" +
                                        std::string(kClose) + body + "0\r\n\r\n");
  EXPECT_EQ(body_of(answer), "POST / [" + std::string(kChunks, 'x') + "]");
}

TEST(HttpServerFloods, AnswersThousandsOfPipelinedRequestsInTheirOrder) {
  constexpr int kRequests = 5'000;
  const auto server = start(echo);
  auto socket = RawSocket::connect(server->port());
  // From a thread of its own: the server stops reading while its answers are not read.
  std::jthread sender([to = RawSocket(dup(socket.fd()))]() mutable {
    std::string all;
    for (int i = 0; i < kRequests; ++i) {
      all += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: a\r\n\r\n";
    }
    EXPECT_TRUE(to.send(all));
  });
  for (int i = 0; i < kRequests; ++i) {
    const std::string answer = socket.read_until(" []");
    ASSERT_EQ(body_of(answer), "GET /" + std::to_string(i) + " []");
  }
}

TEST(HttpServerFloods, AnnouncedBodiesTakeNoMemoryUntilTheyArrive) {
  constexpr std::size_t kEach = 25u << 20;
  constexpr std::size_t kClients = 60;
  const auto server = start(echo);
  const std::size_t before = resident_bytes();
  std::vector<RawSocket> clients;
  for (std::size_t i = 0; i < kClients; ++i) {
    clients.push_back(RawSocket::connect(server->port()));
    clients.back().send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: " +
                        std::to_string(kEach) + "\r\n\r\n");
    EXPECT_EQ(status_line(clients.back().read_until("\r\n\r\n")), "HTTP/1.1 100 Continue");
  }
  EXPECT_LT(resident_bytes(), before + kClients * kEach / 10);
  EXPECT_EQ(body_of(talk(*server, get("/alive"))), "GET /alive []");
}

TEST(HttpServerFloods, CutsOffAClientThatSendsOnForEverAfterItWasRefused) {
  const auto server = start(echo, {.body_bytes = 1000});
  auto socket = RawSocket::connect(server->port());
  socket.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999\r\n\r\n");
  const auto until = std::chrono::steady_clock::now() + 30s;
  bool cut = false;
  while (!cut && std::chrono::steady_clock::now() < until) {
    cut = !socket.send(std::string(100'000, 'x'));
  }
  EXPECT_TRUE(cut);
}

TEST(HttpServerFloods, SurvivesClientsThatResetTheirConnection) {
  Waiting waiting;
  const auto server = start(waiting.handler());
  const std::string post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n";
  for (int i = 0; i < 20; ++i) {
    auto half = RawSocket::connect(server->port());
    half.send(post + "ab");
    reset(std::move(half));
    auto whole = RawSocket::connect(server->port());
    whole.send(post + "abcde");
    auto [request, respond] = waiting.take();
    reset(std::move(whole));
    respond(text(std::string(1u << 20, 'x')));
  }
  auto alive = RawSocket::connect(server->port());
  alive.send(get("/alive"));
  waiting.take().second(text("alive"));
  EXPECT_EQ(body_of(alive.read_all()), "alive");
}

}  // namespace
}  // namespace jitney::net
