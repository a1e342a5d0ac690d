// SPDX-License-Identifier: Apache-2.0
// Bytes, and the same bytes taken for text in hex, base64 and percent encoding.
#include <algorithm>

#include "net/crypto.hpp"
#include "net/http.hpp"
#include "net/wire_text.hpp"
#include "tests/fuzz/property.hpp"

namespace jitney::fuzz {

void target(std::string_view input) {
  const std::string bytes(input);
  expect(net::unhex(net::hex(bytes)) == bytes, "hex comes back");
  expect(net::unbase64(net::base64(bytes)) == bytes, "base64 comes back");
  expect(net::percent_decode(net::percent_encode(bytes)) == bytes, "percent encoding comes back");
  const std::string url = net::base64url(bytes);
  expect(url.find_first_of("+/=") == std::string::npos, "base64url needs no escape");

  // Two texts for the same bytes would be two names for one thing.
  if (const auto decoded = net::unbase64(input)) {
    expect(net::base64(*decoded) == input, "base64 has one text for the same bytes");
  }
  if (const auto decoded = net::unhex(input)) {
    const std::string again = net::hex(*decoded);
    expect(net::same_text(again, input), "hex has one text for the same bytes, but for its case");
  }
  if (const auto decoded = net::percent_decode(input)) {
    expect(decoded->size() <= input.size(), "decoding does not grow");
    expect(net::percent_decode(net::percent_encode(*decoded)) == *decoded, "it comes to rest");
  }
}

}  // namespace jitney::fuzz
