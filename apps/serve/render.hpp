// SPDX-License-Identifier: Apache-2.0
// The ledger's rows as JSON: one form for the command line and the admin API. docs/formats.md
// describes it; fields are only ever added. Pure functions.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <optional>
#include <span>

#include "core/deployment.hpp"
#include "core/explain.hpp"
#include "core/ledger.hpp"
#include "core/queue.hpp"

namespace jitney::app {

// RFC 3339 with milliseconds; null for Time{}.
boost::json::value time_json(core::Time time);

boost::json::object job_json(const core::Job& job);
boost::json::object runner_json(const core::Runner& runner);
// `pool` as configured, with what the ledger knows of it now.
boost::json::object pool_json(const core::Pool& pool, const core::Snapshot& snapshot,
                              const std::optional<core::Note>& hold, core::Time now);
boost::json::object batch_json(const core::Batch& batch);  // without the request
boost::json::object dead_letter_json(const core::DeadLetter& letter);
boost::json::array timeline_json(std::span<const core::TimelineEntry> entries);
boost::json::object explanation_json(const core::Explanation& explanation);

}  // namespace jitney::app
