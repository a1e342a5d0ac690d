// SPDX-License-Identifier: Apache-2.0
// The few primitives Jitney needs, on OpenSSL 3. Pure functions; thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.hpp"
#include "core/secret.hpp"

namespace jitney::net {

using Digest = std::array<unsigned char, 32>;

Digest sha256(std::string_view bytes);
Digest hmac_sha256(const core::Secret& key, std::string_view bytes);
bool equal_in_constant_time(std::string_view a, std::string_view b);  // leaks the lengths only

std::string hex(std::string_view bytes);
std::string hex(const Digest& digest);
std::optional<std::string> unhex(std::string_view text);  // lower or upper case, even length
std::string base64(std::string_view bytes);
std::string base64url(std::string_view bytes);               // no padding: RFC 7515
std::optional<std::string> unbase64(std::string_view text);  // strict; padding required

// RS256 signature (PKCS#1 v1.5) over `bytes`. The key is PEM, PKCS#1 or PKCS#8. `invalid`: it is no
// RSA private key; the text never quotes it.
core::Result<std::string> rs256(const core::Secret& pem_key, std::string_view bytes);

std::string random_bytes(std::size_t count);  // cryptographic

}  // namespace jitney::net
