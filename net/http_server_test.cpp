// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <future>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "net/http_server.hpp"
#include "net/test_server.hpp"
#include "net/test_socket.hpp"

namespace jitney::net {
namespace {

using namespace std::chrono_literals;

TEST(HttpServer, AnswersARequestWithABody) {
  const auto server = start(echo);
  const auto answer = talk(
      *server, "POST /x?y=1 HTTP/1.1\r\nContent-Length: 5\r\n" + std::string(kClose) + "hello");
  EXPECT_EQ(status_line(answer), "HTTP/1.1 200 OK");
  EXPECT_EQ(body_of(answer), "POST /x?y=1 [hello]");
  EXPECT_NE(answer.find("\r\nContent-Length: 19\r\n"), std::string::npos);
}

TEST(HttpServer, AnswersPipelinedRequestsInTheirOrder) {
  Waiting waiting;
  const auto server = start(waiting.handler());
  auto socket = RawSocket::connect(server->port());
  std::string requests;
  for (int i = 0; i < 20; ++i) {
    requests += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: a\r\n\r\n";
  }
  socket.send(requests + get("/last"));
  for (int i = 0; i < 21; ++i) {
    auto [request, respond] = waiting.take();
    std::jthread([&] { respond(text(request.target + ";")); }).join();
  }
  const std::string all = socket.read_all();
  std::size_t at = 0;
  for (int i = 0; i < 20; ++i) {
    at = all.find("/" + std::to_string(i) + ";", at);
    ASSERT_NE(at, std::string::npos) << i;
  }
  EXPECT_NE(all.find("/last;", at), std::string::npos);
}

TEST(HttpServer, KeepsAConnectionForTheNextRequest) {
  const auto server = start(echo);
  auto socket = RawSocket::connect(server->port());
  for (int i = 0; i < 3; ++i) {
    socket.send("POST /again HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx");
    EXPECT_EQ(socket.read_until("[x]").substr(0, 12), "HTTP/1.1 200");
  }
}

TEST(HttpServer, ClosesAfterHttp10WithoutKeepAlive) {
  const auto server = start(echo);
  const auto answer = talk(*server, "GET /old HTTP/1.0\r\n\r\n");
  EXPECT_EQ(body_of(answer), "GET /old []");
  EXPECT_NE(answer.find("Connection: close"), std::string::npos);
}

TEST(HttpServer, TakesAbsoluteFormTargets) {
  const auto server = start(echo);
  EXPECT_EQ(body_of(talk(*server, get("http://a.example/p?q"))), "GET /p?q []");
  EXPECT_EQ(body_of(talk(*server, get("http://a.example?q"))), "GET /?q []");
  EXPECT_EQ(body_of(talk(*server, get("http://a.example"))), "GET / []");
}

TEST(HttpServer, AnswersHeadWithTheLengthButNoBody) {
  const auto server = start(echo);
  const auto answer = talk(*server, "HEAD /x HTTP/1.1\r\n" + std::string(kClose));
  EXPECT_EQ(body_of(answer), "");
  EXPECT_NE(answer.find("Content-Length: 10\r\n"), std::string::npos);
}

TEST(HttpServer, SendsNoBodyWith204) {
  const auto server = start([](const Request&, Responder respond) {
    Response response = text("not to be seen");
    response.status = 204;
    respond(std::move(response));
  });
  const auto answer = talk(*server, get("/"));
  EXPECT_EQ(status_line(answer), "HTTP/1.1 204 No Content");
  EXPECT_EQ(body_of(answer), "");
  EXPECT_EQ(answer.find("Content-Length"), std::string::npos);
}

TEST(HttpServer, ReadsAChunkedBodyAndIgnoresTrailers) {
  const auto server = start([](const Request& request, Responder respond) {
    respond(text(request.body + (request.headers.get("X-Signature") ? " signed" : " unsigned")));
  });
  const auto answer =
      talk(*server, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + std::string(kClose) +
                        "3\r\nabc\r\n2\r\nde\r\n0\r\nX-Signature: forged\r\n\r\n");
  EXPECT_EQ(body_of(answer), "abcde unsigned");
}

TEST(HttpServer, AnswersExpectContinueBeforeTheBody) {
  const auto server = start(echo);
  auto socket = RawSocket::connect(server->port());
  socket.send("POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n" +
              std::string(kClose));
  EXPECT_EQ(socket.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  socket.send("ok");
  EXPECT_EQ(body_of(socket.read_all()), "POST / [ok]");
}

TEST(HttpServer, TakesTheAnswerFromAnotherThread) {
  Waiting waiting;
  const auto server = start(waiting.handler());
  auto socket = RawSocket::connect(server->port());
  socket.send(get("/later"));
  auto [request, respond] = waiting.take();
  std::jthread([&] { respond(text("late but here")); }).join();
  EXPECT_EQ(body_of(socket.read_all()), "late but here");
}

TEST(HttpServer, Answers500WhenTheResponderIsDropped) {
  const auto server = start([](const Request&, const Responder&) {});
  EXPECT_EQ(status_line(talk(*server, get("/"))), "HTTP/1.1 500 Internal Server Error");
}

TEST(HttpServer, Answers500WhenTheHandlerThrows) {
  const auto server =
      start([](const Request&, const Responder&) { throw std::runtime_error("x"); });
  EXPECT_EQ(status_line(talk(*server, get("/"))), "HTTP/1.1 500 Internal Server Error");
}

TEST(HttpServer, IgnoresASecondAnswer) {
  const auto server = start([](const Request&, Responder respond) {
    respond(text("first"));
    respond(text("second"));
  });
  const auto answer = talk(*server, get("/"));
  EXPECT_EQ(body_of(answer), "first");
}

TEST(HttpServer, Answers503WhenTheHandlerTakesTooLong) {
  Waiting waiting;
  const auto server = start(waiting.handler(), {.answer_time = 1s});
  auto socket = RawSocket::connect(server->port());
  socket.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(status_line(socket.read_until("again\"}\n")), "HTTP/1.1 503 Service Unavailable");
  // The late answer must not pass for the next request's.
  auto [request, respond] = waiting.take();
  socket.send(get("/next"));
  auto next = waiting.take();
  respond(text("late"));
  next.second(text("right"));
  EXPECT_EQ(body_of(socket.read_all()), "right");
}

TEST(HttpServer, DoesNotLetAHeaderSplitTheAnswer) {
  for (const std::string& bad :
       {std::string("a\r\nSet-Cookie: x"), std::string("a\nSet-Cookie: x"), std::string(3, '\0')}) {
    const auto server = start([bad](const Request&, Responder respond) {
      Response response = text("body");
      response.headers.add("Location", bad);
      respond(std::move(response));
    });
    const auto answer = talk(*server, get("/"));
    EXPECT_EQ(status_line(answer), "HTTP/1.1 500 Internal Server Error");
    EXPECT_EQ(answer.find("Set-Cookie"), std::string::npos);
  }
  const auto server = start([](const Request&, Responder respond) {
    Response response = text("body");
    response.headers.add("X: y\r\nZ", "w");
    respond(std::move(response));
  });
  EXPECT_EQ(status_line(talk(*server, get("/"))), "HTTP/1.1 500 Internal Server Error");
}

TEST(HttpServer, FramesAnswersItself) {
  const auto server = start([](const Request&, Responder respond) {
    Response response = text("body");
    response.headers.add("Content-Length", "999");
    response.headers.add("Transfer-Encoding", "chunked");
    respond(std::move(response));
  });
  const auto answer = talk(*server, get("/"));
  EXPECT_EQ(body_of(answer), "body");
  EXPECT_EQ(answer.find("999"), std::string::npos);
  EXPECT_EQ(answer.find("chunked"), std::string::npos);
}

TEST(HttpServer, ServesManyConnectionsAtOnce) {
  Waiting waiting;
  const auto server = start(waiting.handler());
  std::vector<RawSocket> open;
  for (int i = 0; i < 200; ++i) {
    open.push_back(RawSocket::connect(server->port()));
    ASSERT_TRUE(open.back().send(get("/" + std::to_string(i))));
  }
  std::vector<std::pair<Request, Responder>> kept;
  for (int i = 0; i < 200; ++i) kept.push_back(waiting.take());
  {
    std::vector<std::jthread> writers;
    for (std::size_t t = 0; t < 4; ++t) {
      writers.emplace_back([&kept, t] {
        for (std::size_t i = t; i < kept.size(); i += 4) {
          kept[i].second(text("for " + kept[i].first.target));
        }
      });
    }
  }
  for (std::size_t i = 0; i < open.size(); ++i) {
    EXPECT_EQ(body_of(open[i].read_all()), "for /" + std::to_string(i));
  }
}

TEST(HttpServer, DrainLetsARequestFinishAndClosesIdleConnections) {
  Waiting waiting;
  // On an address of its own: a port of 127.0.0.1 may be another program's the moment it is free.
  constexpr auto kAddress = "127.0.0.77";
  const auto started = HttpServer::listen({.address = kAddress, .limits = {}}, waiting.handler());
  ASSERT_TRUE(started);
  HttpServer* server = started->get();
  auto idle = RawSocket::connect(server->port(), kAddress);
  idle.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n");
  waiting.take().second(text("one."));
  idle.read_until("one.");
  auto busy = RawSocket::connect(server->port(), kAddress);
  busy.send("GET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
  auto under_way = waiting.take();
  auto drained = std::async(std::launch::async, [&] { server->drain(10s); });
  EXPECT_EQ(idle.read_all(), "");
  under_way.second(text("two"));
  const auto answer = busy.read_all();
  EXPECT_EQ(body_of(answer), "two");
  EXPECT_NE(answer.find("Connection: close"), std::string::npos);
  busy.close();
  drained.get();
  EXPECT_LT(RawSocket::connect(server->port(), kAddress).fd(), 0);
  server->drain(0s);
}

TEST(HttpServer, DrainEndsWhatIsNotDoneInTime) {
  Waiting waiting;
  const auto server = start(waiting.handler());
  auto busy = RawSocket::connect(server->port());
  busy.send(get("/never"));
  auto under_way = waiting.take();
  server->drain(100ms);
  EXPECT_EQ(busy.read_all(), "");
}

TEST(HttpServer, ARespondersLifeMayBeLongerThanTheServers) {
  Waiting waiting;
  auto server = start(waiting.handler());
  auto socket = RawSocket::connect(server->port());
  socket.send(get("/"));
  auto kept = waiting.take();
  server.reset();
  kept.second(text("to nobody"));
  EXPECT_EQ(socket.read_all(), "");
}

TEST(HttpServer, DiesWhileAnswersComeFromOtherThreads) {
  for (int round = 0; round < 20; ++round) {
    Waiting waiting;
    auto server = start(waiting.handler());
    std::vector<RawSocket> open;
    std::vector<std::pair<Request, Responder>> kept;
    for (int i = 0; i < 8; ++i) {
      open.push_back(RawSocket::connect(server->port()));
      open.back().send(get("/"));
    }
    for (int i = 0; i < 8; ++i) kept.push_back(waiting.take());
    std::jthread writer([&kept] {
      for (auto& entry : kept) entry.second(text("x"));
    });
    server.reset();
  }
}

TEST(HttpServer, SaysWhyItCannotListen) {
  const auto first = start(echo);
  const auto second = HttpServer::listen({.port = first->port()}, echo);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().fault, core::Fault::invalid);
  EXPECT_NE(second.error().what.find(std::to_string(first->port())), std::string::npos);
  const auto name = HttpServer::listen({.address = "no.such.host"}, echo);
  ASSERT_FALSE(name);
  EXPECT_NE(name.error().what.find("no.such.host"), std::string::npos);
}

TEST(HttpServer, ListensOnIpv6WrittenWithBrackets) {
  const auto server = HttpServer::listen({.address = "[::1]"}, echo);
  if (!server) GTEST_SKIP() << "no IPv6 here: " << server.error().what;
  EXPECT_GT((*server)->port(), 0);
}

}  // namespace
}  // namespace jitney::net
