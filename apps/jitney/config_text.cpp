// SPDX-License-Identifier: Apache-2.0
#include "apps/jitney/config_text.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <utility>
#include <vector>

#include "net/http_client.hpp"

namespace jitney::app {

namespace {

constexpr std::int64_t kLongest = std::int64_t{1000} * 60 * 60 * 24 * 3650;

constexpr std::array<std::pair<std::string_view, std::int64_t>, 5> kTimeUnits{
    {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};

constexpr std::array<std::pair<std::string_view, std::int64_t>, 9> kSizeUnits{
    {{"B", 1},
     {"KiB", std::int64_t{1} << 10},
     {"MiB", std::int64_t{1} << 20},
     {"GiB", std::int64_t{1} << 30},
     {"TiB", std::int64_t{1} << 40},
     {"KB", 1'000},
     {"MB", 1'000'000},
     {"GB", 1'000'000'000},
     {"TB", 1'000'000'000'000}}};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// Takes a number and the letters after it off the front of `text`, times the unit's factor.
template <std::size_t N>
std::optional<std::int64_t> take(
    std::string_view& text, const std::array<std::pair<std::string_view, std::int64_t>, N>& units,
    std::int64_t longest) {
  std::int64_t number = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || !is_digit(text.front())) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(rest - text.data()));
  const std::string_view unit = text.substr(
      0, static_cast<std::size_t>(std::ranges::find_if_not(text, is_letter) - text.begin()));
  text.remove_prefix(unit.size());
  for (const auto& [name, factor] : units) {
    if (name == unit && number <= longest / factor) return number * factor;
  }
  return std::nullopt;
}

bool is_hosted(std::string_view host) {
  return host == "github.com" || host == "www.github.com" || host == "github.localhost" ||
         host.ends_with(".ghe.com");
}

std::vector<std::string> segments(std::string_view path) {
  std::vector<std::string> parts;
  while (!path.empty()) {
    const std::size_t slash = std::min(path.find('/'), path.size());
    if (slash > 0) parts.emplace_back(path.substr(0, slash));
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return parts;
}

bool is_name(std::string_view text) {
  return text.size() <= 100 && std::ranges::all_of(text, [](char c) {
           return is_digit(c) || is_letter(c) || c == '-' || c == '_' || c == '.';
         });
}

std::string host_of(const net::Url& url) {
  std::string host = url.host.find(':') == std::string::npos ? url.host : "[" + url.host + "]";
  const bool usual = url.port == (url.scheme == "https" ? 443 : 80);
  return usual ? host : host + ":" + std::to_string(url.port);
}

core::Status fill_from_path(GithubScope& scope, std::string_view path) {
  constexpr std::string_view kForms =
      "write https://github.com/ORG, https://github.com/OWNER/REPO or "
      "https://github.com/enterprises/NAME (github.com stands for your GitHub's host)";
  const std::vector<std::string> parts = segments(path);
  if (parts.empty() || parts.size() > 2 || !std::ranges::all_of(parts, is_name)) {
    return core::fail(core::Fault::invalid,
                      "names no organisation, repository or enterprise; " + std::string(kForms));
  }
  scope.owner = parts.back();
  if (parts.size() == 1) {
    scope.kind = GithubScope::Kind::organization;
  } else if (core::lower(parts.front()) == "enterprises") {
    scope.kind = GithubScope::Kind::enterprise;
  } else {
    scope.kind = GithubScope::Kind::repository;
    scope.owner = parts.front();
    scope.repository = parts.back();
  }
  return {};
}

std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = std::exchange(row[j], std::min({change, row[j] + 1, row[j - 1] + 1}));
    }
  }
  return row.back();
}

}  // namespace

std::optional<core::Duration> parse_duration(std::string_view text) {
  if (text.empty() || text.size() > 40) return std::nullopt;
  std::int64_t total = 0;
  while (!text.empty()) {
    const auto part = take(text, kTimeUnits, kLongest);
    if (!part || total > kLongest - *part) return std::nullopt;
    total += *part;
  }
  return core::Duration(total);
}

std::string write_duration(core::Duration duration) {
  std::int64_t left = duration.count();
  if (left == 0) return "0s";
  std::string text;
  for (auto unit = kTimeUnits.rbegin(); unit != kTimeUnits.rend(); ++unit) {
    if (left >= unit->second)
      text += std::to_string(left / unit->second) + std::string(unit->first);
    left %= unit->second;
  }
  return text;
}

std::optional<std::int64_t> parse_size(std::string_view text) {
  if (text.empty()) return std::nullopt;
  const auto size = take(text, kSizeUnits, std::int64_t{1} << 62);
  return text.empty() ? size : std::nullopt;
}

std::optional<Listen> parse_listen(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string address(text.substr(0, colon));
  const std::string_view port = text.substr(colon + 1);
  Listen listen;
  const auto [rest, error] = std::from_chars(port.data(), port.data() + port.size(), listen.port);
  if (error != std::errc() || rest != port.data() + port.size() || port.empty())
    return std::nullopt;
  std::array<unsigned char, 16> binary{};
  if (address == "localhost") address = "127.0.0.1";
  if (address.starts_with('[') && address.ends_with(']')) {
    address = address.substr(1, address.size() - 2);
    if (inet_pton(AF_INET6, address.c_str(), binary.data()) != 1) return std::nullopt;
  } else if (inet_pton(AF_INET, address.c_str(), binary.data()) != 1) {
    return std::nullopt;
  }
  listen.address = std::move(address);
  return listen;
}

bool is_loopback(std::string_view address) {
  return address == "::1" || address == "localhost" || address.starts_with("127.");
}

core::Result<GithubScope> parse_github_url(std::string_view text) {
  if (text.find('@') != std::string_view::npos) {
    return core::fail(core::Fault::invalid,
                      "holds a user or password (an @); write the address alone, and the token as "
                      "token = { env = \"NAME\" }");
  }
  if (text.find_first_of("?#") != std::string_view::npos) {
    return core::fail(core::Fault::invalid, "has a ? or #; write the address alone");
  }
  const auto url = net::parse_url(text);
  if (!url) {
    return core::fail(core::Fault::invalid,
                      "is no web address; write for example https://github.com/ORG");
  }
  if (url->scheme != "https" && !is_loopback(url->host)) {
    return core::fail(core::Fault::invalid,
                      "would send credentials over http in clear; write https://...");
  }
  GithubScope scope;
  if (core::Status filled = fill_from_path(scope, url->path); !filled) {
    return std::unexpected(filled.error());
  }
  const std::string base = url->scheme + "://";
  const std::string host = core::lower(host_of(*url));
  if (is_hosted(core::lower(url->host))) {
    scope.api_url = base + "api." + (host.starts_with("www.") ? host.substr(4) : host);
  } else {
    scope.api_url = base + host + "/api/v3";
  }
  scope.url = text;
  while (scope.url.ends_with('/')) scope.url.pop_back();
  scope.name = core::lower(scope.owner);
  if (!scope.repository.empty()) scope.name += "-" + core::lower(scope.repository);
  return scope;
}

std::optional<std::string> did_you_mean(std::string_view typed,
                                        std::span<const std::string> words) {
  if (typed.size() > 60) return std::nullopt;
  const std::string low = core::lower(typed);
  std::optional<std::string> best;
  std::size_t near = std::max<std::size_t>(1, std::min<std::size_t>(3, typed.size() / 3)) + 1;
  for (const std::string& word : words) {
    const std::size_t apart = distance(low, word);
    if (apart < near) {
      near = apart;
      best = word;
    }
  }
  return best;
}

std::string quoted(std::string_view text) {
  constexpr std::size_t kShown = 40;
  std::string shown(text.substr(0, kShown));
  for (char& c : shown) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return "\"" + shown + (text.size() > kShown ? "...\"" : "\"");
}

bool looks_secret(std::string_view text) {
  constexpr std::array<std::string_view, 7> kPrefixes = {"ghp_", "gho_", "ghu_",       "ghs_",
                                                         "ghr_", "v1.",  "github_pat_"};
  return text.find("-----BEGIN") != std::string_view::npos || text.find('\n') != text.npos ||
         std::ranges::any_of(kPrefixes, [&](std::string_view p) { return text.starts_with(p); });
}

}  // namespace jitney::app
