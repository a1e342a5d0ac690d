// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <tuple>

#include "apps/config/config_reader.hpp"
#include "apps/config/config_text.hpp"

namespace jitney::app {

namespace {

constexpr std::size_t kMostShown = 100;

std::string in_section(const std::string& section) {
  return section.empty() ? "at the top of the file, before every [table]"
                         : "in " + bracketed(section);
}

}  // namespace

std::string bracketed(const std::string& section) {
  const bool repeats = section == "github" || section == "pool";
  return repeats ? "[[" + section + "]]" : "[" + section + "]";
}

void Mistakes::add(Place place, const std::string& text) { mistakes_.push_back({place, text}); }
void Mistakes::warn(Place place, const std::string& text) { warnings_.push_back({place, text}); }
void Mistakes::known(const std::string& section, const std::string& key) {
  keys_.emplace(section, key);
}
void Mistakes::unknown(Place place, const std::string& section, const std::string& key) {
  unknown_.push_back({place, section, key});
}

std::string Mistakes::at(Place place) const {
  // What stands nowhere (a missing key of an empty file) is missing at the beginning.
  return file_ + ":" + std::to_string(std::max<toml::source_index>(place.line, 1)) + ":" +
         std::to_string(std::max<toml::source_index>(place.column, 1));
}

// A slip of the finger is likelier than a key in the wrong table, but a key with exactly this name
// elsewhere is likelier than both.
std::string Mistakes::meant(const Unknown& unknown) const {
  std::vector<std::string> here;
  for (const auto& [section, key] : keys_) {
    if (section == unknown.section) here.push_back(key);
  }
  for (const auto& [section, key] : keys_) {
    if (key == unknown.key && section != unknown.section) {
      return "; it belongs " + in_section(section);
    }
  }
  if (const auto word = did_you_mean(unknown.key, here)) return "; write " + *word + " instead?";
  std::ranges::sort(here);
  std::string list;
  for (const std::string& key : here) list += (list.empty() ? "" : ", ") + key;
  return "; remove it; known are: " + list;
}

std::vector<std::string> Mistakes::sorted(std::vector<Line> lines) const {
  std::ranges::stable_sort(
      lines, {}, [](const Line& line) { return std::tuple(line.place.line, line.place.column); });
  std::vector<std::string> texts;
  for (const Line& line : lines) texts.push_back(at(line.place) + ": " + line.text);
  const auto repeated = std::ranges::unique(texts);
  texts.erase(repeated.begin(), repeated.end());
  return texts;
}

std::string Mistakes::text() {
  for (const Unknown& unknown : unknown_) {
    add(unknown.place, (looks_secret(unknown.key) ? "this key" : quoted(unknown.key)) +
                           " is not known " + in_section(unknown.section) + meant(unknown));
  }
  unknown_.clear();
  std::string all;
  std::size_t shown = 0;
  for (const std::string& line : sorted(mistakes_)) {
    if (++shown > kMostShown) return all + "\n... and more";
    all += (all.empty() ? "" : "\n") + line;
  }
  return all;
}

std::vector<std::string> Mistakes::warnings() const { return sorted(warnings_); }

}  // namespace jitney::app
