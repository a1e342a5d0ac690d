// SPDX-License-Identifier: Apache-2.0
// Webhooks as GitHub sends them: first the signature over the raw bytes, then what they say. Pure
// functions; thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "core/job.hpp"
#include "core/result.hpp"
#include "core/secret.hpp"

namespace jitney::github {

// `signature` is the value of X-Hub-Signature-256: "sha256=" and 64 lower-case hex digits. Any of
// the secrets may have made it: there are several while one is being replaced. `unauthorized`
// otherwise; the time it takes does not tell which secret was close. Empty secrets verify nothing.
core::Status verify(std::span<const core::Secret> secrets, std::string_view body,
                    std::string_view signature);

// A run changed: its jobs are worth a question.
struct RunEvent {
  std::string repository;  // owner/name
  std::int64_t run_id = 0;
  std::string action;  // requested, in_progress, completed
  std::string status;  // may be empty
};
struct Ping {
  std::int64_t hook_id = 0;  // 0: not said
};
// Properly formed, and nothing to us.
struct Ignored {
  std::string event;
  std::string action;  // empty where we did not look
};
using WebhookEvent = std::variant<core::JobEvent, RunEvent, Ping, Ignored>;

struct WebhookHeaders {
  std::string_view event;         // X-GitHub-Event
  std::string_view delivery;      // X-GitHub-Delivery
  std::string_view content_type;  // application/json or application/x-www-form-urlencoded
};

// Of a body that was verified. A JobEvent has neither `scope` nor `seen_at`: the server knows them.
// `invalid`: malformed; the text says what is wrong and quotes nothing.
core::Result<WebhookEvent> parse(const WebhookHeaders& headers, std::string_view body);

}  // namespace jitney::github
