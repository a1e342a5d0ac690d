// SPDX-License-Identifier: Apache-2.0
// What people see in a terminal: aligned tables that fit, ages, colours where they are wanted. Pure
// functions, but for screen_of and print.
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "core/time.hpp"

namespace jitney::app {

struct Screen {
  int width = 0;  // columns; 0: no terminal, nothing is cut or wrapped
  bool colour = false;
};
// Of a file descriptor. Colour only on a terminal, without NO_COLOR and not with TERM=dumb.
Screen screen_of(int fd);

// Job names come from strangers: control characters, which could move the cursor or forge lines,
// and bytes that are no UTF-8 are shown as '?'.
std::string printable(std::string_view text);

enum class Paint { none, good, waiting, bad, faint };
std::string painted(std::string_view text, Paint paint, const Screen& screen);

struct Column {
  std::string title;
  int least = 0;  // may be cut down to that width, or wrapped at it when last; 0: never
};
struct Cell {
  std::string text;
  Paint paint = Paint::none;
};

// A line for each row, two blanks between columns, no blanks at a line's end. What does not fit is
// cut; but of the last column it goes on under itself, in further lines.
class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  void add(std::vector<Cell> row);
  [[nodiscard]] bool empty() const { return rows_.empty(); }
  [[nodiscard]] std::string text(const Screen& screen) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

std::string age(core::Time since, core::Time now);  // "3m 20s"; "-" for Time{}
// Lines of at most screen.width, broken at blanks.
std::string wrapped(std::string_view text, const Screen& screen);

// To stdout; false when it cannot be written (a full disk).
bool print(std::string_view text);
bool print_json(const boost::json::value& value);  // one line

}  // namespace jitney::app
