// SPDX-License-Identifier: Apache-2.0
#include "apps/jitney/ingress.hpp"

#include <algorithm>
#include <utility>
#include <variant>

#include "github/webhook.hpp"
#include "net/log.hpp"

namespace jitney::app {

namespace {

constexpr std::string_view kPath = "/webhook";

std::string_view header(const net::Request& request, std::string_view name) {
  return request.headers.get(name).value_or(std::string_view{});
}

// Whose secret made the signature. `unauthorized` when nobody's did, and when there are two
// signatures: whoever is between GitHub and us might look at the other one.
core::Result<std::vector<const WebhookScope*>> verified(
    const std::vector<const WebhookScope*>& scopes, const net::Request& request) {
  constexpr std::string_view kSignature = "X-Hub-Signature-256";
  if (request.headers.count(kSignature) > 1) {
    return core::fail(core::Fault::unauthorized, "there are several X-Hub-Signature-256 headers");
  }
  const std::string_view signature = header(request, kSignature);
  std::vector<const WebhookScope*> matching;
  core::Error why{.fault = core::Fault::unauthorized, .what = "no webhook secret is configured"};
  for (const WebhookScope* scope : scopes) {
    const core::Status status = github::verify(scope->secrets, request.body, signature);
    if (status) {
      matching.push_back(scope);
    } else {
      why = status.error();
    }
  }
  if (matching.empty()) return std::unexpected(std::move(why));
  return matching;
}

// Scopes may share a secret: the owner that the payload names decides, then the configured order.
const WebhookScope* serving(const std::vector<const WebhookScope*>& scopes,
                            std::string_view repository) {
  const auto found = std::ranges::find_if(
      scopes, [&](const WebhookScope* scope) { return scope->serves(repository); });
  return found == scopes.end() ? nullptr : *found;
}

}  // namespace

Ingress::Ingress(std::vector<WebhookScope> scopes, IngressGroup& group, core::Clock& clock,
                 Metrics& metrics)
    : scopes_(std::move(scopes)), group_(group), clock_(clock), metrics_(metrics) {}

std::vector<const WebhookScope*> Ingress::addressed(std::string_view path) const {
  std::vector<const WebhookScope*> found;
  for (const WebhookScope& scope : scopes_) {
    if (path.empty() || path.substr(1) == scope.name) found.push_back(&scope);
  }
  return found;
}

void Ingress::answer(net::Responder& respond, WebhookResult result, int status,
                     std::string_view text) const {
  metrics_.webhook(result);
  respond(webhook_answer(status, result, text));
}

void Ingress::handle(net::Request request, net::Responder respond) const {
  const std::string_view path = request.path();
  const std::string_view rest = path.starts_with(kPath) ? path.substr(kPath.size()) : "";
  const bool ours = path.starts_with(kPath) && (rest.empty() || rest.starts_with('/'));
  const std::vector<const WebhookScope*> scopes =
      ours ? addressed(rest) : std::vector<const WebhookScope*>{};
  if (scopes.empty()) {
    return answer(respond, WebhookResult::malformed, 404,
                  "webhooks go to /webhook, or to /webhook/ and the name of a configured scope");
  }
  if (request.method != "POST") {
    metrics_.webhook(WebhookResult::malformed);
    net::Response refused =
        webhook_answer(405, WebhookResult::malformed, "only POST is answered at this address");
    refused.headers.set("Allow", "POST");
    return respond(std::move(refused));
  }
  // Before anything of the body is looked at.
  const auto signers = verified(scopes, request);
  if (!signers) {
    return answer(respond, WebhookResult::unauthorized, 401, signers.error().what);
  }
  accept(request, *signers, std::move(respond));
}

void Ingress::accept(const net::Request& request, const std::vector<const WebhookScope*>& signers,
                     net::Responder respond) const {
  const github::WebhookHeaders headers{.event = header(request, "X-GitHub-Event"),
                                       .delivery = header(request, "X-GitHub-Delivery"),
                                       .content_type = header(request, "Content-Type")};
  auto event = github::parse(headers, request.body);
  if (!event) {
    return answer(respond, WebhookResult::malformed, 400, event.error().what);
  }
  if (std::holds_alternative<github::Ping>(*event)) {
    return answer(respond, WebhookResult::ping, 200, "pong");
  }
  if (std::holds_alternative<github::Ignored>(*event)) {
    return answer(respond, WebhookResult::ignored, 200, "nothing to do for this event");
  }
  auto* const job = std::get_if<core::JobEvent>(&*event);
  auto* const run = std::get_if<github::RunEvent>(&*event);
  const std::string& repository = job != nullptr ? job->repository : run->repository;
  const WebhookScope* scope = serving(signers, repository);
  if (scope == nullptr) {
    net::log(net::LogLevel::warning,
             "a signed webhook is of a repository that its scope does not serve",
             {{"repository", repository}, {"scope", signers.front()->name}});
    return answer(respond, WebhookResult::ignored, 200,
                  "the secret is right, but its scope does not serve this repository");
  }
  Arrival arrival{.events = {}, .check = std::nullopt, .respond = std::move(respond)};
  if (job != nullptr) {
    job->scope = scope->name;
    job->seen_at = clock_.now();
    arrival.events.push_back(std::move(*job));
  } else if (!scope->has_pool(repository)) {
    return answer(arrival.respond, WebhookResult::ignored, 200, "no pool serves this repository");
  } else {
    arrival.check =
        core::Message{.kind = core::MessageKind::check_run,
                      .key = scope->name + " " + repository + " " + std::to_string(run->run_id),
                      .detail = ""};
  }
  group_.submit(std::move(arrival));
}

}  // namespace jitney::app
