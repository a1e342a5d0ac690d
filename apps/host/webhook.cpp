// SPDX-License-Identifier: Apache-2.0
#include "apps/host/webhook.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>
#include <utility>

#include "github/webhook.hpp"
#include "net/log.hpp"

namespace jitney::app {

namespace {

constexpr std::string_view kPath = "/webhook";
constexpr const char* kRetrySeconds = "5";

using Scopes = std::vector<const WebhookScope*>;

std::string_view header(const net::Request& request, std::string_view name) {
  return request.headers.get(name).value_or(std::string_view{});
}

Answered answered(WebhookResult result, int status, std::string_view text) {
  return {.result = result, .response = webhook_answer(status, result, text)};
}

Scopes addressed(const std::vector<WebhookScope>& scopes, std::string_view path) {
  const std::string_view rest = path.starts_with(kPath) ? path.substr(kPath.size()) : "";
  if (!path.starts_with(kPath) || !(rest.empty() || rest.starts_with('/'))) return {};
  Scopes found;
  for (const WebhookScope& scope : scopes) {
    if (rest.empty() || rest.substr(1) == scope.name) found.push_back(&scope);
  }
  return found;
}

// Whose secret made the signature. `unauthorized` when nobody's did, and when there are two
// signatures: whoever is between GitHub and us might look at the other one.
core::Result<Scopes> verified(const Scopes& scopes, const net::Request& request) {
  constexpr std::string_view kSignature = "X-Hub-Signature-256";
  if (request.headers.count(kSignature) > 1) {
    return core::fail(core::Fault::unauthorized, "there are several X-Hub-Signature-256 headers");
  }
  const std::string_view signature = header(request, kSignature);
  Scopes matching;
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
const WebhookScope* serving(const Scopes& scopes, std::string_view repository) {
  const auto found = std::ranges::find_if(
      scopes, [&](const WebhookScope* scope) { return scope->serves(repository); });
  return found == scopes.end() ? nullptr : *found;
}

std::variant<Intake, Answered> read_signed(const Scopes& signers, const net::Request& request,
                                           core::Time now) {
  const github::WebhookHeaders headers{.event = header(request, "X-GitHub-Event"),
                                       .delivery = header(request, "X-GitHub-Delivery"),
                                       .content_type = header(request, "Content-Type")};
  auto event = github::parse(headers, request.body);
  if (!event) return answered(WebhookResult::malformed, 400, event.error().what);
  if (std::holds_alternative<github::Ping>(*event)) {
    return answered(WebhookResult::ping, 200, "pong");
  }
  if (std::holds_alternative<github::Ignored>(*event)) {
    return answered(WebhookResult::ignored, 200, "nothing to do for this event");
  }
  auto* const job = std::get_if<core::JobEvent>(&*event);
  auto* const run = std::get_if<github::RunEvent>(&*event);
  const std::string& repository = job != nullptr ? job->repository : run->repository;
  const WebhookScope* scope = serving(signers, repository);
  if (scope == nullptr) {
    net::log(net::LogLevel::warning,
             "a signed webhook is of a repository that its scope does not serve",
             {{"repository", repository}, {"scope", signers.front()->name}});
    return answered(WebhookResult::ignored, 200,
                    "the secret is right, but its scope does not serve this repository");
  }
  Intake intake;
  if (job != nullptr) {
    job->scope = scope->name;
    job->seen_at = now;
    intake.events.push_back(std::move(*job));
  } else if (!scope->has_pool(repository)) {
    return answered(WebhookResult::ignored, 200, "no pool serves this repository");
  } else {
    intake.check =
        core::Message{.kind = core::MessageKind::check_run,
                      .key = scope->name + " " + repository + " " + std::to_string(run->run_id),
                      .detail = ""};
  }
  return intake;
}

}  // namespace

std::string_view to_string(WebhookResult result) {
  switch (result) {
    case WebhookResult::accepted:
      return "accepted";
    case WebhookResult::ignored:
      return "ignored";
    case WebhookResult::ping:
      return "ping";
    case WebhookResult::unauthorized:
      return "unauthorized";
    case WebhookResult::malformed:
      return "malformed";
    case WebhookResult::overloaded:
      return "overloaded";
    case WebhookResult::failed:
      return "failed";
  }
  return "unknown";
}

std::variant<Intake, Answered> read_webhook(const std::vector<WebhookScope>& scopes,
                                            const net::Request& request, core::Time now) {
  const Scopes asked = addressed(scopes, request.path());
  if (asked.empty()) {
    return answered(WebhookResult::malformed, 404,
                    "webhooks go to /webhook, or to /webhook/ and the name of a configured scope");
  }
  if (request.method != "POST") {
    Answered refused =
        answered(WebhookResult::malformed, 405, "only POST is answered at this address");
    refused.response.headers.set("Allow", "POST");
    return refused;
  }
  // Before anything of the body is looked at.
  const auto signers = verified(asked, request);
  if (!signers) return answered(WebhookResult::unauthorized, 401, signers.error().what);
  return read_signed(*signers, request, now);
}

net::Response webhook_answer(int status, WebhookResult result, std::string_view message) {
  net::Response response;
  response.status = status;
  response.headers.set("Content-Type", "application/json");
  response.body = R"({"result":")" + std::string(to_string(result)) + R"(","message":)" +
                  boost::json::serialize(boost::json::string(message)) + "}\n";
  return response;
}

net::Response webhook_unavailable(WebhookResult result, std::string_view message) {
  net::Response response = webhook_answer(503, result, message);
  response.headers.set("Retry-After", kRetrySeconds);
  return response;
}

Answered webhook_stored(const core::Deployment& deployment, const Intake& intake) {
  // The job was recorded with the reason all the same.
  const bool nobody =
      !intake.events.empty() &&
      std::ranges::all_of(intake.events, [&](const core::JobEvent& event) {
        return core::match(deployment.pools, event.scope, event.repository, event.labels).pool ==
               nullptr;
      });
  if (nobody) return answered(WebhookResult::ignored, 200, "no pool covers this job");
  return answered(WebhookResult::accepted, 202, "stored");
}

}  // namespace jitney::app
