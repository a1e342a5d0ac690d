// SPDX-License-Identifier: Apache-2.0
#include "aws/lambda_runtime.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <thread>

#include "net/json.hpp"
#include "tests/aws/runtime_api.hpp"

namespace jitney::aws {
namespace {

using namespace std::chrono_literals;
using tests::RuntimeApi;

core::Result<std::string> echo(const Invocation& invocation) { return invocation.payload; }

LambdaRuntime runtime_of(const RuntimeApi& api) {
  auto made = LambdaRuntime::open({.address = api.address()});
  if (!made) throw std::runtime_error(made.error().what);
  return *std::move(made);
}

// A function in a thread of its own, until the Runtime API refuses it.
class Serving {
 public:
  Serving(RuntimeApi& api, Handler handler)
      : api_(api), thread_([&api, this, handler = std::move(handler)] {
          LambdaRuntime runtime = runtime_of(api);
          end_ = runtime.serve(handler);
        }) {}
  ~Serving() { api_.refuse(403); }

  core::Error end() {
    api_.refuse(403);
    thread_.join();
    return end_;
  }

 private:
  RuntimeApi& api_;
  core::Error end_;
  std::jthread thread_;
};

TEST(LambdaRuntime, AnswersOneEventAfterTheOther) {
  RuntimeApi api;
  Serving serving(api, echo);
  for (int i = 0; i < 3; ++i) {
    const std::string payload = R"({"n":)" + std::to_string(i) + "}";
    const std::string id = api.send({.payload = payload});
    const auto answer = api.answer();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->request_id, id);
    EXPECT_EQ(answer->body, payload);
    EXPECT_FALSE(answer->error);
  }
}

TEST(LambdaRuntime, HandsOverWhatLambdaSaysOfTheInvocation) {
  RuntimeApi api;
  api.send({.payload = "{}", .time = 7s});
  LambdaRuntime runtime = runtime_of(api);
  Invocation seen;
  ASSERT_TRUE(runtime.serve_one([&](const Invocation& invocation) {
    seen = invocation;
    return core::Result<std::string>("null");
  }));
  EXPECT_EQ(seen.request_id.size(), 36U);
  EXPECT_TRUE(seen.trace_id.starts_with("Root=1-"));
  EXPECT_TRUE(seen.function_arn.starts_with("arn:aws:lambda:"));
  const auto left = seen.steady_deadline - std::chrono::steady_clock::now();
  EXPECT_GT(left, 1s);
  EXPECT_LE(left, 7s);
  EXPECT_GT(seen.deadline, std::chrono::system_clock::now());
}

TEST(LambdaRuntime, TellsErrorsByTypeAndMessage) {
  RuntimeApi api;
  Serving serving(api, [](const Invocation&) {
    return core::Result<std::string>(core::fail(core::Fault::no_capacity, "no \"vCPU\" left"));
  });
  api.send({.payload = "{}"});
  const auto answer = api.answer();
  ASSERT_TRUE(answer);
  EXPECT_TRUE(answer->error);
  EXPECT_EQ(answer->error_type, "Function.NoCapacity");
  const auto body = net::parse_json(answer->body);
  ASSERT_TRUE(body);
  EXPECT_EQ(net::get_string(*body, "errorMessage"), "no \"vCPU\" left");
  EXPECT_EQ(net::get_string(*body, "errorType"), "Function.NoCapacity");
  EXPECT_NE(net::get_array(*body, "stackTrace"), nullptr);
}

TEST(LambdaRuntime, EveryFaultHasATypeThatLambdaTakes) {
  for (const core::Fault fault :
       {core::Fault::invalid, core::Fault::unauthorized, core::Fault::not_found,
        core::Fault::conflict, core::Fault::throttled, core::Fault::no_capacity,
        core::Fault::not_ready, core::Fault::transient, core::Fault::cancelled}) {
    const std::string type = error_type(fault);
    ASSERT_TRUE(type.starts_with("Function.")) << type;
    EXPECT_TRUE(type[9] >= 'A' && type[9] <= 'Z') << type;
    EXPECT_EQ(type.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", 9),
              std::string::npos)
        << type;
  }
}

TEST(LambdaRuntime, GoesOnAfterAnException) {
  RuntimeApi api;
  std::atomic<int> calls = 0;
  Serving serving(api, [&](const Invocation&) -> core::Result<std::string> {
    if (++calls == 1) throw std::runtime_error("a bug");
    return "fine";
  });
  api.send({.payload = "{}"});
  api.send({.payload = "{}"});
  const auto first = api.answer();
  ASSERT_TRUE(first);
  EXPECT_TRUE(first->error);
  EXPECT_NE(first->body.find("a bug"), std::string::npos);
  const auto second = api.answer();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->body, "fine");
}

TEST(LambdaRuntime, SaysThatAnAnswerIsTooLongInsteadOfSendingIt) {
  RuntimeApi api;
  Serving serving(api, [](const Invocation& invocation) {
    return core::Result<std::string>(
        std::string(invocation.payload == "exact" ? 6u << 20 : (6u << 20) + 1, 'x'));
  });
  api.send({.payload = "exact"});
  const auto exact = api.answer();
  ASSERT_TRUE(exact);
  EXPECT_FALSE(exact->error);
  EXPECT_EQ(exact->body.size(), 6u << 20);
  api.send({.payload = "longer"});
  const auto longer = api.answer();
  ASSERT_TRUE(longer);
  EXPECT_TRUE(longer->error);
  EXPECT_EQ(longer->error_type, "Function.Invalid");
  EXPECT_LT(longer->body.size(), 1000U);
}

TEST(LambdaRuntime, OpensAConnectionThatDiedWhileFrozenAgain) {
  RuntimeApi api;
  Serving serving(api, echo);
  api.send({.payload = "1"});
  ASSERT_TRUE(api.answer());
  ASSERT_TRUE(api.wait_asked(2));
  api.cut();
  ASSERT_TRUE(api.wait_asked(3));
  api.send({.payload = "2"});
  const auto answer = api.answer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body, "2");
}

TEST(LambdaRuntime, SendsAnAnswerAgainWhenItsConnectionDied) {
  RuntimeApi api;
  std::atomic<int> calls = 0;
  Serving serving(api, [&](const Invocation& invocation) {
    if (++calls == 2) api.cut();
    return core::Result<std::string>(invocation.payload);
  });
  api.send({.payload = "1"});
  ASSERT_TRUE(api.answer());
  api.send({.payload = "2"});
  const auto answer = api.answer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body, "2");
  EXPECT_EQ(calls, 2);
}

TEST(LambdaRuntime, GoesOnWhenLambdaHasGivenUpOnTheEvent) {
  RuntimeApi api;
  api.judge_next(400);
  Serving serving(api, echo);
  api.send({.payload = "1"});
  ASSERT_TRUE(api.answer());
  api.send({.payload = "2"});
  const auto answer = api.answer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body, "2");
}

TEST(LambdaRuntime, EndsWhenItsSandboxIsBroken) {
  RuntimeApi api;
  api.judge_next(500);
  api.send({.payload = "1"});
  LambdaRuntime runtime = runtime_of(api);
  const core::Status served = runtime.serve_one(echo);
  ASSERT_FALSE(served);
  EXPECT_NE(served.error().what.find("500"), std::string::npos);
}

TEST(LambdaRuntime, EndsWhenLambdaRefusesIt) {
  RuntimeApi api;
  Serving serving(api, echo);
  ASSERT_TRUE(api.wait_asked(1));
  EXPECT_NE(serving.end().what.find("403"), std::string::npos);
}

TEST(LambdaRuntime, EndsWhenNobodyListens) {
  auto api = std::make_unique<RuntimeApi>();
  LambdaRuntime runtime = runtime_of(*api);
  api.reset();
  const core::Error end = runtime.serve(echo);
  EXPECT_EQ(end.fault, core::Fault::transient);
}

TEST(LambdaRuntime, PassesOverAnEventThatCannotBeAnsweredButNotForEver) {
  RuntimeApi api;
  api.send({.payload = "nameless", .headers = net::Headers{}});
  api.send({.payload = "good"});
  api.send({.payload = "bad id",
            .headers = net::Headers{{"Lambda-Runtime-Aws-Request-Id", "../../init/error"}}});
  std::vector<std::string> seen;
  LambdaRuntime runtime = runtime_of(api);
  const Handler handler = [&](const Invocation& invocation) {
    seen.push_back(invocation.payload);
    return core::Result<std::string>("null");
  };
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(runtime.serve_one(handler));
  EXPECT_EQ(seen, std::vector<std::string>{"good"});
  for (int i = 0; i < 3; ++i) api.send({.payload = "nameless", .headers = net::Headers{}});
  EXPECT_EQ(runtime.serve(handler).fault, core::Fault::transient);
}

TEST(LambdaRuntime, LeavesNoTimeForAnEventWithoutDeadline) {
  RuntimeApi api;
  for (const std::string deadline : {"", "soon", "-5", "12x"}) {
    net::Headers headers{{"Lambda-Runtime-Aws-Request-Id", "a-1"}};
    if (!deadline.empty()) headers.add("Lambda-Runtime-Deadline-Ms", deadline);
    api.send({.payload = "{}", .headers = headers});
    LambdaRuntime runtime = runtime_of(api);
    ASSERT_TRUE(runtime.serve_one([&](const Invocation& invocation) {
      EXPECT_LE(invocation.steady_deadline, std::chrono::steady_clock::now()) << deadline;
      return core::Result<std::string>("null");
    }));
  }
}

TEST(LambdaRuntime, BoundsADeadlineThatCannotBe) {
  RuntimeApi api;
  api.send({.payload = "{}",
            .headers = net::Headers{{"Lambda-Runtime-Aws-Request-Id", "a-1"},
                                    {"Lambda-Runtime-Deadline-Ms", "9223372036854775807"}}});
  LambdaRuntime runtime = runtime_of(api);
  ASSERT_TRUE(runtime.serve_one([&](const Invocation& invocation) {
    EXPECT_LE(invocation.steady_deadline, std::chrono::steady_clock::now() + 2h);
    return core::Result<std::string>("null");
  }));
}

TEST(LambdaRuntime, TellsWhyItCannotStart) {
  RuntimeApi api;
  LambdaRuntime runtime = runtime_of(api);
  ASSERT_TRUE(runtime.init_error({.fault = core::Fault::unauthorized, .what = "no secret"}));
  const auto told = api.init_error();
  ASSERT_TRUE(told);
  EXPECT_EQ(told->error_type, "Function.Unauthorized");
  EXPECT_NE(told->body.find("no secret"), std::string::npos);
}

TEST(LambdaRuntime, NeedsAnAddress) {
  for (const std::string address : {"", "not an address", "127.0.0.1:0:1"}) {
    const auto made = LambdaRuntime::open({.address = address});
    ASSERT_FALSE(made) << address;
    EXPECT_EQ(made.error().fault, core::Fault::invalid);
  }
}

}  // namespace
}  // namespace jitney::aws
