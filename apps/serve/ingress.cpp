// SPDX-License-Identifier: Apache-2.0
#include "apps/serve/ingress.hpp"

#include <utility>
#include <variant>

namespace jitney::app {

Ingress::Ingress(std::vector<WebhookScope> scopes, IngressGroup& group, core::Clock& clock,
                 Metrics& metrics)
    : scopes_(std::move(scopes)), group_(group), clock_(clock), metrics_(metrics) {}

void Ingress::handle(net::Request request, net::Responder respond) const {
  auto read = read_webhook(scopes_, request, clock_.now());
  if (auto* const answered = std::get_if<Answered>(&read)) {
    metrics_.webhook(answered->result);
    return respond(std::move(answered->response));
  }
  group_.submit({.intake = std::get<Intake>(std::move(read)), .respond = std::move(respond)});
}

}  // namespace jitney::app
