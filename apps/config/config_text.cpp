// SPDX-License-Identifier: Apache-2.0
#include "apps/config/config_text.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <utility>
#include <vector>

#include "github/endpoint.hpp"
#include "net/url.hpp"

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

GithubScope::Kind kind_of(github::ScopeKind kind) {
  switch (kind) {
    case github::ScopeKind::repository:
      return GithubScope::Kind::repository;
    case github::ScopeKind::organization:
      return GithubScope::Kind::organization;
    case github::ScopeKind::enterprise:
      return GithubScope::Kind::enterprise;
  }
  return GithubScope::Kind::organization;
}

// Addresses that people copy and that are no scope's own: of an organisation's pages, of
// github.com's other hosts, and those that git clones. nullopt: it is none of them.
std::optional<std::string> scope_behind(net::Url url) {
  while (url.path.ends_with('/')) url.path.pop_back();
  const net::Url given = url;
  for (const std::string_view page : {"/orgs/", "/organizations/"}) {
    if (!core::lower(url.path).starts_with(page)) continue;
    url.path.erase(0, page.size() - 1);
    url.path.resize(std::min(url.path.size(), url.path.find('/', 1)));
  }
  if (url.path.ends_with(".git")) url.path.resize(url.path.size() - 4);
  if (url.host == "www.github.com" || url.host == "api.github.com") url.host = "github.com";
  if (url.host == given.host && url.path == given.path) return std::nullopt;
  return url.scheme + "://" + net::host_header(url) + url.path;
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

// "maximum" for max, "drain_deadline" for drain: the nearest in length, of no less than three
// letters.
std::optional<std::string> longer_or_shorter(std::string_view typed,
                                             std::span<const std::string> words) {
  constexpr std::size_t kLeast = 3;
  std::optional<std::string> best;
  std::size_t near = std::string_view::npos;
  for (const std::string& word : words) {
    const std::size_t shorter = std::min(typed.size(), word.size());
    const std::size_t longer = std::max(typed.size(), word.size());
    const bool same = typed.substr(0, shorter) == std::string_view(word).substr(0, shorter);
    if (!same || shorter < kLeast || longer - shorter >= near) continue;
    near = longer - shorter;
    best = word;
  }
  return best;
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
  if (address.find('\0') != std::string::npos) return std::nullopt;  // inet_pton would stop there
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
  const std::string text(address);
  if (text.find('\0') != std::string::npos) return false;
  // Read as the network reads it: 127.example.com begins like one and is somewhere else.
  if (in_addr v4{}; inet_pton(AF_INET, text.c_str(), &v4) == 1) {
    return (ntohl(v4.s_addr) >> IN_CLASSA_NSHIFT) == IN_LOOPBACKNET;
  }
  if (in6_addr v6{}; inet_pton(AF_INET6, text.c_str(), &v6) == 1) {
    return std::ranges::equal(v6.s6_addr, in6addr_loopback.s6_addr);
  }
  return text == "localhost";
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
  if (const auto address = scope_behind(*url)) {
    // A secret in the wrong place must not come back in what is proposed.
    const bool shown = github::parse_endpoint(*address) && !looks_secret(*address);
    return core::fail(core::Fault::invalid,
                      "is a page's or a clone's address; write " +
                          (shown ? *address : "the scope's own, like https://github.com/ORG"));
  }
  // The client's own reader, so that the two can never differ over an address.
  const auto endpoint = github::parse_endpoint(text);
  if (!endpoint) {
    return core::fail(core::Fault::invalid,
                      "names no organisation, repository or enterprise; write "
                      "https://github.com/ORG, https://github.com/OWNER/REPO or "
                      "https://github.com/enterprises/NAME (github.com stands for your GitHub's "
                      "host)");
  }
  GithubScope scope;
  scope.kind = kind_of(endpoint->kind);
  scope.owner = endpoint->owner;
  scope.repository = endpoint->repository;
  scope.api_url =
      endpoint->api.scheme + "://" + net::host_header(endpoint->api) + endpoint->api.path;
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
  return best ? best : longer_or_shorter(low, words);
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
  // Anywhere: "Bearer ghp_..." is pasted as often as the token alone.
  constexpr std::array<std::string_view, 7> kMarks = {"ghp_", "gho_",        "ghu_",      "ghs_",
                                                      "ghr_", "github_pat_", "-----BEGIN"};
  return text.starts_with("v1.") || text.find('\n') != text.npos ||
         std::ranges::any_of(kMarks, [&](std::string_view mark) {
           return text.find(mark) != std::string_view::npos;
         });
}

}  // namespace jitney::app
