// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <boost/json/serialize.hpp>
#include <charconv>

#include "apps/host/version.hpp"
#include "apps/serve/admin.hpp"
#include "apps/serve/explain_job.hpp"
#include "apps/serve/render.hpp"
#include "core/functions.hpp"
#include "core/launch.hpp"

namespace jitney::app {

namespace {

namespace json = boost::json;

constexpr std::string_view kBase = "/api/v1/";
constexpr std::size_t kMostRows = 1000;
constexpr std::size_t kRows = 200;

net::Response ok(const json::value& value) {
  net::Response response;
  response.headers.set("Content-Type", "application/json");
  response.headers.set("Cache-Control", "no-store");
  response.body = json::serialize(value) + "\n";
  return response;
}

net::Response failed(const core::Error& error) {
  switch (error.fault) {
    case core::Fault::not_found:
      return admin_error(404, error.what);
    case core::Fault::conflict:
      return admin_error(409, error.what);
    case core::Fault::invalid:
      return admin_error(400, error.what);
    case core::Fault::unauthorized:
    case core::Fault::throttled:
    case core::Fault::no_capacity:
    case core::Fault::not_ready:
    case core::Fault::transient:
    case core::Fault::cancelled:
      break;
  }
  return admin_error(503, error.what);
}

net::Response method_not_allowed(std::string_view allow) {
  net::Response response =
      admin_error(405, "only " + std::string(allow) + " is answered at this address");
  response.headers.set("Allow", std::string(allow));
  return response;
}

template <class Number>
std::optional<Number> number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Decoded, so that an id may hold a slash; nullopt when one is badly encoded.
std::optional<std::vector<std::string>> segments(std::string_view path) {
  std::vector<std::string> parts;
  while (!path.empty()) {
    const std::size_t slash = std::min(path.find('/'), path.size());
    auto decoded = net::percent_decode(path.substr(0, slash));
    if (!decoded) return std::nullopt;
    parts.push_back(std::move(*decoded));
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return parts;
}

core::Result<core::JobFilter> filter(const net::Request& request) {
  core::JobFilter made;
  made.pool = request.query("pool");
  if (const auto text = request.query("status")) {
    made.status = core::parse_job_status(*text);
    if (!made.status) {
      return core::fail(core::Fault::invalid,
                        "status: write waiting, queued, in_progress or completed");
    }
  }
  made.dead_only = request.query("dead") == "true";
  made.open_only = request.query("open") == "true";
  made.limit = kRows;
  if (const auto text = request.query("limit")) {
    const auto limit = number<std::size_t>(*text);
    if (!limit || *limit == 0 || *limit > kMostRows) {
      return core::fail(core::Fault::invalid, "limit: write a number from 1 to 1000");
    }
    made.limit = *limit;
  }
  return made;
}

net::Response jobs(const core::Context& context, const net::Request& request) {
  const auto wanted = filter(request);
  if (!wanted) return failed(wanted.error());
  const auto rows = context.ledger.jobs(*wanted);
  if (!rows) return failed(rows.error());
  json::array list;
  for (const core::Job& job : *rows) list.push_back(job_json(job));
  return ok(json::object{{"jobs", std::move(list)}});
}

core::Result<core::Job> find_job(const core::Context& context, std::string_view id) {
  const auto parsed = number<core::JobId>(id);
  if (!parsed) {
    return core::fail(core::Fault::invalid,
                      "a job id is a number, as in the job's address on GitHub");
  }
  auto job = context.ledger.job(*parsed);
  if (!job) return std::unexpected(job.error());
  if (!*job) {
    return core::fail(core::Fault::not_found, "job " + std::string(id) +
                                                  " is unknown: no webhook and no poll told of it, "
                                                  "or it was forgotten after its retention");
  }
  return std::move(**job);
}

net::Response job(const core::Context& context, std::string_view id, bool explain) {
  const auto row = find_job(context, id);
  if (!row) return failed(row.error());
  if (!explain) return ok(job_json(*row));
  const auto story = tell_job(context.deployment, context.ledger, *row, context.clock.now());
  return story ? ok(story_json(*story)) : failed(story.error());
}

net::Response runners(const core::Context& context) {
  const auto rows = context.ledger.live_runners();
  if (!rows) return failed(rows.error());
  json::array list;
  for (const core::Runner& runner : *rows) list.push_back(runner_json(runner));
  return ok(json::object{{"runners", std::move(list)}});
}

net::Response pools(const core::Context& context) {
  json::array list;
  for (const core::Pool& pool : context.deployment.pools) {
    const auto snapshot = context.ledger.snapshot(pool.name);
    if (!snapshot) return failed(snapshot.error());
    const auto hold = context.ledger.note(core::hold_key(pool.name));
    if (!hold) return failed(hold.error());
    list.push_back(pool_json(pool, *snapshot, *hold, context.clock.now()));
  }
  return ok(json::object{{"pools", std::move(list)}});
}

net::Response dead(const core::Context& context) {
  const auto letters = context.queue.dead_letters(kMostRows);
  if (!letters) return failed(letters.error());
  json::array list;
  for (const core::DeadLetter& letter : *letters) list.push_back(dead_letter_json(letter));
  return ok(json::object{{"dead", std::move(list)}});
}

// `id`: of the job, or of the dead letter (percent-encoded in the address). A wake-up that was
// given up is queued again.
net::Response redrive(const core::Context& context, std::string_view id) {
  const auto letters = context.queue.dead_letters(kMostRows);
  if (!letters) return failed(letters.error());
  const auto is_job = [&](const core::DeadLetter& letter) {
    return letter.message.kind == core::MessageKind::dead_job && letter.message.key == id;
  };
  auto letter = std::ranges::find_if(*letters, is_job);
  if (letter == letters->end()) letter = std::ranges::find(*letters, id, &core::DeadLetter::id);
  if (letter != letters->end() && letter->message.kind != core::MessageKind::dead_job) {
    const core::Message& message = letter->message;
    core::Status done = context.queue.push(message, core::Duration::zero(), context.clock.now());
    if (done) done = context.queue.forget(message.kind, message.key);
    if (!done) return failed(done.error());
    return ok(json::object{{"redriven", dead_letter_json(*letter)}});
  }
  const std::string_view job_id = letter == letters->end() ? id : letter->message.key;
  const auto known = find_job(context, job_id);
  if (!known) return failed(known.error());
  const auto alive = core::redrive(context.ledger, context.queue, known->id, context.clock.now());
  if (!alive) return failed(alive.error());
  return ok(json::object{{"redriven", job_json(*alive)}});
}

}  // namespace

net::Response answer_api(const core::Context& context, const net::Request& request) {
  const std::string_view path = request.path();
  if (!path.starts_with(kBase)) return admin_error(404, "no such address");
  const auto decoded = segments(path.substr(kBase.size()));
  if (!decoded) return admin_error(400, "the address is not properly percent-encoded");
  const std::vector<std::string>& parts = *decoded;
  const auto is = [&](std::size_t at, std::string_view name) {
    return at < parts.size() && parts[at] == name;
  };
  const bool reads = request.method == "GET" || request.method == "HEAD";
  if (parts.size() == 3 && is(0, "dead") && is(2, "redrive")) {
    return request.method == "POST" ? redrive(context, parts[1]) : method_not_allowed("POST");
  }
  const bool known = (parts.size() == 1 && (is(0, "jobs") || is(0, "runners") || is(0, "pools") ||
                                            is(0, "dead") || is(0, "version"))) ||
                     (parts.size() == 2 && is(0, "jobs")) ||
                     (parts.size() == 3 && is(0, "jobs") && is(2, "explain"));
  if (!known) return admin_error(404, "no such address");
  if (!reads) return method_not_allowed("GET");
  if (parts.size() > 1) return job(context, parts[1], parts.size() == 3);
  if (is(0, "jobs")) return jobs(context, request);
  if (is(0, "runners")) return runners(context);
  if (is(0, "pools")) return pools(context);
  if (is(0, "dead")) return dead(context);
  return ok(json::object{{"version", version()}, {"deployment", context.deployment.name}});
}

}  // namespace jitney::app
