// SPDX-License-Identifier: Apache-2.0
// Asking GitHub for open jobs, repository by repository.
#include <algorithm>
#include <set>

#include "core/breaker.hpp"
#include "core/functions.hpp"

namespace jitney::core {

namespace {

constexpr Duration kRepositoriesKnownFor = std::chrono::minutes(10);
constexpr std::size_t kRepositoriesPerCall = 100;
// A note must fit into one row of any ledger: DynamoDB takes 400 KB.
constexpr std::size_t kMostBytesKnown = 300'000;

std::vector<std::string> lines(std::string_view text) {
  std::vector<std::string> all;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    all.emplace_back(text.substr(0, end));
    text = end == text.npos ? "" : text.substr(end + 1);
  }
  return all;
}

// One scope's turn at polling. `calls` is what is left of the budget.
class Poll {
 public:
  Poll(const Context& context, std::string scope, Forge& forge, int& calls)
      : context_(context), scope_(std::move(scope)), forge_(forge), calls_(calls) {}

  Result<std::size_t> run() {
    const auto repositories = known_repositories();
    if (!repositories) return std::unexpected(repositories.error());
    std::size_t events = 0;
    for (std::size_t i = 0; i < repositories->size() && calls_ > 0; ++i) {
      if (context_.out_of_time()) break;
      const auto repository = next_repository(*repositories);
      if (!repository) return std::unexpected(repository.error());
      const auto asked = ask(*repository);
      if (!asked) return asked;
      events += *asked;
    }
    return events;
  }

 private:
  Result<std::vector<std::string>> known_repositories() {
    const std::string key = "poll-repositories/" + scope_;
    const Time now = context_.clock.now();
    const auto note = context_.ledger.note(key);
    if (!note) return std::unexpected(note.error());
    if (*note && (*note)->expires > now) return lines((*note)->value);
    --calls_;
    auto all = forge_.repositories();
    note_forge(context_, scope_, all);
    if (!all) return all;
    calls_ -= static_cast<int>(all->size() / kRepositoriesPerCall);
    std::erase_if(*all, [&](const std::string& repository) {
      return std::ranges::none_of(context_.deployment.pools, [&](const Pool& pool) {
        return pool.scope == scope_ && serves(pool, repository);
      });
    });
    std::ranges::sort(*all);
    std::string value;
    for (const std::string& repository : *all) {
      if (value.size() + repository.size() >= kMostBytesKnown) break;
      value += repository + "\n";
    }
    const Status stored = context_.ledger.put(
        {.key = key, .value = value, .at = now, .expires = now + kRepositoriesKnownFor});
    if (!stored) return std::unexpected(stored.error());
    return all;
  }

  // Round robin over restarts and functions: the one after the last that was asked.
  Result<std::string> next_repository(const std::vector<std::string>& sorted) {
    const std::string key = "poll-cursor/" + scope_;
    const auto cursor = context_.ledger.note(key);
    if (!cursor) return std::unexpected(cursor.error());
    auto next = *cursor ? std::ranges::upper_bound(sorted, (*cursor)->value) : sorted.begin();
    if (next == sorted.end()) next = sorted.begin();
    const Status stored = context_.ledger.put(
        {.key = key, .value = *next, .at = context_.clock.now(), .expires = {}});
    if (!stored) return std::unexpected(stored.error());
    return *next;
  }

  Result<std::size_t> ask(const std::string& repository) {
    auto events = forge_.open_jobs(repository);
    note_forge(context_, scope_, events);
    --calls_;
    if (!events) {
      if (events.error().fault == Fault::not_found) return std::size_t{0};
      return std::unexpected(events.error());
    }
    std::set<std::int64_t> runs;
    std::set<JobId> seen;
    for (JobEvent& event : *events) {
      event.scope = scope_;
      event.seen_at = context_.clock.now();
      event.source = "poll";
      runs.insert(event.run_id);
      seen.insert(event.id);
    }
    calls_ -= static_cast<int>(runs.size());
    const auto accepted = autoscaler(context_, *events);
    if (!accepted) return std::unexpected(accepted.error());
    if (Status asked = ask_missing(repository, seen); !asked) return std::unexpected(asked.error());
    return events->size();
  }

  // What the ledger holds open and GitHub no longer lists has ended, most likely.
  Status ask_missing(const std::string& repository, const std::set<JobId>& seen) {
    const auto open =
        context_.ledger.jobs({.pool = {}, .status = {}, .open_only = true, .limit = 10'000});
    if (!open) return std::unexpected(open.error());
    for (const Job& job : *open) {
      if (calls_ <= 0) break;
      if (job.scope != scope_ || job.repository != repository || seen.contains(job.id)) continue;
      --calls_;
      if (Status asked = check_job(context_, job.id); !asked) return asked;
    }
    return {};
  }

  const Context& context_;
  const std::string scope_;
  Forge& forge_;
  int& calls_;
};

}  // namespace

Result<std::size_t> poll(const Context& context, int calls) {
  std::size_t events = 0;
  std::optional<Error> trouble;
  for (const auto& [scope, forge] : context.forges) {
    if (calls <= 0) break;
    const auto polled = Poll(context, scope, *forge, calls).run();
    if (polled) {
      events += *polled;
    } else {
      trouble = polled.error();  // one organisation's trouble is not the others'
    }
  }
  if (trouble) return std::unexpected(*trouble);
  return events;
}

}  // namespace jitney::core
