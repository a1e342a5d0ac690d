// SPDX-License-Identifier: Apache-2.0
// From a signed webhook to what has to be stored: signature first, then parsing. Pure functions;
// thread-safe.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/functions.hpp"
#include "core/secret.hpp"
#include "net/http.hpp"

namespace jitney::app {

enum class WebhookResult {
  accepted,  // durable, answered 2xx
  ignored,   // verified, but nothing that Jitney acts on
  ping,
  unauthorized,  // 401
  malformed,     // 400 and other refusals of the request itself
  overloaded,    // 503: too many waited
  failed,        // 503: could not be made durable
};
inline constexpr int kWebhookResults = 7;
std::string_view to_string(WebhookResult result);

// Whose webhooks are accepted. Several organisations may share one URL: each signs with its own
// secret, and the secret that verifies, together with the owner that the payload names, says which
// scope it is.
struct WebhookScope {
  std::string name;
  std::vector<core::Secret> secrets;  // any of them verifies: several while one is being replaced
  std::function<bool(std::string_view repository)> serves;  // "owner/name"
  // Is there a pool for it? If not, its runs are none of our business and cost no call.
  std::function<bool(std::string_view repository)> has_pool;
};

// A webhook whose signature was good and that has something to be stored.
struct Intake {
  std::vector<core::JobEvent> events;
  std::optional<core::Message> check;  // a run whose jobs GitHub is to be asked about
};
// One that is answered without storing anything.
struct Answered {
  WebhookResult result = WebhookResult::malformed;
  net::Response response;
};

// POST /webhook tries the secrets of all scopes, POST /webhook/<scope> that one only.
std::variant<Intake, Answered> read_webhook(const std::vector<WebhookScope>& scopes,
                                            const net::Request& request, core::Time now);

// {"result":"...","message":"..."}
net::Response webhook_answer(int status, WebhookResult result, std::string_view message);
// 503 with Retry-After: nothing was stored.
net::Response webhook_unavailable(WebhookResult result, std::string_view message);
// Of what was stored: 202, or 200 where no pool covers any of the jobs.
Answered webhook_stored(const core::Deployment& deployment, const Intake& intake);

}  // namespace jitney::app
