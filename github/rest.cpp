// SPDX-License-Identifier: Apache-2.0
#include "github/rest.hpp"

#include <algorithm>
#include <cstdint>
#include <thread>

#include "github/faults.hpp"
#include "github/job_body.hpp"
#include "net/crypto.hpp"

namespace jitney::github {
namespace {

using core::Duration;
using core::Fault;
using std::chrono::steady_clock;

constexpr int kTries = 3;
constexpr Duration kFirstPause{200};
constexpr std::size_t kMaxPathShown = 300;
constexpr std::size_t kMaxRequestId = 100;

bool is_success(int status) { return status >= 200 && status < 300; }

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 307 || status == 308;
}

net::Request request_for(const RestOptions& options, const Call& call,
                         const core::Secret& authorization) {
  net::Request request;
  request.method = call.method;
  request.target = options.api.path + call.path;
  request.headers.set("Accept", "application/vnd.github+json");
  request.headers.set("X-GitHub-Api-Version", "2022-11-28");
  request.headers.set("User-Agent", "jitney/" JITNEY_VERSION);
  request.headers.set("Authorization", std::string(authorization.reveal()));
  if (!call.body.empty()) {
    request.headers.set("Content-Type", "application/json");
    request.body = call.body;
  }
  return request;
}

std::string name_of(const Call& call) {
  return call.method + " " + bounded(call.path, kMaxPathShown);
}

// Half of it certain, half of it chance, so that many processes do not come back as one.
Duration jittered(Duration pause) {
  std::uint32_t random = 0;
  for (const char c : net::random_bytes(sizeof random)) {
    random = random << 8 | static_cast<unsigned char>(c);
  }
  const auto half = pause.count() / 2;
  return Duration(half + static_cast<Duration::rep>(random) % (half + 1));
}

// Bearer tokens have no business in an answer; if one is there it does not get into a text, nor
// into the body of a refusal that others make a text of.
void hide(std::string& text, const core::Secret& authorization) {
  const std::string_view value = authorization.reveal();
  const std::string_view token = value.substr(value.find(' ') + 1);
  if (token.empty()) return;
  for (auto at = text.find(token); at != std::string::npos; at = text.find(token)) {
    text.replace(at, token.size(), "***");
  }
}

}  // namespace

Rest::Rest(RestOptions options, core::Clock& clock)
    : options_(std::move(options)),
      clock_(clock),
      governor_(clock, options_.write_spacing),
      client_(options_.client) {}

core::Error Rest::refused(const Call& call, const net::Response& response) {
  const std::string message = message_of(response.body);
  const Verdict verdict = judge(response.status, response.headers, message, clock_.now());
  std::string what = name_of(call) + ": " + std::to_string(response.status);
  if (!message.empty()) what += " " + message;
  if (const auto id = response.headers.get("x-github-request-id")) {
    what += " (request id " + bounded(*id, kMaxRequestId) + ")";
  }
  return {verdict.fault, std::move(what), verdict.retry_after};
}

core::Result<net::Response> Rest::once(const Call& call, const core::Secret& authorization,
                                       Governor::Deadline deadline) {
  const auto from = steady_clock::now();
  auto response = client_.send(options_.api, request_for(options_, call, authorization), deadline);
  if (options_.observer) {
    options_.observer(call.method, call.route, response ? response->status : 0,
                      std::chrono::duration_cast<Duration>(steady_clock::now() - from));
  }
  if (!response) {
    response.error().what = name_of(call) + ": " + response.error().what;
    return response;
  }
  if (is_success(response->status)) {
    governor_.heard(call.lane, response->headers, nullptr);
    return response;
  }
  const Verdict verdict =
      judge(response->status, response->headers, message_of(response->body), clock_.now());
  governor_.heard(call.lane, response->headers, &verdict);
  return response;
}

core::Result<net::Response> Rest::exchange(const Call& call, const core::Secret& authorization,
                                           Governor::Deadline deadline) {
  auto response = once(call, authorization, deadline);
  if (response && call.method == "GET" && is_redirect(response->status)) {
    // A renamed repository. One hop: GitHub's own answers need no more.
    const auto location = response->headers.get("location");
    if (const auto path = location ? path_here(*location) : std::string(); path && !path->empty()) {
      Call moved = call;
      moved.path = *path;
      response = once(moved, authorization, deadline);
    }
  }
  if (!response || is_success(response->status) ||
      std::ranges::find(call.welcome, response->status) != call.welcome.end()) {
    return response;
  }
  return std::unexpected(refused(call, *response));
}

core::Result<net::Response> Rest::send(const Call& call, const core::Secret& authorization) {
  const auto last = options_.last_moment ? options_.last_moment() : steady_clock::time_point::max();
  if (steady_clock::now() >= last) {
    return core::fail(Fault::cancelled, name_of(call) + ": no time is left for this call");
  }
  const auto deadline = std::min(steady_clock::now() + options_.call_time, last);
  const bool read = call.method == "GET";
  Duration pause = kFirstPause;
  for (int tried = 1;; ++tried) {
    if (auto admitted = governor_.admit(call.lane, !read, deadline); !admitted) {
      core::Error error = std::move(admitted.error());
      error.what = name_of(call) + ": " + error.what;
      return std::unexpected(std::move(error));
    }
    auto response = exchange(call, authorization, deadline);
    if (response) {
      if (!is_success(response->status)) hide(response->body, authorization);
      return response;
    }
    hide(response.error().what, authorization);
    // A GitHub that says nothing is down; it was not we who had no time.
    if (response.error().fault == Fault::cancelled && steady_clock::now() < last) {
      response.error().fault = Fault::transient;
    }
    const auto wait = std::max(jittered(pause), response.error().retry_after.value_or(Duration(0)));
    if (!read || response.error().fault != Fault::transient || tried == kTries ||
        steady_clock::now() + wait >= deadline) {
      return response;
    }
    std::this_thread::sleep_for(wait);
    pause *= 2;
  }
}

core::Result<std::string> Rest::path_here(std::string_view address) const {
  const auto url = net::parse_url(address);
  if (!url) return core::fail(Fault::invalid, "GitHub sent a link that is no address");
  if (url->scheme != options_.api.scheme || url->host != options_.api.host ||
      url->port != options_.api.port) {
    return core::fail(Fault::invalid, "GitHub sent a link to another host, " +
                                          bounded(url->host, kMaxPathShown) +
                                          "; it is not followed");
  }
  if (!url->path.starts_with(options_.api.path + "/")) {
    return core::fail(Fault::invalid, "GitHub sent a link outside of its API");
  }
  return url->path.substr(options_.api.path.size());
}

core::Result<std::string> Rest::next_page(const net::Response& response) const {
  std::string_view rest = response.headers.get("link").value_or("");
  // <https://...>; rel="prev", <https://...>; rel="next"
  while (!rest.empty()) {
    const auto open = rest.find('<');
    const auto close = rest.find('>', open == std::string_view::npos ? 0 : open);
    if (open == std::string_view::npos || close == std::string_view::npos) break;
    const auto end = std::min(rest.find('<', close), rest.size());
    const auto parameters = rest.substr(close, end - close);
    if (parameters.find("rel=\"next\"") != std::string_view::npos) {
      return path_here(rest.substr(open + 1, close - open - 1));
    }
    rest.remove_prefix(end);
  }
  return std::string();
}

}  // namespace jitney::github
