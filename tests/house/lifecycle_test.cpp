// SPDX-License-Identifier: Apache-2.0
// docs/lifecycle.md shows the table that the code runs by, row for row.
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <tuple>

#include "core/runner.hpp"

namespace jitney::core {
namespace {

using Row = std::tuple<std::string, std::string, std::string>;

// "| planned | machine_bound | launched | why |"
std::set<Row> rows_of(const std::string& path) {
  std::ifstream document(path);
  std::set<Row> rows;
  for (std::string line; std::getline(document, line);) {
    std::istringstream cells(line);
    std::string skip, from, event, to;
    if (!std::getline(cells, skip, '|') || !(cells >> from >> skip >> event >> skip >> to))
      continue;
    if (!parse_phase(from) || !parse_event(event) || !parse_phase(to)) continue;
    rows.emplace(from, event, to);
  }
  return rows;
}

TEST(LifecycleDocument, ShowsEveryEdgeOfTheTableAndNoOther) {
  const std::set<Row> shown = rows_of(JITNEY_ROOT "/docs/lifecycle.md");
  std::set<Row> table;
  for (const Edge& edge : lifecycle()) {
    table.emplace(to_string(edge.from), to_string(edge.event), to_string(edge.to));
  }
  for (const auto& [from, event, to] : table) {
    EXPECT_TRUE(shown.contains({from, event, to}))
        << "docs/lifecycle.md lacks: " << from << " | " << event << " | " << to;
  }
  for (const auto& [from, event, to] : shown) {
    EXPECT_TRUE(table.contains({from, event, to}))
        << "docs/lifecycle.md has, and the code has not: " << from << " | " << event << " | " << to;
  }
}

}  // namespace
}  // namespace jitney::core
