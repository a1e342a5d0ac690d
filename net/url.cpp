// SPDX-License-Identifier: Apache-2.0
#include "net/url.hpp"

#include <algorithm>
#include <charconv>
#include <ranges>
#include <utility>

#include "net/crypto.hpp"
#include "net/wire_text.hpp"

namespace jitney::net {
namespace {

using core::Fault;

struct HostPort {
  std::string host;
  std::uint16_t port = 0;
};

bool is_host(std::string_view text) {
  return !text.empty() && text.size() <= 253 && std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
           c == '-' || c == '_';
  });
}

bool is_ipv6(std::string_view text) {
  return text.find(':') != std::string_view::npos && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') ||
                  c == ':' || c == '.' || c == '%';
         });
}

std::optional<HostPort> parse_host_port(std::string_view text, std::uint16_t default_port) {
  HostPort out{.host = {}, .port = default_port};
  std::string_view port;
  if (text.starts_with('[')) {
    const auto close = text.find(']');
    if (close == std::string_view::npos || !is_ipv6(text.substr(1, close - 1))) return std::nullopt;
    out.host = std::string(text.substr(1, close - 1));
    port = text.substr(close + 1);
    if (!port.empty() && port.front() != ':') return std::nullopt;
  } else {
    const auto colon = std::min(text.find(':'), text.size());
    out.host = std::string(text.substr(0, colon));
    port = text.substr(colon);
    if (!is_host(out.host)) return std::nullopt;
  }
  if (port.size() <= 1) return out;
  const auto* end = port.data() + port.size();
  const auto [stop, error] = std::from_chars(port.data() + 1, end, out.port);
  if (error != std::errc() || stop != end || out.port == 0) return std::nullopt;
  return out;
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

}  // namespace

core::Result<Url> parse_url(std::string_view text) {
  // The text itself stays out of the error: a URL may hold a password.
  const auto bad = [](const std::string& why) {
    return core::fail(Fault::invalid,
                      "this URL cannot be used: " + why + "; write it as https://host[:port]/path");
  };
  Url url;
  const auto colon = text.find("://");
  if (colon == std::string_view::npos) return bad("it has no scheme");
  url.scheme = lower_case(text.substr(0, colon));
  if (url.scheme != "http" && url.scheme != "https") return bad("its scheme is not http or https");
  text.remove_prefix(colon + 3);
  const auto end = std::min(text.find_first_of("/?#"), text.size());
  const std::string_view place = text.substr(0, end);
  if (place.find('@') != std::string_view::npos) {
    return bad("it holds a user or password, which belong into the configuration");
  }
  auto parsed = parse_host_port(place, url.scheme == "https" ? 443 : 80);
  if (!parsed) return bad("its host or port is malformed");
  url.host = lower_case(parsed->host);
  url.port = parsed->port;
  const std::string_view rest = text.substr(end, text.find('#', end) - end);
  url.path = rest.starts_with('/') ? std::string(rest) : "/" + std::string(rest);
  if (!is_target(url.path)) return bad("its path has a blank or a byte that needs %-encoding");
  return url;
}

core::Result<std::optional<Proxy>> parse_proxy(std::string_view text) {
  if (text.empty()) return std::nullopt;
  const auto bad = core::fail(Fault::invalid,
                              "the proxy must be written as http://[user:password@]host:port, with "
                              "special characters of the password %-encoded");
  constexpr std::string_view kScheme = "http://";
  if (!same_text(text.substr(0, kScheme.size()), kScheme)) return bad;
  text.remove_prefix(kScheme.size());
  if (text.ends_with('/')) text.remove_suffix(1);
  Proxy proxy;
  if (const auto at = text.rfind('@'); at != std::string_view::npos) {
    const auto credentials = text.substr(0, at);
    const auto colon = std::min(credentials.find(':'), credentials.size());
    const auto user = percent_decode(credentials.substr(0, colon));
    const auto password =
        percent_decode(credentials.substr(std::min(colon + 1, credentials.size())));
    if (!user || !password) return bad;
    proxy.authorization = core::Secret("Basic " + base64(*user + ":" + *password));
    text.remove_prefix(at + 1);
  }
  auto place = parse_host_port(text, 80);
  if (!place) return bad;
  proxy.host = std::move(place->host);
  proxy.port = place->port;
  return proxy;
}

bool bypasses_proxy(std::string_view list, std::string_view host) {
  while (!list.empty()) {
    std::string_view entry = list.substr(0, list.find(','));
    list.remove_prefix(std::min(list.size(), entry.size() + 1));
    while (entry.starts_with(' ')) entry.remove_prefix(1);
    while (entry.ends_with(' ')) entry.remove_suffix(1);
    if (entry == "*") return true;
    if (entry.starts_with('.')) entry.remove_prefix(1);
    if (entry.empty()) continue;
    if (same_text(entry, host)) return true;
    if (host.size() > entry.size() && host[host.size() - entry.size() - 1] == '.' &&
        same_text(host.substr(host.size() - entry.size()), entry)) {
      return true;
    }
  }
  return false;
}

std::string bracketed(std::string_view host) {
  const std::string text(host);
  return host.find(':') == std::string_view::npos ? text : "[" + text + "]";
}

std::string authority(std::string_view host, std::uint16_t port) {
  return bracketed(host) + ":" + std::to_string(port);
}

std::string host_header(const Url& url) {
  const std::uint16_t usual = url.scheme == "https" ? 443 : 80;
  return url.port == usual ? bracketed(url.host) : authority(url.host, url.port);
}

}  // namespace jitney::net
