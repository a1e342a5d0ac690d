// SPDX-License-Identifier: Apache-2.0
// The webhooks of a scope: looked at, made and mended for a person. An App has one hook, asked
// about with its JWT; an organisation or a repository may have many, asked about with its
// credentials. GitHub shows no hook's secret to anyone. Thread-safe as Session is.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/secret.hpp"
#include "core/time.hpp"
#include "github/session.hpp"

namespace jitney::github {

inline constexpr std::int64_t kAppHook = 0;  // the id that we give the hook of an App

struct Hook {
  std::int64_t id = kAppHook;
  std::string url;
  std::string content_type;  // "json" or "form"
  bool verifies_tls = true;
  bool has_secret = false;
  bool active = true;               // an App's is not to be seen: taken for true
  std::vector<std::string> events;  // an App's are those of the App
};

struct HookDelivery {
  std::int64_t id = 0;
  core::Time at{};
  std::string event;   // "workflow_job.queued"
  int answer = 0;      // HTTP status of our answer; 0: there was none
  std::string status;  // GitHub's words for it: "OK", "timed out"
};

// What a hook is to be. Of an App, url and secret only: events and "active" are set by a person, on
// the App's page.
struct HookWish {
  std::string url;
  core::Secret secret;
  std::vector<std::string> events;
};

// At most a few hundred. An App's one hook, if it has a URL. `unauthorized`, `not_found`: these
// credentials may not see hooks; `invalid`: enterprises have hooks that only people can see.
core::Result<std::vector<Hook>> list_hooks(Session& session);

// Newest first, at most 100: one call.
core::Result<std::vector<HookDelivery>> last_deliveries(Session& session, std::int64_t hook);

// Idempotent only as far as the caller looks first. Returns its id; GitHub sends it a ping.
core::Result<std::int64_t> create_hook(Session& session, const HookWish& wish);
// Brings it to what is wished, its secret included. Idempotent.
core::Status change_hook(Session& session, std::int64_t hook, const HookWish& wish);

// Has GitHub send it a ping, whose answer then stands among its deliveries. An App's hook has none:
// `invalid`.
core::Status ping_hook(Session& session, std::int64_t hook);

bool same_address(std::string_view one, std::string_view other);  // but for a slash at the end

}  // namespace jitney::github
