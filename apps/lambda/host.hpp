// SPDX-License-Identifier: Apache-2.0
// One function of Lambda: from an invocation to the core and back. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <random>
#include <string>
#include <vector>

#include "apps/host/webhook.hpp"
#include "apps/lambda/batch.hpp"
#include "apps/lambda/embedded_metrics.hpp"
#include "apps/lambda/function.hpp"
#include "aws/lambda_events.hpp"
#include "aws/lambda_runtime.hpp"
#include "core/functions.hpp"

namespace jitney::lambda {

struct HostOptions {
  Function function = Function::autoscaler;
  std::vector<app::WebhookScope> webhooks;  // the autoscaler's
  app::SettleOptions settle;
  int questions = 0;  // GitHub calls that one sweep may spend on asking for open jobs
};

// When the last effect may be begun, for an invocation that is killed at `deadline`: what was begun
// must end, and the answer be posted. Pure.
core::Time last_beginning(core::Time deadline, core::Time now);

// Everything in it outlives the host.
struct HostPorts {
  // A context whose deadline is that.
  std::function<core::Context(core::Time deadline)> context;
  // Gives a cause to what the queue gave up without one; before dead letters are looked at.
  std::function<core::Status()> note_deaths = [] { return core::Status{}; };
  EmbeddedMetrics& metrics;
  std::ostream& metrics_out;  // Lambda keeps what a process writes as its log
};

class Host {
 public:
  Host(HostOptions options, HostPorts ports);

  // An event that means nothing is logged and accepted; one that is malformed, or that another
  // function is for, is an error, so that it shows in Lambda's own metric.
  core::Result<std::string> handle(const aws::Invocation& invocation);

 private:
  core::Result<std::string> dispatch(const core::Context& context, const aws::Event& event);
  core::Result<std::string> on_event(const core::Context& context, const aws::HttpEvent& event);
  core::Result<std::string> on_event(const core::Context& context, const aws::SqsEvent& event);
  core::Result<std::string> on_event(const core::Context& context, const aws::Notice& notice);
  net::Response answer_webhook(const core::Context& context, const net::Request& request);

  const HostOptions options_;
  HostPorts ports_;
  std::minstd_rand random_;
};

}  // namespace jitney::lambda
