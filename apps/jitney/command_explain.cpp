// SPDX-License-Identifier: Apache-2.0
#include "apps/jitney/commands.hpp"
#include "apps/serve/explain_job.hpp"
#include "net/rfc3339.hpp"

namespace jitney::app {

namespace {

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

std::string facts(const core::Job& job) {
  std::string text = "  workflow    " + (job.workflow.empty() ? "-" : printable(job.workflow)) +
                     ", run " + std::to_string(job.run_id) + " attempt " +
                     std::to_string(job.run_attempt) + "\n";
  text += "  labels      " + printable(joined(job.labels)) + "\n";
  text += "  pool        " + (job.pool.empty() ? "none" : job.pool) + "\n";
  if (!job.runner_name.empty()) text += "  runner      " + printable(job.runner_name) + "\n";
  if (job.failures > 0) {
    text += "  failures    " + std::to_string(job.failures) +
            ", the last: " + printable(job.last_error) + "\n";
  }
  return text;
}

// "job:17" of this job is said by its silence; a runner and a batch by their names.
std::string who(const core::TimelineEntry& entry, const core::Job& job) {
  return entry.subject == core::job_subject(job.id) ? "job" : entry.subject;
}

}  // namespace

int explain(const Asked& asked, const std::string& text) {
  const auto id = parse_job_id(text);
  if (!id) return complain(kUsage, id.error().what);
  auto file = OpenLedger::read(asked.config);
  if (!file) return complain(file.error());
  const auto job = find_job(file->ledger(), *id);
  if (!job) return complain(job.error());
  auto story = tell_job(asked.config.deployment, file->ledger(), *job, asked.now);
  if (!story) return complain(story.error());
  if (!file->served()) story->explanation = core::without_server(std::move(story->explanation));
  if (asked.json) return answered(print_json(story_json(*story)));

  std::string out = wrapped(printable(story->explanation.sentence), asked.screen) + "\n\n";
  out += facts(*job) + "\n";
  Table table({{"TIME"}, {"AGO"}, {"OF", 12}, {"WHAT", 20}});
  for (const core::TimelineEntry& entry : story->timeline) {
    table.add({{net::format_rfc3339(entry.at), Paint::faint},
               {age(entry.at, asked.now)},
               {who(entry, *job)},
               {entry.text}});
  }
  if (!table.empty()) out += table.text(asked.screen);
  return answered(print(out));
}

}  // namespace jitney::app
