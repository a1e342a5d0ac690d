// SPDX-License-Identifier: Apache-2.0
// One GitHub API base: headers, limits, bounded repeats, and refusals as faults. Thread-safe.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.hpp"
#include "core/secret.hpp"
#include "github/governor.hpp"
#include "net/http_client.hpp"

namespace jitney::github {

struct Call {
  std::string method = "GET";
  std::string route;  // "/orgs/{org}/actions/runners": without names, for metrics
  std::string path;   // as on the wire, below the API base, with its query
  std::string body;   // JSON; empty: none
  Lane lane = Lane::core;
  std::vector<int> welcome;  // statuses that are answers to this call besides 2xx
};

// After each exchange, from the calling thread; status 0: no answer came.
using Observer = std::function<void(std::string_view method, std::string_view route, int status,
                                    core::Duration took)>;

// Until when the host of a call lets it last, whatever `call_time` says; asked at the beginning of
// each call, from its thread. Where a process is killed at a known time, as in a Lambda.
using LastMoment = std::function<std::chrono::steady_clock::time_point()>;

struct RestOptions {
  net::Url api;  // `path` is the prefix of every call, without a slash at its end
  net::ClientOptions client;
  core::Duration write_spacing = kWriteSpacing;
  core::Duration call_time = std::chrono::seconds(10);  // of one call with its repeats
  LastMoment last_moment;                               // may be empty
  Observer observer;                                    // may be empty
};

class Rest {
 public:
  Rest(RestOptions options, core::Clock& clock);

  // `authorization` is the whole value of the header. A GET that failed for a passing reason is
  // repeated twice; nothing else is. Any error's text has method, path, status, GitHub's message
  // and its request id, and no credential. `cancelled`: the host's last moment came first; GitHub's
  // own silence is `transient`.
  core::Result<net::Response> send(const Call& call, const core::Secret& authorization);

  // The error of an answer that `welcome` let through.
  [[nodiscard]] core::Error refused(const Call& call, const net::Response& response);

  // The path of "Link: <...>; rel=next", below the API base; empty when there is none. `invalid`
  // when it leads to another host: our credentials do not go there.
  [[nodiscard]] core::Result<std::string> next_page(const net::Response& response) const;

  [[nodiscard]] std::optional<core::CallBudget> budget() const { return governor_.budget(); }

 private:
  core::Result<net::Response> exchange(const Call& call, const core::Secret& authorization,
                                       Governor::Deadline deadline);
  core::Result<net::Response> once(const Call& call, const core::Secret& authorization,
                                   Governor::Deadline deadline);
  [[nodiscard]] core::Result<std::string> path_here(std::string_view address) const;

  const RestOptions options_;
  core::Clock& clock_;
  Governor governor_;
  net::HttpClient client_;
};

}  // namespace jitney::github
