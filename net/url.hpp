// SPDX-License-Identifier: Apache-2.0
// How to reach a host: proxies and Host headers. Private to the client but for host_header, which
// AWS's signatures cover; pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/result.hpp"
#include "core/secret.hpp"
#include "net/http_client.hpp"

namespace jitney::net {

struct Proxy {
  std::string host;
  std::uint16_t port = 0;
  core::Secret authorization;  // value of Proxy-Authorization; empty: none
};
// Empty text: no proxy. `invalid`; the text never quotes what may hold a password.
core::Result<std::optional<Proxy>> parse_proxy(std::string_view text);

// Whether `list` ("a.example,.suffix,*") names the host. "suffix" also covers "x.suffix".
bool bypasses_proxy(std::string_view list, std::string_view host);

std::string bracketed(std::string_view host);                      // "[::1]" for IPv6
std::string authority(std::string_view host, std::uint16_t port);  // always with the port
std::string host_header(const Url& url);  // the port only when not the scheme's own

}  // namespace jitney::net
