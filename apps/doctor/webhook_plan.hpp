// SPDX-License-Identifier: Apache-2.0
// What `jitney webhook install` would do to a scope's webhook, and in whose words. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "apps/config/config.hpp"
#include "github/hooks.hpp"

namespace jitney::app {

struct WebhookRequest {
  std::string url;
  bool app = false;                  // the scope belongs to an App: its hook is one, and made
  std::optional<std::int64_t> hook;  // this one, whatever its URL is now
  bool send_secret = false;          // though nothing else is to change
  bool secret_refused = false;       // we answered its last delivery with 401
};

struct WebhookPlan {
  enum class Act { nothing, create, change };
  Act act = Act::nothing;
  std::int64_t hook = github::kAppHook;  // that is changed
  std::vector<std::string> events;       // that it has then; those it had stay
  std::vector<std::string> changes;      // "URL: https://a -> https://b"
  std::vector<std::string> by_hand;      // what GitHub lets only a person do
};

// What GitHub is to be given as the webhook's URL, from what a person wrote. `invalid`: it is no
// https address, or not one that Jitney answers for this scope. The text does not quote: a URL may
// hold a password.
core::Result<std::string> webhook_address(const GithubScope& scope, std::string text);

// `not_found`: there is no hook of the asked id; the text lists those that there are.
core::Result<WebhookPlan> plan_webhook(const GithubScope& scope,
                                       const std::vector<github::Hook>& hooks,
                                       const WebhookRequest& request);

}  // namespace jitney::app
