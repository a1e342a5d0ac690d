// SPDX-License-Identifier: Apache-2.0
// Everything that is known about one job: what it waits for, and the merged timeline of the job,
// its runner and the batch that the runner came in. Reads only.
#pragma once

#include <boost/json/object.hpp>
#include <vector>

#include "core/explain.hpp"

namespace jitney::app {

struct JobStory {
  core::Job job;
  core::Explanation explanation;
  std::vector<core::TimelineEntry> timeline;  // oldest first
};
// Faults as the ledger's.
core::Result<JobStory> tell_job(const core::Deployment& deployment, core::Ledger& ledger,
                                const core::Job& job, core::Time now);

boost::json::object story_json(const JobStory& story);

}  // namespace jitney::app
