// SPDX-License-Identifier: Apache-2.0
#include "aws/profile.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <utility>

namespace jitney::aws {
namespace {

using core::Fault;

constexpr std::size_t kMaxFile = 1u << 20;

std::string_view trimmed(std::string_view text) {
  const auto start = text.find_first_not_of(" \t\r");
  if (start == std::string_view::npos) return {};
  return text.substr(start, text.find_last_not_of(" \t\r") - start + 1);
}

// "profile work" or "work" of "[profile work]".
std::string_view section_name(std::string_view line) {
  std::string_view name = trimmed(line.substr(1, line.find(']') - 1));
  constexpr std::string_view kWord = "profile";
  if (name.starts_with(kWord) && name.size() > kWord.size() &&
      (name[kWord.size()] == ' ' || name[kWord.size()] == '\t')) {
    name = trimmed(name.substr(kWord.size()));
  }
  return name;
}

void read_setting(std::string_view line, Profile& profile) {
  const auto equals = line.find('=');
  if (equals == std::string_view::npos) return;
  std::string key(trimmed(line.substr(0, equals)));
  std::ranges::transform(key, key.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  profile[std::move(key)] = std::string(trimmed(line.substr(equals + 1)));
}

std::string path_of(const Environment& environment, std::string_view variable,
                    std::string_view file) {
  if (auto set = environment(variable)) return *std::move(set);
  const auto home = environment("HOME");
  return home ? *home + "/.aws/" + std::string(file) : std::string();
}

// Empty text for a file that is not there.
core::Result<std::string> read_file(const std::string& path) {
  if (path.empty()) return std::string();
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    const int error = errno;
    if (error == ENOENT || error == ENOTDIR) return std::string();
    return core::fail(Fault::unauthorized,
                      path + " cannot be read: " + std::string(std::strerror(error)));
  }
  std::string text(kMaxFile, '\0');
  in.read(text.data(), static_cast<std::streamsize>(kMaxFile));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (in.bad()) return core::fail(Fault::unauthorized, path + " cannot be read");
  return text;
}

}  // namespace

std::string profile_name(const Environment& environment) {
  return environment("AWS_PROFILE").value_or("default");
}

std::optional<Profile> find_profile(std::string_view text, std::string_view name) {
  std::optional<Profile> found;
  bool inside = false;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const std::string_view raw = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::string_view line = trimmed(raw);
    if (line.empty() || line.front() == '#' || line.front() == ';') continue;
    if (line.front() == '[') {
      inside = section_name(line) == name;
      if (inside && !found) found.emplace();
      continue;
    }
    // An indented line belongs to the setting above it ("s3 =").
    if (inside && raw.front() != ' ' && raw.front() != '\t') read_setting(line, *found);
  }
  return found;
}

core::Result<std::optional<Profile>> read_profile(const Environment& environment) {
  const std::string name = profile_name(environment);
  std::optional<Profile> out;
  for (const auto& [variable, file] :
       {std::pair{"AWS_SHARED_CREDENTIALS_FILE", "credentials"}, {"AWS_CONFIG_FILE", "config"}}) {
    const auto text = read_file(path_of(environment, variable, file));
    if (!text) return std::unexpected(text.error());
    if (auto profile = find_profile(*text, name)) {
      if (!out) out.emplace();
      out->merge(*profile);  // keeps what the credentials file said
    }
  }
  return out;
}

}  // namespace jitney::aws
