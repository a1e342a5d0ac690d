// SPDX-License-Identifier: Apache-2.0
// Runs one job: its directories, environment, hooks and steps. One thread; `cancelled` may be asked
// from it at any time.
#pragma once

#include <boost/json.hpp>
#include <filesystem>
#include <functional>
#include <string>

namespace jitney::sim::runner {

struct JobOutcome {
  std::string result;        // Succeeded, Failed, Canceled
  boost::json::array steps;  // conclusions and times, in order
};

struct JobPlace {
  std::filesystem::path root;
  std::string work_folder;
  std::string runner_name;
};

JobOutcome run_job(const JobPlace& place, const boost::json::value& message,
                   const std::function<bool()>& cancelled);

}  // namespace jitney::sim::runner
