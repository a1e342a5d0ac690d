// SPDX-License-Identifier: Apache-2.0
#include "apps/serve/admin.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <exception>

#include "core/plan.hpp"
#include "net/log.hpp"

namespace jitney::app {

namespace {

namespace json = boost::json;

constexpr core::Duration kAnswerTime = std::chrono::seconds(20);
constexpr auto kProbeEvery = std::chrono::seconds(5);
constexpr std::size_t kDeadCounted = 1000;

net::Response json_answer(int status, const json::value& value) {
  net::Response response;
  response.status = status;
  response.headers.set("Content-Type", "application/json");
  response.headers.set("Cache-Control", "no-store");
  response.body = json::serialize(value) + "\n";
  return response;
}

net::Response not_allowed(std::string_view allow) {
  net::Response response =
      admin_error(405, "only " + std::string(allow) + " is answered at this address");
  response.headers.set("Allow", std::string(allow));
  return response;
}

// A browser sends these from any page without asking first; a header of ours it does not.
std::optional<net::Response> refuse_foreign_pages(const net::Request& request,
                                                  const std::vector<std::string>& own_hosts) {
  const auto host = request.headers.get("Host");
  if (!host || !is_own_host(*host, own_hosts)) {
    return admin_error(403,
                       "the Host header must be a loopback address or the configured admin address "
                       "(protection against DNS rebinding)");
  }
  if (request.method != "GET" && request.method != "HEAD" &&
      request.headers.get("X-Jitney") != "1") {
    return admin_error(403, "send the header X-Jitney: 1 with a change (protection against CSRF)");
  }
  return std::nullopt;
}

}  // namespace

net::Response admin_error(int status, std::string_view message) {
  return json_answer(
      status, json::object{{"error", json::object{{"status", status}, {"message", message}}}});
}

bool is_own_host(std::string_view host, const std::vector<std::string>& own_hosts) {
  if (host.starts_with('[')) {
    const std::size_t end = host.find(']');
    if (end == std::string_view::npos) return false;
    host = host.substr(1, end - 1);
  } else {
    host = host.substr(0, host.rfind(':'));  // npos: all of it
  }
  const std::string name = core::lower(host);
  if (name == "localhost" || name == "::1") return true;
  if (name.starts_with("127.") && name.find_first_not_of("0123456789.") == std::string::npos) {
    return true;
  }
  return std::ranges::any_of(own_hosts,
                             [&](const std::string& own) { return core::lower(own) == name; });
}

core::Result<Metrics::Sample> sample(const core::Context& context) {
  Metrics::Sample sample;
  for (const core::Pool& pool : context.deployment.pools) {
    const auto snapshot = context.ledger.snapshot(pool.name);
    if (!snapshot) return std::unexpected(snapshot.error());
    const core::Plan plan = core::plan(pool, *snapshot, {}, context.clock.now());
    Metrics::PoolSample one{.pool = pool.name,
                            .demand = plan.demand,
                            .supply = plan.supply,
                            .live = plan.live,
                            .max = pool.max};
    for (const core::Job& job : snapshot->jobs) {
      switch (job.status) {
        case core::JobStatus::waiting:
          ++one.waiting;
          break;
        case core::JobStatus::queued:
          ++one.queued;
          break;
        case core::JobStatus::in_progress:
          ++one.in_progress;
          break;
        case core::JobStatus::completed:
          break;
      }
    }
    sample.pools.push_back(std::move(one));
  }
  for (const auto& [scope, forge] : context.forges) {
    if (const auto budget = forge->budget()) sample.scopes.push_back({scope, *budget});
  }
  const auto depth = context.queue.depth();
  if (!depth) return std::unexpected(depth.error());
  sample.queue_depth = static_cast<double>(*depth);
  const auto dead = context.queue.dead_letters(kDeadCounted);
  if (!dead) return std::unexpected(dead.error());
  sample.dead_letters = static_cast<double>(dead->size());
  return sample;
}

Admin::Admin(AdminOptions options, Metrics& metrics)
    : options_(std::move(options)), metrics_(metrics), thread_([this] { run(); }) {}

Admin::~Admin() { drain(); }

void Admin::handle(net::Request request, net::Responder respond) {
  {
    const std::lock_guard lock(mutex_);
    if (!ending_ && waiting_.size() < options_.waiting) {
      waiting_.push_back({std::move(request), std::move(respond)});
      arrived_.notify_one();
      return;
    }
  }
  net::Response busy = admin_error(503, "too many requests wait, or the server is shutting down");
  busy.headers.set("Retry-After", "1");
  respond(std::move(busy));
}

void Admin::drain() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    arrived_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

void Admin::run() {
  for (;;) {
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [this] { return ending_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    Waiting next = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    try {
      next.respond(answer(next.request));
    } catch (const std::exception& bug) {
      net::log(net::LogLevel::error, "an admin request caught an exception",
               {{"path", next.request.path()}, {"error", bug.what()}});
      next.respond(admin_error(500, "an internal error; the log says more"));
    }
  }
}

net::Response Admin::answer(const net::Request& request) {
  const std::string_view path = request.path();
  const bool reads = request.method == "GET" || request.method == "HEAD";
  if (path == "/healthz") return reads ? health() : not_allowed("GET");
  if (path == "/metrics") return reads ? metrics() : not_allowed("GET");
  if (path == "/") {
    return json_answer(
        200, json::object{
                 {"paths", json::array{"/healthz", "/metrics", "/api/v1/jobs", "/api/v1/runners",
                                       "/api/v1/pools", "/api/v1/dead", "/api/v1/version"}}});
  }
  if (!path.starts_with("/api/v1/")) return admin_error(404, "no such address");
  if (auto refused = refuse_foreign_pages(request, options_.own_hosts)) return std::move(*refused);
  return answer_api(options_.context(kAnswerTime), request);
}

net::Response Admin::health() {
  json::object reasons;
  if (const auto trouble = ledger_trouble(options_.context(kAnswerTime))) {
    reasons["ledger"] = *trouble;
  }
  for (const auto& [name, check] : options_.checks) {
    if (const auto trouble = check()) reasons[name] = *trouble;
  }
  json::array warnings;
  for (const std::string& warning : options_.warnings()) warnings.emplace_back(warning);
  const bool ok = reasons.empty();
  return json_answer(ok ? 200 : 503, json::object{{"ok", ok},
                                                  {"reasons", std::move(reasons)},
                                                  {"warnings", std::move(warnings)},
                                                  {"no_namespaces", options_.no_namespaces}});
}

// A write, because a full disk or a lost database still reads well. Not more often than it is of
// use.
std::optional<std::string> Admin::ledger_trouble(const core::Context& context) {
  const std::lock_guard lock(probe_mutex_);
  const auto now = std::chrono::steady_clock::now();
  if (probed_at_ != std::chrono::steady_clock::time_point{} && now - probed_at_ < kProbeEvery) {
    return probed_;
  }
  const core::Time at = context.clock.now();
  const core::Status written = context.ledger.put(
      {.key = "health", .value = "written", .at = at, .expires = at + std::chrono::hours(1)});
  probed_at_ = now;
  probed_ = written ? std::nullopt : std::optional(written.error().what);
  return probed_;
}

net::Response Admin::metrics() {
  auto gauges = sample(options_.context(kAnswerTime));
  if (!gauges) return admin_error(503, gauges.error().what);
  options_.add_to_sample(*gauges);
  metrics_.set(*gauges);
  net::Response response;
  response.headers.set("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
  response.body = metrics_.render();
  return response;
}

}  // namespace jitney::app
