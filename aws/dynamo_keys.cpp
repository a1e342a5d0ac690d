// SPDX-License-Identifier: Apache-2.0
// Where the rows of the ledger's table stand.
#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>

#include "aws/dynamo_rows.hpp"
#include "net/crypto.hpp"

namespace jitney::aws {

namespace {

constexpr std::string_view kGoneRunner = "gone#runner#";

// So that text sorts as the number does.
std::string padded(std::int64_t number) {
  std::string digits = std::to_string(std::max<std::int64_t>(number, 0));
  return std::string(19 - std::min<std::size_t>(digits.size(), 19), '0') + digits;
}

std::string with(std::string_view prefix, std::string_view rest) {
  return std::string(prefix).append(rest);
}

// A row that somebody wrote by hand may have a shorter key.
std::string without(std::string_view key, std::size_t prefix) {
  return std::string(key.substr(std::min(key.size(), prefix)));
}

}  // namespace

Key job_key(core::JobId id) { return {core::job_subject(id), "row"}; }

Key open_job_key(std::string_view pool, core::JobId id) {
  return {core::pool_subject(pool), with(kOpenJob, padded(id))};
}

Key batch_key(const core::BatchId& id) { return {core::batch_subject(id), "row"}; }

Key open_batch_key(std::string_view pool, const core::BatchId& id) {
  return {core::pool_subject(pool), with(kOpenBatch, id)};
}

std::string pool_of(const Key& pool_key) {
  return without(pool_key.sk, std::string_view("pool#").size());
}

core::RunnerName gone_runner_name(const Key& gone_runner_key, std::string_view deployment) {
  const std::string pool = without(gone_runner_key.pk, core::pool_subject("").size());
  std::string_view number = gone_runner_key.sk;
  number.remove_prefix(std::min(number.size(), kGoneRunner.size()));
  number.remove_prefix(std::min(number.size(), number.find_first_not_of('0')));
  return std::string(deployment).append("-").append(pool).append("-").append(number);
}

Key live_runner_key(std::string_view pool, std::int64_t number) {
  return {core::pool_subject(pool), with(kOpenRunner, padded(number))};
}

Key gone_runner_key(std::string_view pool, std::int64_t number) {
  return {core::pool_subject(pool), with(kGoneRunner, padded(number))};
}

Key machine_key(const core::MachineId& machine) { return {"machine:" + machine, "row"}; }

Key pool_key(std::string_view pool) { return {std::string(kPoolsPartition), with("pool#", pool)}; }

Key note_key(std::string_view key) { return {std::string(kNotesPartition), with("note#", key)}; }

Key dead_letter_key(std::string_view kind, std::string_view key) {
  return {std::string(kDeadPartition), with(kind, "#").append(key)};
}

std::string list_time(core::Time at) { return padded(at.time_since_epoch().count()); }

std::string new_line_place() {
  static std::atomic<std::int64_t> last{0};
  static const std::string kProcess = [] {
    const std::string bytes = net::random_bytes(2);
    std::string text;
    for (const char c : bytes) {
      const auto byte = static_cast<unsigned char>(c);
      text += static_cast<char>('a' + (byte >> 4));
      text += static_cast<char>('a' + (byte & 15));
    }
    return text;
  }();
  const auto now = std::chrono::duration_cast<std::chrono::microseconds>(
                       std::chrono::system_clock::now().time_since_epoch())
                       .count();
  std::int64_t seen = last.load();
  std::int64_t mine = 0;
  do {
    mine = std::max<std::int64_t>(now, seen + 1);
  } while (!last.compare_exchange_weak(seen, mine));
  return padded(mine) + "#" + kProcess;
}

std::optional<RunnerPlace> place_of(std::string_view deployment, std::string_view name) {
  if (!name.starts_with(deployment)) return std::nullopt;
  name.remove_prefix(deployment.size());
  if (!name.starts_with('-')) return std::nullopt;
  name.remove_prefix(1);
  const std::size_t dash = name.rfind('-');
  if (dash == std::string_view::npos || dash == 0) return std::nullopt;
  const std::string_view digits = name.substr(dash + 1);
  RunnerPlace place{std::string(name.substr(0, dash)), 0};
  const char* end = digits.data() + digits.size();
  const auto parsed = std::from_chars(digits.data(), end, place.number);
  // Only one spelling of a number is a launch number: "07" is nobody's.
  const bool ours =
      parsed.ec == std::errc{} && parsed.ptr == end && place.number > 0 && digits.front() != '0';
  if (!ours) return std::nullopt;
  return place;
}

}  // namespace jitney::aws
