// SPDX-License-Identifier: Apache-2.0
// The name of a profile on the first line, then the text of an AWS credentials or config file.
#include "aws/profile.hpp"

#include <regex>
#include <sstream>

#include "tests/fuzz/property.hpp"

namespace jitney::fuzz {
namespace {

std::string trimmed(const std::string& text) {
  const auto from = text.find_first_not_of(" \t\r");
  if (from == std::string::npos) return "";
  return text.substr(from, text.find_last_not_of(" \t\r") - from + 1);
}

// By regular expressions, line by line.
std::optional<aws::Profile> slowly_found(const std::string& text, const std::string& name) {
  static const std::regex section(R"(\[([^\]]*)(\][^]*)?)");
  static const std::regex prefix(R"(profile[ \t]+([^]+))");
  static const std::regex setting(R"(([^=]*)=([^]*))");
  std::optional<aws::Profile> found;
  bool inside = false;
  std::istringstream lines(text);
  for (std::string raw; std::getline(lines, raw);) {
    const std::string line = trimmed(raw);
    std::smatch part;
    if (line.empty() || line[0] == '#' || line[0] == ';') continue;
    if (std::regex_match(line, part, section)) {
      std::string title = trimmed(part[1]);
      if (std::smatch rest; std::regex_match(title, rest, prefix)) title = trimmed(rest[1].str());
      inside = title == name;
      if (inside && !found) found.emplace();
    } else if (inside && raw[0] != ' ' && raw[0] != '\t' && std::regex_match(line, part, setting)) {
      std::string key = trimmed(part[1]);
      for (char& c : key) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
      (*found)[key] = trimmed(part[2]);
    }
  }
  return found;
}

}  // namespace

void target(std::string_view input) {
  Lines lines(input);
  const std::string name(lines.take());
  const std::string text(lines.rest());
  const auto profile = aws::find_profile(text, name);
  // The library's regular expressions recurse with the text's length.
  if (text.size() <= 2000) {
    expect(profile == slowly_found(text, name), "a profile is what the slow reader finds");
  }
}

}  // namespace jitney::fuzz
