// SPDX-License-Identifier: Apache-2.0
// Learns how runners ended on machines that do not tell by themselves: no event of AWS comes to a
// server, so it asks, a few machines at a time. One thread.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <stop_token>

#include "core/fleet.hpp"
#include "core/ledger.hpp"

namespace jitney::app {

using RunnerEnded = std::function<void(core::MachineId machine, std::optional<int> exit_code)>;

class EndWatch {
 public:
  // Borrowed; they outlive this. At most `machines` are asked about in one look.
  EndWatch(core::Ledger& ledger, core::Fleet& fleet, std::size_t machines)
      : ledger_(ledger), fleet_(fleet), machines_(machines) {}

  // Asks about the next ones in turn whose runner was handed over, and tells of those that ended.
  // An end is told until the ledger knows it. What cannot be asked now is asked in another round.
  // After a stop request no further machine is asked about.
  void look(const RunnerEnded& listener, const std::stop_token& stop = {});

 private:
  core::Ledger& ledger_;
  core::Fleet& fleet_;
  const std::size_t machines_;
  core::RunnerName last_;
};

}  // namespace jitney::app
