// SPDX-License-Identifier: Apache-2.0
// An address, and the same text as a proxy; a second line is a list of hosts that need no proxy.
#include "net/url.hpp"

#include <algorithm>
#include <cctype>
#include <sstream>

#include "net/wire_text.hpp"
#include "tests/fuzz/property.hpp"

namespace jitney::fuzz {
namespace {

std::string lowered(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) {
    return c < 128 ? static_cast<char>(std::tolower(c)) : static_cast<char>(c);
  });
  return text;
}

bool slowly_bypasses(std::string_view list, std::string_view host) {
  std::istringstream entries{std::string(list)};
  for (std::string entry; std::getline(entries, entry, ',');) {
    entry.erase(0, entry.find_first_not_of(' '));
    entry.erase(entry.find_last_not_of(' ') + 1);
    if (entry == "*") return true;
    if (entry.starts_with('.')) entry.erase(0, 1);
    if (entry.empty()) continue;
    const std::string whole = "." + lowered(std::string(host));
    if (whole.ends_with("." + lowered(entry))) return true;
  }
  return false;
}

void expect_usable(const net::Url& url) {
  expect(url.scheme == "http" || url.scheme == "https", "the scheme is one that we speak");
  expect(url.port != 0 && !url.host.empty(), "there is somebody to connect to");
  expect(net::is_target(url.path) && url.path.starts_with('/'), "the path can stand in a request");
  expect(url.path.find('#') == std::string::npos, "fragments stay here");
  expect(net::is_field_value(net::host_header(url)), "the host can stand in a header");
  const std::string written = url.scheme + "://" + net::authority(url.host, url.port) + url.path;
  const auto again = net::parse_url(written);
  expect(again && again->scheme == url.scheme && again->host == url.host &&
             again->port == url.port && again->path == url.path,
         "an address is read as it was written");
}

// Where a password was written into an address, refusing it must not put it into a log.
void expect_no_password_shown(std::string_view rest) {
  constexpr std::string_view kPassword = "Kq7-the-password";
  const auto url = net::parse_url("https://me:" + std::string(kPassword) + "@" + std::string(rest));
  expect(!url, "an address with a password is refused");
  expect(url.error().what.find(kPassword) == std::string::npos, "its refusal does not quote it");
  const auto proxy =
      net::parse_proxy("http://me:" + std::string(kPassword) + "@" + std::string(rest));
  expect(proxy || proxy.error().what.find(kPassword) == std::string::npos,
         "a proxy's refusal does not quote its password");
}

}  // namespace

void target(std::string_view input) {
  Lines lines(input);
  const std::string_view text = lines.take();
  const std::string_view list = lines.rest();
  const auto url = net::parse_url(text);
  if (url) {
    expect_usable(*url);
    expect(net::bypasses_proxy(list, url->host) == slowly_bypasses(list, url->host),
           "a proxy is gone around as the slow reader says");
  }
  expect_no_password_shown(text);
  const auto proxy = net::parse_proxy(text);
  if (proxy && *proxy) {
    expect((*proxy)->port != 0 && !(*proxy)->host.empty(), "a proxy is somewhere");
    expect(net::is_field_value((*proxy)->authorization.reveal()), "credentials fit a header");
    expect((*proxy)->host.find('@') == std::string::npos, "a proxy's host holds no password");
  }
}

}  // namespace jitney::fuzz
