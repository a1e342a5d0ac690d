// SPDX-License-Identifier: Apache-2.0
// For tests only: random changes to a ledger that can be made again on another one, and all of a
// ledger's state as a value. Pure but for the ledger.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "core/ledger.hpp"

namespace jitney::local {

// The numbers say which job, runner or note, of those that there are.
struct LedgerStep {
  enum class Kind { record, claim, advance, update, fail, bury, redrive, checked, put, erase };
  Kind kind = Kind::record;
  std::uint64_t a = 0, b = 0, c = 0;
  core::Time now{};
};
inline constexpr int kLedgerSteps = 10;

LedgerStep random_step(std::mt19937_64& random, core::Time now);

// An error only when storage failed; a refusal (an unknown job, a conflict) is an answer.
core::Status apply(const LedgerStep& step, core::Ledger& ledger);

struct LedgerState {
  core::PoolState pool;
  std::vector<core::Job> jobs;        // by id
  std::vector<core::Runner> runners;  // by number
  std::vector<core::Batch> batches;   // by first number
  std::vector<core::Note> notes;
  std::vector<std::size_t> lines;  // of the timelines of all of them
  friend bool operator==(const LedgerState&, const LedgerState&) = default;
};
core::Result<LedgerState> state_of(core::Ledger& ledger);

}  // namespace jitney::local
