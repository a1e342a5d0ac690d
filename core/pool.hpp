// SPDX-License-Identifier: Apache-2.0
// One kind of runner, as configured, and the matching of jobs to pools. Pure; immutable values.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/time.hpp"

namespace jitney::core {

// How long a runner of the pool may stay in a phase. See docs/lifecycle.md.
struct Deadlines {
  Duration batch = std::chrono::minutes(5);    // planned: to get all machines of a batch
  Duration boot = std::chrono::minutes(10);    // launched: until the machine answers
  Duration start = std::chrono::minutes(5);    // ready or starting under demand: until handed over
  Duration lease = std::chrono::minutes(2);    // starting: one function's time to mint and start
  Duration online = std::chrono::minutes(3);   // registered: until GitHub sees it online
  Duration idle = std::chrono::minutes(10);    // registered and online: until it has a job
  Duration surplus = std::chrono::minutes(1);  // grace before surplus supply is taken away
  Duration max_job_time = std::chrono::hours(12);
};

struct Pool {
  std::string name;                 // [a-z0-9_-]{1,40}; also one of `labels`
  std::vector<std::string> labels;  // lower case, sorted, with `name`
  std::string scope;                // which [[github]] entry it registers with
  std::int64_t runner_group = 1;
  std::vector<std::string> repositories;  // owner/name or globs ("acme/*"); empty: all of the scope
  int max = 10;
  int warm = 0;
  Deadlines deadlines;
  // What the fleet needs to launch one: opaque to the core, composed by the fleet that reads it.
  std::string launch;
};

// The first pool, in configured order, that serves `repository` in `scope` and whose labels contain
// all of `labels`, compared without case; else why there is none, naming the labels that were
// missing from the closest pool.
struct Match {
  const Pool* pool = nullptr;  // borrowed from `pools`
  std::string why_not;
};
Match match(std::span<const Pool> pools, std::string_view scope, std::string_view repository,
            std::span<const std::string> labels);

// owner/name against a glob in which '*' stands for any run of characters; without case.
bool serves(const Pool& pool, std::string_view repository);

// "a" covers "b": every job that b can run, a can run too (same scope, overlapping repositories).
// When a stands earlier, b never gets such jobs. For `config check`; names the labels both have.
struct Overlap {
  std::string first, second, why;
};
std::vector<Overlap> overlaps(std::span<const Pool> pools);

std::string lower(std::string_view text);  // ASCII, as GitHub compares labels

}  // namespace jitney::core
