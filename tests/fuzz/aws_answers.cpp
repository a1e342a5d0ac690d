// SPDX-License-Identifier: Apache-2.0
// What is asked of AWS (a word: take, depth, deaths, redrive, push, retry, snapshot, job, record,
// live, notes, timeline, machines, template, zones), then its answers, as scripted_client.hpp has
// them.
#include "aws/credentials.hpp"
#include "aws/dynamo_ledger.hpp"
#include "aws/ec2_instance.hpp"
#include "aws/launch_templates.hpp"
#include "aws/sqs_queue.hpp"
#include "tests/fuzz/property.hpp"
#include "tests/fuzz/scripted_client.hpp"

namespace jitney::fuzz {
namespace {

constexpr std::string_view kKey = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY";
constexpr core::Time kNow{std::chrono::seconds(1'767'323'045)};
constexpr int kTries = 2;
constexpr std::size_t kMostCalls = 400;  // that one question may cost, however it is answered

class StandingClock final : public core::Clock {
 public:
  core::Time now() override { return kNow; }
};

class OneKey final : public aws::CredentialsProvider {
 public:
  core::Result<aws::Credentials> get() override {
    return aws::Credentials{.access_key_id = "AKIAIOSFODNN7EXAMPLE",
                            .secret_access_key = core::Secret(std::string(kKey))};
  }
};

aws::ClientOptions options() {
  aws::ClientOptions made;
  made.region = "eu-west-1";
  made.max_tries = kTries;
  made.first_wait = made.longest_wait = std::chrono::milliseconds(0);
  made.call_time = std::chrono::milliseconds(500);
  made.now = [] { return kNow; };
  return made;
}

template <class T>
bool answered(const core::Result<T>& result) {
  if (result) return true;
  const core::Error& error = result.error();
  expect(!error.what.empty() && error.what.size() < 4000, "an error's text is bounded");
  expect(error.what.find(kKey) == std::string::npos, "an error's text holds no key");
  if (error.retry_after) {
    expect(*error.retry_after > core::Duration(0) && *error.retry_after <= std::chrono::hours(1),
           "patience has an end");
  }
  return false;
}

class Asked {
 public:
  void ask(std::string_view what) {
    if (!ask_queue(what) && !ask_ledger(what)) ask_ec2(what);
  }

 private:
  bool ask_queue(std::string_view what) {
    if (what == "take") {
      const auto taken = queue_.take(10, std::chrono::minutes(1), kNow);
      if (answered(taken)) {
        for (const core::Delivery& delivery : *taken) {
          expect(!delivery.message.key.empty(), "what is taken is a message");
          expect(delivery.receives >= 1, "what is taken was received");
        }
      }
    } else if (what == "depth") {
      answered(queue_.depth());
    } else if (what == "deaths") {
      answered(queue_.note_deaths(kNow));
    } else if (what == "redrive") {
      answered(queue_.redrive(50));
    } else if (what == "push") {
      answered(queue_.push({core::MessageKind::create_runner, "cpu", ""}, core::Duration(0), kNow));
    } else if (what == "retry") {
      core::Delivery delivery;
      delivery.message = {core::MessageKind::create_runner, "cpu", ""};
      answered(queue_.retry(delivery, std::chrono::minutes(1), kNow));
    } else {
      return false;
    }
    return true;
  }

  bool ask_ledger(std::string_view what) {
    if (what == "snapshot") {
      const auto snapshot = ledger_.snapshot("cpu");
      if (answered(snapshot)) expect(snapshot->state.pool == "cpu", "a snapshot is of its pool");
    } else if (what == "job") {
      answered(ledger_.job(17));
    } else if (what == "record") {
      core::JobEvent event;
      event.id = 17;
      event.status = core::JobStatus::completed;
      event.pool = "cpu";
      event.runner_name = "ci-cpu-1";
      event.seen_at = kNow;
      const auto recorded = ledger_.record(std::span(&event, 1));
      if (answered(recorded)) expect(recorded->size() == 1, "an event has one outcome");
    } else if (what == "live") {
      answered(ledger_.live_runners());
    } else if (what == "notes") {
      answered(ledger_.notes("capacity/"));
    } else if (what == "timeline") {
      answered(ledger_.timeline("job:17"));
    } else {
      return false;
    }
    return true;
  }

  void ask_ec2(std::string_view what) {
    if (what == "machines") {
      const auto machines = aws::describe_instances(client_, {});
      if (!answered(machines)) return;
      for (const aws::Instance& instance : *machines) {
        expect(aws::is_instance_id(instance.id), "a machine's id is one that EC2 gives");
        expect(aws::machine_of(instance).id == instance.id, "a machine keeps its id");
      }
    } else if (what == "template") {
      const auto found = aws::LaunchTemplates(client_).find("cpu", "$Default");
      if (answered(found)) expect(!found->id.empty(), "a template that is found has an id");
    } else if (what == "zones") {
      answered(aws::LaunchTemplates(client_).zones({"subnet-1", "subnet-2"}));
    }
  }

  StandingClock clock_;
  aws::Client client_{options(), std::make_shared<OneKey>()};
  aws::SqsQueue queue_{client_,
                       "ledger",
                       {.queue_url = "https://sqs.eu-west-1.amazonaws.com/1/create",
                        .stop_queue_url = "https://sqs.eu-west-1.amazonaws.com/1/stop",
                        .dead_letter_queue_url = "https://sqs.eu-west-1.amazonaws.com/1/dead",
                        .pace = std::chrono::milliseconds(0),
                        .look = std::chrono::milliseconds(0),
                        .looks = 2},
                       clock_};
  aws::DynamoLedger ledger_{
      client_, "ledger", {.deployment = "ci", .longest_pause = std::chrono::milliseconds(0)}};
};

}  // namespace

void target(std::string_view input) {
  Lines lines(input);
  const std::string_view what = lines.take();
  read_script(lines.rest());
  Asked().ask(what);
  expect(script().asked.size() <= kMostCalls, "no answer leads to no end of calls");
  for (const net::Request& request : script().asked) {
    expect(request.target == "/", "what AWS says leads to no other place");
    expect(request.body.find(kKey) == std::string::npos, "a key is sent to nobody");
  }
}

}  // namespace jitney::fuzz
