// SPDX-License-Identifier: Apache-2.0
#include "aws/signer.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "net/crypto.hpp"
#include "net/rfc3339.hpp"
#include "net/wire_text.hpp"

namespace jitney::aws {
namespace {

using core::Fault;
using core::Secret;

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
constexpr std::string_view kTerminator = "aws4_request";
// Set per hop or rewritten on the way: signed, they would break the signature.
constexpr std::array<std::string_view, 7> kUnsigned{
    "authorization",     "connection", "content-length", "expect",
    "transfer-encoding", "user-agent", "x-amzn-trace-id"};

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

// "20261128T133338Z"
std::string basic_time(core::Time time) {
  std::string text = net::format_rfc3339(time);
  std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
  return text;
}

bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F'); }

bool strictly_encoded(std::string_view text, std::string_view also) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size() || !is_hex(text[i + 1]) || !is_hex(text[i + 2])) return false;
      // What needs no encoding must not be: "%7E" and "~" are the same byte to the server.
      const auto byte = net::percent_decode(text.substr(i, 3));
      if (!byte || net::percent_encode(*byte) == *byte) return false;
      i += 2;
    } else if (also.find(c) == std::string_view::npos &&
               net::percent_encode(std::string_view(&c, 1)).size() != 1) {
      return false;
    }
  }
  return true;
}

std::vector<std::string_view> split(std::string_view text, char mark) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto at = text.find(mark);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

// Without "." and "..", and without empty segments (RFC 3986, section 6.2.2.3), then encoded once
// more: what every service but S3 computes.
std::string normalized(std::string_view path) {
  std::vector<std::string_view> kept;
  for (const auto segment : split(path, '/')) {
    if (segment.empty() || segment == ".") continue;
    if (segment != "..") {
      kept.push_back(segment);
    } else if (!kept.empty()) {
      kept.pop_back();
    }
  }
  std::string out;
  for (const auto segment : kept) out += "/" + net::percent_encode(segment);
  if (out.empty() || path.ends_with('/')) out += '/';
  return out;
}

std::string canonical_query(std::string_view query) {
  if (query.empty()) return {};
  std::vector<std::pair<std::string_view, std::string_view>> pairs;
  for (const auto pair : split(query, '&')) {
    const auto equals = std::min(pair.find('='), pair.size());
    pairs.emplace_back(pair.substr(0, equals), pair.substr(std::min(equals + 1, pair.size())));
  }
  std::ranges::sort(pairs);
  std::string out;
  for (const auto& [name, value] : pairs) {
    if (!out.empty()) out += '&';
    out.append(name).append("=").append(value);
  }
  return out;
}

// Trimmed, and runs of blanks as one.
std::string canonical_value(std::string_view value) {
  std::string out;
  bool gap = false;
  for (const char c : value) {
    if (c == ' ' || c == '\t') {
      gap = !out.empty();
      continue;
    }
    if (std::exchange(gap, false)) out += ' ';
    out += c;
  }
  return out;
}

struct SignedHeaders {
  std::string lines;
  std::string names;
};

SignedHeaders canonical_headers(const net::Headers& headers) {
  std::map<std::string, std::string> values;
  for (const auto& [name, value] : headers.fields()) {
    const std::string key = lower_case(name);
    if (std::ranges::find(kUnsigned, key) != kUnsigned.end()) continue;
    const auto [at, added] = values.try_emplace(key, canonical_value(value));
    if (!added) at->second += "," + canonical_value(value);
  }
  SignedHeaders out;
  for (const auto& [name, value] : values) {
    out.lines.append(name).append(":").append(value).append("\n");
    if (!out.names.empty()) out.names += ';';
    out.names += name;
  }
  return out;
}

Secret keyed(const Secret& key, std::string_view text) {
  const net::Digest digest = net::hmac_sha256(key, text);
  return Secret(std::string(digest.begin(), digest.end()));
}

Secret signing_key(const Secret& secret, std::string_view day, const SigningScope& scope) {
  const Secret start("AWS4" + std::string(secret.reveal()));
  return keyed(keyed(keyed(keyed(start, day), scope.region), scope.service), kTerminator);
}

// Takes away what an earlier signature of the same request left.
net::Headers without_signature(const net::Headers& headers) {
  constexpr std::array<std::string_view, 4> kOurs{"authorization", "host", "x-amz-date",
                                                  "x-amz-security-token"};
  net::Headers kept;
  for (const auto& [name, value] : headers.fields()) {
    if (std::ranges::find(kOurs, lower_case(name)) == kOurs.end()) kept.add(name, value);
  }
  return kept;
}

}  // namespace

core::Status sign(net::Request& request, const Credentials& credentials,
                  const SigningScope& scope) {
  if (scope.region.empty() || scope.service.empty()) {
    return core::fail(Fault::invalid,
                      "a request to AWS needs a region: set AWS_REGION or [aws] region");
  }
  const std::string_view target = request.target;
  const auto mark = std::min(target.find('?'), target.size());
  const std::string_view path = target.substr(0, mark);
  const std::string_view query = target.substr(std::min(mark + 1, target.size()));
  if (!path.starts_with('/') || !strictly_encoded(path, "/") || !strictly_encoded(query, "&=")) {
    return core::fail(Fault::invalid, "the target of a request to " + scope.service +
                                          " is not strictly percent-encoded");
  }
  const bool s3 = scope.service == "s3";
  const std::string time = basic_time(scope.now);
  const std::string day = time.substr(0, 8);

  request.headers = without_signature(request.headers);
  request.headers.add("Host", scope.host);
  request.headers.add("X-Amz-Date", time);
  if (!credentials.session_token.empty()) {
    request.headers.add("X-Amz-Security-Token", std::string(credentials.session_token.reveal()));
  }
  const std::string payload = net::hex(net::sha256(request.body));
  if (s3) request.headers.set("X-Amz-Content-Sha256", payload);

  const SignedHeaders headers = canonical_headers(request.headers);
  const std::string canonical =
      request.method + "\n" + (s3 ? std::string(path) : normalized(path)) + "\n" +
      canonical_query(query) + "\n" + headers.lines + "\n" + headers.names + "\n" + payload;
  const std::string place =
      day + "/" + scope.region + "/" + scope.service + "/" + std::string(kTerminator);
  const std::string to_sign = std::string(kAlgorithm) + "\n" + time + "\n" + place + "\n" +
                              net::hex(net::sha256(canonical));
  const Secret key = signing_key(credentials.secret_access_key, day, scope);
  request.headers.add("Authorization",
                      std::string(kAlgorithm) + " Credential=" + credentials.access_key_id + "/" +
                          place + ", SignedHeaders=" + headers.names +
                          ", Signature=" + net::hex(net::hmac_sha256(key, to_sign)));
  return {};
}

}  // namespace jitney::aws
