// SPDX-License-Identifier: Apache-2.0
#include "github/webhook.hpp"

#include <algorithm>
#include <array>
#include <boost/json/monotonic_resource.hpp>
#include <boost/json/parse_options.hpp>
#include <boost/json/parser.hpp>
#include <optional>

#include "github/job_body.hpp"
#include "net/crypto.hpp"
#include "net/http.hpp"
#include "net/json.hpp"

namespace jitney::github {
namespace {

namespace bj = boost::json;
using core::Fault;
using core::JobStatus;

constexpr std::string_view kPrefix = "sha256=";
constexpr std::size_t kHexDigits = 64;
constexpr std::size_t kMaxWord = 100;  // of event names, actions and delivery ids
constexpr std::size_t kMaxDepth = 32;

bool lower_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// "application/json; charset=utf-8" is application/json.
bool is_media_type(std::string_view content_type, std::string_view wanted) {
  std::string_view type = content_type.substr(0, content_type.find(';'));
  while (type.ends_with(' ')) type.remove_suffix(1);
  return std::ranges::equal(type, wanted, {}, lower, lower);
}

// It ends up in timelines and logs: printable, short.
std::string clean_word(std::string_view text) {
  std::string out(text.substr(0, kMaxWord));
  std::erase_if(out, [](char c) { return c <= ' ' || c > '~'; });
  return out;
}

core::Result<std::string> form_payload(std::string_view body) {
  while (!body.empty()) {
    const std::string_view field = body.substr(0, body.find('&'));
    if (field.starts_with("payload=")) {
      auto payload = net::percent_decode(field.substr(8), true);
      if (payload) return *std::move(payload);
      return core::fail(Fault::invalid, "the form's \"payload\" is badly percent-encoded");
    }
    body.remove_prefix(std::min(body.size(), field.size() + 1));
  }
  return core::fail(Fault::invalid, "the form has no field \"payload\"");
}

std::optional<JobStatus> job_status_of(std::string_view action) {
  if (action == "queued") return JobStatus::queued;
  if (action == "waiting") return JobStatus::waiting;
  if (action == "in_progress") return JobStatus::in_progress;
  if (action == "completed") return JobStatus::completed;
  return std::nullopt;
}

core::Result<std::string> repository_of(const bj::value& payload) {
  const bj::value* repository = net::get_object(payload, "repository");
  auto name = repository == nullptr ? std::nullopt : net::get_string(*repository, "full_name");
  if (!name || !is_repository(*name)) {
    return core::fail(Fault::invalid, "\"repository.full_name\" is missing or no \"owner/name\"");
  }
  return *std::move(name);
}

core::Result<WebhookEvent> parse_job(const bj::value& payload, const WebhookHeaders& headers) {
  const std::string action = net::get_string_or(payload, "action", "");
  if (action.empty()) return core::fail(Fault::invalid, "\"action\" is missing or no string");
  // The action, not the job's own status: it is what this delivery reports, and GitHub has sent
  // payloads where the two differ.
  const auto status = job_status_of(action);
  if (!status) return Ignored{"workflow_job", clean_word(action)};
  const bj::value* body = net::get_object(payload, "workflow_job");
  if (body == nullptr) {
    return core::fail(Fault::invalid, "\"workflow_job\" is missing or no object");
  }
  const auto repository = repository_of(payload);
  if (!repository) return std::unexpected(repository.error());
  auto event = read_job(*body, *repository);
  if (!event) return std::unexpected(std::move(event.error()));
  event->status = *status;
  // GitHub fills in a start for jobs that have not started.
  if (*status < JobStatus::in_progress) event->started_at = {};
  event->source = "webhook " + clean_word(headers.delivery);
  return *std::move(event);
}

core::Result<WebhookEvent> parse_run(const bj::value& payload) {
  const std::string action = net::get_string_or(payload, "action", "");
  if (action.empty()) return core::fail(Fault::invalid, "\"action\" is missing or no string");
  if (action != "requested" && action != "in_progress" && action != "completed") {
    return Ignored{"workflow_run", clean_word(action)};
  }
  const bj::value* run = net::get_object(payload, "workflow_run");
  if (run == nullptr) {
    return core::fail(Fault::invalid, "\"workflow_run\" is missing or no object");
  }
  auto repository = repository_of(payload);
  if (!repository) return std::unexpected(std::move(repository.error()));
  const std::int64_t id = net::get_int(*run, "id").value_or(0);
  if (id <= 0) return core::fail(Fault::invalid, "the run's \"id\" is no positive integer");
  return RunEvent{*std::move(repository), id, action,
                  clean_word(net::get_string_or(*run, "status", ""))};
}

core::Result<WebhookEvent> parse_payload(const WebhookHeaders& headers, std::string_view text) {
  // All nodes in one arena that starts on the stack: most payloads fit without touching the heap
  // for each of their hundreds of strings.
  std::array<unsigned char, 32u << 10> arena;
  bj::monotonic_resource memory(arena.data(), arena.size());
  bj::parse_options options;
  options.max_depth = kMaxDepth;
  bj::parser parser({}, options);
  parser.reset(&memory);
  bj::error_code error;
  const std::size_t used = parser.write(text.data(), text.size(), error);
  if (error) {
    return core::fail(Fault::invalid, "the body is no valid JSON near byte " +
                                          std::to_string(used) + ": " + error.message());
  }
  const bj::value payload = parser.release();
  if (!payload.is_object()) return core::fail(Fault::invalid, "the body is no JSON object");
  if (headers.event == "workflow_job") return parse_job(payload, headers);
  if (headers.event == "workflow_run") return parse_run(payload);
  return Ping{std::max<std::int64_t>(0, net::get_int(payload, "hook_id").value_or(0))};
}

}  // namespace

core::Status verify(std::span<const core::Secret> secrets, std::string_view body,
                    std::string_view signature) {
  if (signature.empty()) {
    return core::fail(Fault::unauthorized,
                      "there is no X-Hub-Signature-256 header: set the same secret on GitHub's "
                      "webhook and in webhook_secret");
  }
  if (signature.size() != kPrefix.size() + kHexDigits || !signature.starts_with(kPrefix) ||
      !std::ranges::all_of(signature.substr(kPrefix.size()), lower_hex)) {
    return core::fail(Fault::unauthorized,
                      "X-Hub-Signature-256 is not \"sha256=\" and 64 lower-case hex digits");
  }
  bool verified = false;
  for (const core::Secret& secret : secrets) {
    if (secret.empty()) continue;
    const std::string expected = net::hex(net::hmac_sha256(secret, body));
    verified |= net::equal_in_constant_time(expected, signature.substr(kPrefix.size()));
  }
  if (verified) return {};
  return core::fail(Fault::unauthorized,
                    "X-Hub-Signature-256 does not match: the secret on GitHub's webhook is not "
                    "the configured one, or the body was changed on the way");
}

core::Result<WebhookEvent> parse(const WebhookHeaders& headers, std::string_view body) {
  if (headers.event.empty()) {
    return core::fail(Fault::invalid, "there is no X-GitHub-Event header");
  }
  // A body that is nothing to us need not be read.
  if (headers.event != "workflow_job" && headers.event != "workflow_run" &&
      headers.event != "ping") {
    return Ignored{clean_word(headers.event), ""};
  }
  if (is_media_type(headers.content_type, "application/json")) return parse_payload(headers, body);
  if (is_media_type(headers.content_type, "application/x-www-form-urlencoded")) {
    const auto payload = form_payload(body);
    return payload ? parse_payload(headers, *payload) : std::unexpected(payload.error());
  }
  return core::fail(Fault::invalid,
                    "Content-Type is neither application/json nor "
                    "application/x-www-form-urlencoded");
}

}  // namespace jitney::github
