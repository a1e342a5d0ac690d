// SPDX-License-Identifier: Apache-2.0
// Questions to GitHub about jobs: the answers go the way of webhooks.
#include <charconv>

#include "core/blame.hpp"
#include "core/breaker.hpp"
#include "core/functions.hpp"

namespace jitney::core {

namespace {

Result<Forge*> forge_of(const Context& context, std::string_view scope) {
  Forge* forge = context.forge(scope);
  if (forge == nullptr) {
    return fail(Fault::not_found,
                "no [[github]] entry named \"" + std::string(scope) + "\" is configured any more");
  }
  return forge;
}

// GitHub does not know the job: deleted repository, or access withdrawn. No runner can help it.
Status bury_unknown(const Context& context, JobId id, const Error& error) {
  const Death death{.cause = "GitHub does not know this job any more (" + error.what +
                             "): was the repository deleted, or access withdrawn?",
                    .permanent = true,
                    .at = context.clock.now()};
  return bury(context, id, death);
}

}  // namespace

Status check_job(const Context& context, JobId id) {
  const auto job = context.ledger.job(id);
  if (!job) return std::unexpected(job.error());
  if (!*job || (*job)->status == JobStatus::completed) return {};
  const auto forge = forge_of(context, (*job)->scope);
  if (!forge) return std::unexpected(forge.error());
  auto event = (*forge)->job((*job)->repository, id);
  note_forge(context, (*job)->scope, event);
  const Time now = context.clock.now();
  if (!event) {
    if (event.error().fault == Fault::not_found) return bury_unknown(context, id, event.error());
    return std::unexpected(event.error());
  }
  event->scope = (*job)->scope;
  event->seen_at = now;
  event->source = "check";
  const auto accepted = autoscaler(context, std::span(&*event, 1));
  if (!accepted) return std::unexpected(accepted.error());
  return context.ledger.checked(id, now);
}

Status check_run(const Context& context, std::string_view key) {
  const std::size_t first = key.find(' ');
  const std::size_t second = first == key.npos ? key.npos : key.find(' ', first + 1);
  std::int64_t run = 0;
  if (second == key.npos ||
      std::from_chars(key.data() + second + 1, key.data() + key.size(), run).ec != std::errc{}) {
    return fail(Fault::invalid,
                "check_run: \"" + std::string(key) + "\" is no \"scope repository run\"");
  }
  const std::string scope(key.substr(0, first));
  const std::string repository(key.substr(first + 1, second - first - 1));
  const auto forge = forge_of(context, scope);
  if (!forge) return std::unexpected(forge.error());
  auto events = (*forge)->run_jobs(repository, run);
  note_forge(context, scope, events);
  if (!events) {
    if (events.error().fault == Fault::not_found) return {};
    return std::unexpected(events.error());
  }
  for (JobEvent& event : *events) {
    event.scope = scope;
    event.seen_at = context.clock.now();
    event.source = "check";
  }
  const auto accepted = autoscaler(context, *events);
  if (!accepted) return std::unexpected(accepted.error());
  return {};
}

}  // namespace jitney::core
