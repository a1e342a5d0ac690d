// SPDX-License-Identifier: Apache-2.0
#include "apps/lambda/host.hpp"

#include <algorithm>
#include <exception>
#include <ostream>
#include <utility>
#include <variant>

#include "net/crypto.hpp"
#include "net/log.hpp"

namespace jitney::lambda {

namespace {

using core::Fault;

// Left for the answer after the last effect was begun: one call that is under way may still end.
constexpr core::Duration kMargin = std::chrono::seconds(3);
constexpr int kLeastQuestions = 4;
constexpr std::size_t kMostCounted = 1000;  // dead letters; more of them are as bad

core::Result<std::string> run_sweep(const core::Context& context, int questions) {
  const auto swept = core::sweep(context);
  if (!swept) return std::unexpected(swept.error());
  for (const std::string& trouble : swept->troubles) {
    net::log(net::LogLevel::warning, "the sweep could not look at everything",
             {{"trouble", trouble}});
  }
  net::log(net::LogLevel::info, "swept",
           {{"machines", swept->machines},
            {"registrations", swept->registrations},
            {"orphans_stopped", swept->orphans_stopped},
            {"ghosts_removed", swept->ghosts_removed},
            {"runners_stopped", swept->runners_stopped},
            {"jobs_checked", swept->jobs_checked},
            {"redelivered", swept->redelivered},
            {"pruned", swept->pruned}});
  if (questions >= kLeastQuestions && !context.out_of_time()) {
    const auto events = core::poll(context, questions);
    if (!events) {
      net::log(net::LogLevel::warning, "GitHub could not be asked for open jobs",
               {{"fault", core::to_string(events.error().fault)}, {"error", events.error().what}});
    }
  }
  return std::string("{}");
}

// Terraform's alarm goes by it.
void count_dead_letters(const core::Context& context, EmbeddedMetrics& metrics) {
  const auto dead = context.queue.dead_letters(kMostCounted);
  if (dead) {
    metrics.dead_letters(dead->size());
  } else {
    net::log(net::LogLevel::warning, "the dead letters could not be counted",
             {{"error", dead.error().what}});
  }
}

core::Result<std::string> run_move_jobs(const core::Context& context) {
  const auto moved = core::move_jobs(context);
  if (!moved) return std::unexpected(moved.error());
  net::log(net::LogLevel::info, "looked at the dead letters",
           {{"redriven", moved->redriven},
            {"closed", moved->closed},
            {"kept", moved->kept},
            {"buried", moved->buried}});
  return std::string("{}");
}

}  // namespace

core::Time last_beginning(core::Time deadline, core::Time now) {
  const core::Duration left = std::max(core::Duration::zero(), deadline - now);
  return deadline - std::min(kMargin, left / 4);
}

Host::Host(HostOptions options, HostPorts ports)
    : options_(std::move(options)),
      ports_(std::move(ports)),
      random_(static_cast<std::minstd_rand::result_type>(net::random_bytes(1).front()) + 1) {}

core::Result<std::string> Host::handle(const aws::Invocation& invocation) {
  const auto began = std::chrono::steady_clock::now();
  core::Context context = ports_.context(invocation.deadline);
  context.deadline = last_beginning(invocation.deadline, context.clock.now());
  core::Result<std::string> answer;
  try {
    const auto event = aws::parse_event(invocation.payload);
    answer = event ? dispatch(context, *event) : std::unexpected(event.error());
  } catch (const std::exception& bug) {
    answer = core::fail(Fault::transient, std::string("exception: ") + bug.what());
  }
  const auto took =
      std::chrono::duration_cast<core::Duration>(std::chrono::steady_clock::now() - began);
  if (!answer) {
    net::log(net::LogLevel::error, "the invocation failed",
             {{"function", to_string(options_.function)},
              {"request_id", invocation.request_id},
              {"fault", core::to_string(answer.error().fault)},
              {"error", answer.error().what},
              {"took_ms", took.count()}});
  } else {
    net::log(net::LogLevel::debug, "invoked",
             {{"function", to_string(options_.function)},
              {"request_id", invocation.request_id},
              {"took_ms", took.count()}});
  }
  ports_.metrics_out << ports_.metrics.flush(context.clock.now()) << std::flush;
  return answer;
}

core::Result<std::string> Host::dispatch(const core::Context& context, const aws::Event& event) {
  return std::visit([&](const auto& one) { return on_event(context, one); }, event);
}

core::Result<std::string> Host::on_event(const core::Context& context,
                                         const aws::HttpEvent& event) {
  if (options_.function != Function::autoscaler) {
    return core::fail(Fault::invalid, "only autoscaler answers HTTP requests");
  }
  return aws::http_answer(answer_webhook(context, event.request));
}

net::Response Host::answer_webhook(const core::Context& context, const net::Request& request) {
  auto read = app::read_webhook(options_.webhooks, request, context.clock.now());
  if (auto* const answered = std::get_if<app::Answered>(&read)) {
    ports_.metrics.webhook(answered->result);
    return std::move(answered->response);
  }
  const auto& intake = std::get<app::Intake>(read);
  core::Status stored;
  if (const auto accepted = core::autoscaler(context, intake.events); !accepted) {
    stored = std::unexpected(accepted.error());
  } else if (intake.check) {
    // The jobs' own events are on their way: GitHub is asked once they had time to come.
    stored = context.queue.push(*intake.check, context.deployment.settle, context.clock.now());
  }
  if (!stored) {
    net::log(net::LogLevel::error, "a webhook could not be made durable: refused with 503",
             {{"fault", core::to_string(stored.error().fault)}, {"error", stored.error().what}});
    ports_.metrics.webhook(app::WebhookResult::failed);
    return app::webhook_unavailable(app::WebhookResult::failed, "not stored; deliver again");
  }
  app::Answered answered = app::webhook_stored(context.deployment, intake);
  ports_.metrics.webhook(answered.result);
  return std::move(answered.response);
}

core::Result<std::string> Host::on_event(const core::Context& context, const aws::SqsEvent& event) {
  if (options_.function != Function::create_runner && options_.function != Function::stop_runner) {
    return core::fail(Fault::invalid, "messages of a queue are for create_runner and stop_runner");
  }
  const BatchOptions batch{.settle = options_.settle, .spread = [this] {
                             return std::uniform_real_distribution<double>(0, 1)(random_);
                           }};
  return aws::batch_answer(carry_out_batch(context, event, batch));
}

core::Result<std::string> Host::on_event(const core::Context& context, const aws::Notice& notice) {
  switch (options_.function) {
    // Whatever wakes them: a rule, EventBridge Scheduler with an input of its own, a person.
    case Function::sweep:
      count_dead_letters(context, ports_.metrics);
      return run_sweep(context, options_.questions);
    case Function::move_jobs:
      if (const auto noted = ports_.note_deaths(); !noted) {
        net::log(net::LogLevel::warning, "the queue's own dead letters could not be looked at",
                 {{"error", noted.error().what}});
      }
      return run_move_jobs(context);
    case Function::autoscaler:
    case Function::create_runner:
    case Function::stop_runner:
      break;
  }
  if (const auto* unknown = std::get_if<aws::Unknown>(&notice)) {
    net::log(net::LogLevel::info, "an event that means nothing here",
             {{"source", unknown->source}, {"detail_type", unknown->detail_type}});
    return std::string("{}");
  }
  return core::fail(Fault::invalid, std::string(to_string(options_.function)) +
                                        " takes this event from its queue, not directly");
}

}  // namespace jitney::lambda
