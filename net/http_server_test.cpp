// SPDX-License-Identifier: Apache-2.0
#include "net/http_server.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <future>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "net/test_socket.hpp"

namespace jitney::net {
namespace {

using namespace std::chrono_literals;

Response text(std::string body) {
  Response response;
  response.headers.add("Content-Type", "text/plain");
  response.body = std::move(body);
  return response;
}

// Tells what it got, so that a test sees what the handler saw.
void echo(Request request, Responder respond) {
  respond(text(request.method + " " + request.target + " [" + request.body + "]"));
}

std::unique_ptr<HttpServer> start(Handler handler, ServerLimits limits = {}, int threads = 2) {
  auto server = HttpServer::listen({.threads = threads, .limits = limits}, std::move(handler));
  if (!server) ADD_FAILURE() << server.error().what;
  return server ? *std::move(server) : nullptr;
}

// One whole conversation: says `bytes`, hears all until the server closes.
std::string talk(const HttpServer& server, std::string_view bytes) {
  auto socket = RawSocket::connect(server.port());
  socket.send(bytes);
  return socket.read_all();
}

std::string status_line(const std::string& answer) { return answer.substr(0, answer.find("\r\n")); }

std::string body_of(const std::string& answer) {
  const auto end = answer.find("\r\n\r\n");
  return end == std::string::npos ? "" : answer.substr(end + 4);
}

constexpr std::string_view kClose = "Host: a\r\nConnection: close\r\n\r\n";

std::string get(std::string_view target) {
  return "GET " + std::string(target) + " HTTP/1.1\r\n" + std::string(kClose);
}

// Keeps responders for later, as a host does that waits for a group commit.
class Waiting {
 public:
  Handler handler() {
    return [this](Request request, Responder respond) {
      const std::lock_guard lock(mutex_);
      kept_.emplace_back(std::move(request), std::move(respond));
      changed_.notify_all();
    };
  }

  std::pair<Request, Responder> take() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, 10s, [this] { return !kept_.empty(); })) {
      ADD_FAILURE() << "no request came";
      return {};
    }
    auto out = std::move(kept_.front());
    kept_.erase(kept_.begin());
    return out;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::pair<Request, Responder>> kept_;
};

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

TEST(HttpServer, RefusesAnAnnouncedBodyThatIsTooLong) {
  const auto server = start(echo, {.body_bytes = 1000});
  auto socket = RawSocket::connect(server->port());
  socket.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n");
  EXPECT_EQ(status_line(socket.read_all()), "HTTP/1.1 413 Content Too Large");
}

TEST(HttpServer, TellsAClientThatGoesOnSendingWhyItWasRefused) {
  const auto server = start(echo, {.body_bytes = 1000});
  auto socket = RawSocket::connect(server->port());
  const std::string body(8u << 20, 'x');
  socket.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) +
              "\r\n\r\n");
  EXPECT_TRUE(socket.send(body));
  EXPECT_NE(socket.read_until("bytes\"}").find("HTTP/1.1 413"), std::string::npos);
}

TEST(HttpServer, RefusesAChunkedBodyThatIsTooLong) {
  const auto server = start(echo, {.body_bytes = 1000});
  const std::string chunk = "190\r\n" + std::string(400, 'x') + "\r\n";
  const auto answer =
      talk(*server, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk +
                        chunk + chunk + "0\r\n\r\n");
  EXPECT_EQ(status_line(answer), "HTTP/1.1 413 Content Too Large");
  EXPECT_EQ(body_of(answer), "{\"message\": \"the body is longer than 1000 bytes\"}\n");
}

TEST(HttpServer, RefusesAHeaderThatIsTooLong) {
  const auto server = start(echo, {.header_bytes = 2000});
  const std::string many(3000, 'x');
  EXPECT_EQ(status_line(talk(*server, "GET / HTTP/1.1\r\nHost: a\r\nX: " + many + "\r\n\r\n")),
            "HTTP/1.1 431 Request Header Fields Too Large");
  EXPECT_EQ(status_line(talk(*server, "GET /" + many + " HTTP/1.1\r\nHost: a\r\n\r\n")),
            "HTTP/1.1 431 Request Header Fields Too Large");
}

TEST(HttpServer, RefusesAHeaderThatNeverEnds) {
  const auto server = start(echo);
  auto socket = RawSocket::connect(server->port());
  socket.send("GET / HTTP/1.1\r\nHost: a\r\n");
  const std::string line = "X: " + std::string(1000, 'x') + "\r\n";
  for (int i = 0; i < 1000 && socket.send(line); ++i) {
  }
  EXPECT_EQ(status_line(socket.read_until("}")), "HTTP/1.1 431 Request Header Fields Too Large");
}

TEST(HttpServer, RefusesWhatIsNoHttp) {
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

TEST(HttpServer, RefusesOtherVersionsAndExpectations) {
  const auto server = start(echo);
  EXPECT_EQ(status_line(talk(*server, "GET / HTTP/1.1\r\nHost: a\r\nExpect: magic\r\n\r\n")),
            "HTTP/1.1 417 Expectation Failed");
  const auto line = status_line(talk(*server, "GET / HTTP/3.0\r\nHost: a\r\n\r\n"));
  EXPECT_TRUE(line.starts_with("HTTP/1.1 505") || line.starts_with("HTTP/1.1 400")) << line;
}

TEST(HttpServer, CutsOffASlowHeader) {
  const auto server = start(echo, {.header_time = 200ms});
  auto socket = RawSocket::connect(server->port());
  socket.send("GET / HTTP/1.1\r\nHo");
  EXPECT_EQ(status_line(socket.read_all()), "HTTP/1.1 408 Request Timeout");
}

TEST(HttpServer, CutsOffAHeaderThatDrips) {
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

TEST(HttpServer, CutsOffASlowBody) {
  const auto server = start(echo, {.body_time = 200ms});
  auto socket = RawSocket::connect(server->port());
  socket.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
  EXPECT_EQ(status_line(socket.read_all()), "HTTP/1.1 408 Request Timeout");
}

TEST(HttpServer, ClosesAnIdleConnectionWithoutAWord) {
  const auto server = start(echo, {.idle_time = 200ms});
  auto socket = RawSocket::connect(server->port());
  socket.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  socket.read_until("[]");
  EXPECT_EQ(socket.read_all(), "");
}

TEST(HttpServer, SurvivesAClientThatHangsUpAnywhere) {
  const auto server = start(echo);
  const std::string whole = "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
  for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
    RawSocket::connect(server->port()).send(whole.substr(0, cut));
  }
  EXPECT_EQ(body_of(talk(*server, get("/alive"))), "GET /alive []");
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
  const auto server = start(waiting.handler(), {.answer_time = 200ms});
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

TEST(HttpServer, RefusesConnectionsAboveTheLimit) {
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
  const auto server = start(waiting.handler());
  auto idle = RawSocket::connect(server->port());
  idle.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n");
  waiting.take().second(text("one."));
  idle.read_until("one.");
  auto busy = RawSocket::connect(server->port());
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
  EXPECT_LT(RawSocket::connect(server->port()).fd(), 0);
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
