// SPDX-License-Identifier: Apache-2.0
#include "apps/jitney/report.hpp"

#include <algorithm>
#include <boost/json/object.hpp>

namespace jitney::app {

namespace {

constexpr std::size_t kVerdictWidth = 9;  // "warning" and two blanks
constexpr std::size_t kLeastText = 30;

Paint paint_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::ok:
      return Paint::good;
    case Verdict::warning:
      return Paint::waiting;
    case Verdict::failed:
      return Paint::bad;
    case Verdict::skipped:
      return Paint::faint;
  }
  return Paint::none;
}

std::string padded(const std::string& text, std::size_t width) {
  return text + std::string(text.size() < width ? width - text.size() : 0, ' ');
}

// Under each other, every line but the first behind `indent` blanks.
std::string hanging(const std::string& text, std::size_t indent, const Screen& screen) {
  Screen narrow = screen;
  if (screen.width > 0) {
    const auto width = static_cast<std::size_t>(screen.width);
    // A narrow terminal breaks lines better than a column of three words would.
    if (width < indent + kLeastText) return printable(text) + "\n";
    narrow.width = static_cast<int>(width - indent);
  }
  std::string shown;
  for (const char c : wrapped(printable(text), narrow)) {
    shown += c;
    if (c == '\n') shown += std::string(indent, ' ');
  }
  return shown + "\n";
}

std::size_t count(const std::vector<Area>& areas, Verdict verdict) {
  std::size_t n = 0;
  for (const Area& area : areas) {
    n += static_cast<std::size_t>(std::ranges::count(area.findings, verdict, &Finding::verdict));
  }
  return n;
}

}  // namespace

std::string section_text(const Area& area, const Screen& screen) {
  std::size_t widest = 0;
  for (const Finding& finding : area.findings) widest = std::max(widest, finding.check.size());
  const std::size_t indent = kVerdictWidth + widest + 4;
  std::string text = printable(area.title) + "\n";
  for (const Finding& finding : area.findings) {
    const std::string verdict(to_string(finding.verdict));
    text += "  " + painted(verdict, paint_of(finding.verdict), screen) +
            std::string(kVerdictWidth - verdict.size(), ' ') +
            padded(printable(finding.check), widest + 2) + hanging(finding.seen, indent, screen);
    if (finding.todo.empty()) continue;
    text += std::string(indent, ' ') + hanging("> " + finding.todo, indent + 2, screen);
  }
  return text;
}

std::string tally_text(const std::vector<Area>& areas, const Screen& screen) {
  std::string text;
  for (const Verdict verdict : {Verdict::ok, Verdict::warning, Verdict::failed, Verdict::skipped}) {
    const std::size_t n = count(areas, verdict);
    if (n == 0) continue;
    std::string word(to_string(verdict));
    if (verdict == Verdict::warning && n > 1) word += "s";
    text += (text.empty() ? "" : ", ") +
            painted(std::to_string(n) + " " + word, paint_of(verdict), screen);
  }
  return text + "\n";
}

bool any_failed(const std::vector<Area>& areas) { return count(areas, Verdict::failed) > 0; }

boost::json::array sections_json(const std::vector<Area>& areas) {
  boost::json::array checks;
  for (const Area& area : areas) {
    for (const Finding& finding : area.findings) {
      checks.push_back(
          boost::json::object{{"area", area.title},
                              {"check", finding.check},
                              {"verdict", to_string(finding.verdict)},
                              {"seen", finding.seen},
                              {"todo", finding.todo.empty() ? boost::json::value(nullptr)
                                                            : boost::json::value(finding.todo)}});
    }
  }
  return checks;
}

}  // namespace jitney::app
