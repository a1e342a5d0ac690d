// SPDX-License-Identifier: Apache-2.0
// What strangers may not do to the server: too much, too slow, or no HTTP at all.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "net/http_server.hpp"
#include "net/test_server.hpp"
#include "net/test_socket.hpp"

namespace jitney::net {
namespace {

using namespace std::chrono_literals;

TEST(HttpServerLimits, RefusesAnAnnouncedBodyThatIsTooLong) {
  const auto server = start(echo, {.body_bytes = 1000});
  auto socket = RawSocket::connect(server->port());
  socket.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n");
  EXPECT_EQ(status_line(socket.read_all()), "HTTP/1.1 413 Content Too Large");
}

TEST(HttpServerLimits, TellsAClientThatGoesOnSendingWhyItWasRefused) {
  const auto server = start(echo, {.body_bytes = 1000});
  auto socket = RawSocket::connect(server->port());
  const std::string body(8u << 20, 'x');
  socket.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) +
              "\r\n\r\n");
  EXPECT_TRUE(socket.send(body));
  EXPECT_NE(socket.read_until("bytes\"}").find("HTTP/1.1 413"), std::string::npos);
}

TEST(HttpServerLimits, RefusesAChunkedBodyThatIsTooLong) {
  const auto server = start(echo, {.body_bytes = 1000});
  const std::string chunk = "190\r\n" + std::string(400, 'x') + "\r\n";
  const auto answer =
      talk(*server, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk +
                        chunk + chunk + "0\r\n\r\n");
  EXPECT_EQ(status_line(answer), "HTTP/1.1 413 Content Too Large");
  EXPECT_EQ(body_of(answer), "{\"message\": \"the body is longer than 1000 bytes\"}\n");
}

TEST(HttpServerLimits, RefusesAHeaderThatIsTooLong) {
  const auto server = start(echo, {.header_bytes = 2000});
  const std::string many(3000, 'x');
  EXPECT_EQ(status_line(talk(*server, "GET / HTTP/1.1\r\nHost: a\r\nX: " + many + "\r\n\r\n")),
            "HTTP/1.1 431 Request Header Fields Too Large");
  EXPECT_EQ(status_line(talk(*server, "GET /" + many + " HTTP/1.1\r\nHost: a\r\n\r\n")),
            "HTTP/1.1 431 Request Header Fields Too Large");
}

TEST(HttpServerLimits, RefusesAHeaderThatNeverEnds) {
  const auto server = start(echo);
  auto socket = RawSocket::connect(server->port());
  socket.send("GET / HTTP/1.1\r\nHost: a\r\n");
  const std::string line = "X: " + std::string(1000, 'x') + "\r\n";
  for (int i = 0; i < 1000 && socket.send(line); ++i) {
  }
  EXPECT_EQ(status_line(socket.read_until("}")), "HTTP/1.1 431 Request Header Fields Too Large");
}

TEST(HttpServerLimits, RefusesWhatIsNoHttp) {
  const auto server = start(echo);
  const std::vector<std::string> bad{
      "hello\r\n\r\n",
      "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET / HTTP/1.1\r\nHost a\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nX\x01Y: b\r\n\r\n",
      "GET / HTTP/1.1\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
      "CONNECT b:80 HTTP/1.1\r\nHost: b:80\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: "
      "chunked\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
  };
  for (const auto& request : bad) {
    const auto answer = talk(*server, request);
    EXPECT_EQ(status_line(answer), "HTTP/1.1 400 Bad Request") << request;
    EXPECT_EQ(body_of(answer).substr(0, 12), "{\"message\": ") << request;
  }
}

TEST(HttpServerLimits, RefusesOtherVersionsAndExpectations) {
  const auto server = start(echo);
  EXPECT_EQ(status_line(talk(*server, "GET / HTTP/1.1\r\nHost: a\r\nExpect: magic\r\n\r\n")),
            "HTTP/1.1 417 Expectation Failed");
  const auto line = status_line(talk(*server, "GET / HTTP/3.0\r\nHost: a\r\n\r\n"));
  EXPECT_TRUE(line.starts_with("HTTP/1.1 505") || line.starts_with("HTTP/1.1 400")) << line;
}

TEST(HttpServerLimits, CutsOffASlowHeader) {
  const auto server = start(echo, {.header_time = 200ms});
  auto socket = RawSocket::connect(server->port());
  socket.send("GET / HTTP/1.1\r\nHo");
  EXPECT_EQ(status_line(socket.read_all()), "HTTP/1.1 408 Request Timeout");
}

TEST(HttpServerLimits, CutsOffAHeaderThatDrips) {
  // A byte now and then must not extend the time.
  const auto server = start(echo, {.header_bytes = 64u << 20, .header_time = 300ms});
  auto socket = RawSocket::connect(server->port());
  std::atomic<bool> done = false;
  std::jthread drip([&] {
    socket.send("GET / HTTP/1.1\r\nX: ");
    while (!done && socket.send("x")) std::this_thread::yield();
  });
  EXPECT_EQ(status_line(RawSocket(dup(socket.fd())).read_until("}")),
            "HTTP/1.1 408 Request Timeout");
  done = true;
}

TEST(HttpServerLimits, CutsOffASlowBody) {
  const auto server = start(echo, {.body_time = 200ms});
  auto socket = RawSocket::connect(server->port());
  socket.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
  EXPECT_EQ(status_line(socket.read_all()), "HTTP/1.1 408 Request Timeout");
}

TEST(HttpServerLimits, CutsOffAClientThatDoesNotReadItsAnswer) {
  constexpr std::size_t kLong = 64u << 20;
  const auto server = start(
      [](const Request& request, Responder respond) {
        respond(text(std::string(request.target == "/long" ? kLong : 1, 'x')));
      },
      {.body_time = 300ms, .connections = 1});
  auto deaf = RawSocket::connect(server->port());
  deaf.send(get("/long"));
  const auto until = std::chrono::steady_clock::now() + 10s;
  std::string line;
  while (line != "HTTP/1.1 200 OK" && std::chrono::steady_clock::now() < until) {
    auto next = RawSocket::connect(server->port());
    next.send(get("/short"));
    line = status_line(next.read_until("\r\n\r\n"));
  }
  EXPECT_EQ(line, "HTTP/1.1 200 OK");
  EXPECT_LT(deaf.read_all().size(), kLong);
}

TEST(HttpServerLimits, BoundsTheBodiesOfAllRequestsTogether) {
  Waiting waiting;
  const auto server = start(waiting.handler(), {.bodies_bytes = 100'000});
  const std::string post = "POST / HTTP/1.1\r\nContent-Length: 60000\r\n" + std::string(kClose);
  auto first = RawSocket::connect(server->port());
  first.send(post + std::string(60'000, 'x'));
  auto held = waiting.take();
  auto second = RawSocket::connect(server->port());
  second.send(post + std::string(60'000, 'x'));
  EXPECT_EQ(status_line(second.read_until("}")), "HTTP/1.1 503 Service Unavailable");
  held.second(text("done"));
  EXPECT_EQ(body_of(first.read_all()), "done");
  auto third = RawSocket::connect(server->port());
  third.send(post + std::string(60'000, 'x'));
  waiting.take().second(text("room again"));
  EXPECT_EQ(body_of(third.read_all()), "room again");
}

TEST(HttpServerLimits, ClosesAnIdleConnectionWithoutAWord) {
  const auto server = start(echo, {.idle_time = 200ms});
  auto socket = RawSocket::connect(server->port());
  socket.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  socket.read_until("[]");
  EXPECT_EQ(socket.read_all(), "");
}

TEST(HttpServerLimits, SurvivesAClientThatHangsUpAnywhere) {
  const auto server = start(echo);
  const std::string whole = "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
  for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
    RawSocket::connect(server->port()).send(whole.substr(0, cut));
  }
  EXPECT_EQ(body_of(talk(*server, get("/alive"))), "GET /alive []");
}

TEST(HttpServerLimits, RefusesConnectionsAboveTheLimit) {
  const auto server = start(echo, {.connections = 2});
  std::vector<RawSocket> open;
  for (int i = 0; i < 2; ++i) {
    open.push_back(RawSocket::connect(server->port()));
    open.back().send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    open.back().read_until("[]");
  }
  auto third = RawSocket::connect(server->port());
  EXPECT_EQ(status_line(third.read_until("}")), "HTTP/1.1 503 Service Unavailable");
  third.close();
  open.clear();
  // Room again once the others are gone.
  const auto until = std::chrono::steady_clock::now() + 10s;
  std::string line;
  while (line != "HTTP/1.1 200 OK" && std::chrono::steady_clock::now() < until) {
    line = status_line(talk(*server, get("/")));
  }
  EXPECT_EQ(line, "HTTP/1.1 200 OK");
}

}  // namespace
}  // namespace jitney::net
