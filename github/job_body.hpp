// SPDX-License-Identifier: Apache-2.0
// GitHub's job object, the same in webhooks and in REST answers, and the bounds on what it holds.
// Pure functions.
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <string_view>

#include "core/job.hpp"

namespace jitney::github {

inline constexpr std::size_t kMaxLabels = 100;  // GitHub's own bound for runners
inline constexpr std::size_t kMaxLabelBytes = 256;
inline constexpr std::size_t kMaxNameBytes = 1024;

// "owner/name" as GitHub allows it, so that it can stand in a path.
bool is_repository(std::string_view text);
// An owner, organisation or enterprise slug.
bool is_owner(std::string_view text);

// At most `max` bytes, cut between characters of UTF-8.
std::string bounded(std::string_view text, std::size_t max = kMaxNameBytes);

// The object of one job. Of `status`, `scope`, `source` and `seen_at` the caller knows better:
// `status` is read where it is a known word, the others are left empty. `invalid`: an id, label or
// name that cannot be; the text says which.
core::Result<core::JobEvent> read_job(const boost::json::value& job, std::string_view repository);

}  // namespace jitney::github
