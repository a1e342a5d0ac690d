// SPDX-License-Identifier: Apache-2.0
#include "apps/jitney/output.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <cstdlib>
#include <numeric>

namespace jitney::app {

namespace {

constexpr int kGap = 2;
constexpr int kReadable = 20;  // columns for a sentence

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80; }

// Columns that UTF-8 text takes, one for each code point.
int width_of(std::string_view text) {
  return static_cast<int>(std::ranges::count_if(text, [](char c) { return !is_continuation(c); }));
}

// The longest beginning of at most `width` columns.
std::string_view beginning(std::string_view text, int width) {
  std::size_t end = 0;
  for (; end < text.size(); ++end) {
    if (!is_continuation(text[end]) && width-- == 0) break;
  }
  return text.substr(0, end);
}

std::string cut(std::string_view text, int width) {
  if (width_of(text) <= width) return std::string(text);
  return std::string(beginning(text, std::max(width - 1, 0))) + "…";
}

// Bytes of the well-formed UTF-8 sequence that `text` begins with; 0 when there is none.
std::size_t sequence(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  std::size_t length = 0;
  std::uint32_t code = 0;
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2;
    code = lead & 0x1FU;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3;
    code = lead & 0x0FU;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4;
    code = lead & 0x07U;
  }
  if (length == 0 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if (!is_continuation(text[i])) return 0;
    code = (code << 6U) | (static_cast<unsigned char>(text[i]) & 0x3FU);
  }
  const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  return overlong || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF) ? 0 : length;
}

// Control characters, and those that change the direction of text: both can make a line lie.
bool shows(std::string_view one) {
  const auto first = static_cast<unsigned char>(one[0]);
  if (one.size() == 1) return first >= 0x20 && first != 0x7F;
  if (one.size() == 2) return first != 0xC2 || static_cast<unsigned char>(one[1]) >= 0xA0;
  return !(one >= "\u202A" && one <= "\u202E") && !(one >= "\u2066" && one <= "\u2069") &&
         one != "\u2028" && one != "\u2029";
}

std::string_view code_of(Paint paint) {
  switch (paint) {
    case Paint::none:
      return "";
    case Paint::good:
      return "\033[32m";
    case Paint::waiting:
      return "\033[33m";
    case Paint::bad:
      return "\033[31m";
    case Paint::faint:
      return "\033[2m";
  }
  return "";
}

// Takes columns where it costs least until all fits or nothing may be taken: from the last, which
// is wrapped and loses nothing, as long as it stays readable; then from the widest that may be cut.
void fit(std::vector<int>& widths, const std::vector<Column>& columns, int room) {
  int over = std::accumulate(widths.begin(), widths.end(), 0) - room;
  const auto take = [&](std::size_t i, int most, int least) {
    if (columns[i].least == 0) return false;
    const int taken = std::max(0, std::min({most, over, widths[i] - least}));
    widths[i] -= taken;
    over -= taken;
    return taken > 0;
  };
  const std::size_t last = columns.size() - 1;
  take(last, over, std::max(columns[last].least, kReadable));
  std::vector<std::size_t> others(last);
  std::iota(others.begin(), others.end(), 0);
  while (over > 0 && !others.empty()) {
    const auto widest =
        std::ranges::max_element(others, {}, [&](std::size_t i) { return widths[i]; });
    if (!take(*widest, 1, columns[*widest].least)) others.erase(widest);
  }
  take(last, over, columns[last].least);
}

// The lines of a cell. Unlike `wrapped`, it breaks words that are too wide: the terminal would go
// on with them under the first column.
std::vector<std::string> lines_of(std::string_view text, int width) {
  std::vector<std::string> lines;
  const std::string all = wrapped(text, {.width = width});
  for (std::string_view rest = all; !rest.empty();) {
    std::string_view part = beginning(rest.substr(0, rest.find('\n')), width);
    rest.remove_prefix(part.size());
    if (rest.starts_with('\n')) rest.remove_prefix(1);
    while (part.ends_with(' ')) part.remove_suffix(1);
    lines.emplace_back(part);
  }
  return lines;
}

// The last cell is the sentence that a table is looked at for: it is wrapped, the others are cut.
std::string row_text(const std::vector<Cell>& row, const std::vector<int>& widths,
                     const Screen& screen) {
  std::string made;
  int blanks = 0;  // not written until something follows
  const auto put = [&](const std::string& shown, Paint paint) {
    made += std::string(static_cast<std::size_t>(blanks), ' ') + painted(shown, paint, screen);
    blanks = 0;
  };
  const std::size_t last = row.size() - 1;
  for (std::size_t i = 0; i < last; ++i) {
    const std::string shown = cut(row[i].text, widths[i]);
    if (!shown.empty()) put(shown, row[i].paint);
    blanks += widths[i] - width_of(shown) + kGap;
  }
  const int indent =
      std::accumulate(widths.begin(), widths.end() - 1, 0) + kGap * static_cast<int>(last);
  const std::vector<std::string> lines = lines_of(row[last].text, widths[last]);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) {
      made += '\n';
      blanks = indent;
    }
    put(lines[i], row[last].paint);
  }
  return made + "\n";
}

}  // namespace

Screen screen_of(int fd) {
  Screen screen;
  if (isatty(fd) != 1) return screen;
  winsize size{};
  const char* columns = std::getenv("COLUMNS");
  const int wanted = columns == nullptr ? 0 : std::atoi(columns);
  if (wanted > 0) {
    screen.width = wanted;
  } else if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    screen.width = size.ws_col;
  } else {
    screen.width = 80;
  }
  const char* none = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  const bool dumb = term == nullptr || std::string_view(term) == "dumb";
  screen.colour = (none == nullptr || *none == '\0') && !dumb;
  return screen;
}

std::string printable(std::string_view text) {
  std::string shown;
  shown.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = sequence(text);
    const std::string_view one = text.substr(0, std::max<std::size_t>(length, 1));
    shown += length > 0 && shows(one) ? one : "?";
    text.remove_prefix(one.size());
  }
  return shown;
}

std::string painted(std::string_view text, Paint paint, const Screen& screen) {
  if (!screen.colour || paint == Paint::none || text.empty()) return std::string(text);
  return std::string(code_of(paint)) + std::string(text) + "\033[0m";
}

void Table::add(std::vector<Cell> row) {
  for (Cell& cell : row) cell.text = printable(cell.text);
  row.resize(columns_.size());
  rows_.push_back(std::move(row));
}

std::string Table::text(const Screen& screen) const {
  std::vector<int> widths;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    int width = width_of(columns_[i].title);
    for (const auto& row : rows_) width = std::max(width, width_of(row[i].text));
    widths.push_back(width);
  }
  if (screen.width > 0) {
    fit(widths, columns_, screen.width - kGap * (static_cast<int>(columns_.size()) - 1));
  }
  std::vector<Cell> titles;
  for (const Column& column : columns_) titles.push_back({column.title, Paint::faint});
  std::string all = row_text(titles, widths, screen);
  for (const auto& row : rows_) all += row_text(row, widths, screen);
  return all;
}

std::string age(core::Time since, core::Time now) {
  if (since == core::Time{}) return "-";
  return core::describe(std::max(now - since, core::Duration::zero()));
}

std::string wrapped(std::string_view text, const Screen& screen) {
  std::string all;
  int column = 0;
  while (!text.empty()) {
    const std::size_t blank = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, blank);
    const int width = width_of(word);
    if (column > 0) {
      const bool breaks = screen.width > 0 && column + 1 + width > screen.width;
      all += breaks ? '\n' : ' ';
      column = breaks ? 0 : column + 1;
    }
    all += word;
    column += width;
    text.remove_prefix(std::min(blank + 1, text.size()));
  }
  return all;
}

bool print(std::string_view text) {
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() &&
         std::fflush(stdout) == 0;
}

bool print_json(const boost::json::value& value) {
  return print(boost::json::serialize(value) + "\n");
}

}  // namespace jitney::app
