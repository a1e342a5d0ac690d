// SPDX-License-Identifier: Apache-2.0
// HTTP messages as values, shared by server and client. One thread.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace jitney::net {

// In order of arrival; names compare without case.
class Headers {
 public:
  Headers() = default;
  Headers(std::initializer_list<std::pair<std::string, std::string>> fields) : fields_(fields) {}

  void add(std::string name, std::string value);
  // Replaces every field of that name.
  void set(std::string name, std::string value);
  // The first of that name; nullopt when there is none. Borrowed from this object.
  [[nodiscard]] std::optional<std::string_view> get(std::string_view name) const;
  // How many fields bear the name: a signature header that comes twice is refused.
  [[nodiscard]] std::size_t count(std::string_view name) const;
  [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& fields() const {
    return fields_;
  }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

struct Request {
  std::string method = "GET";
  std::string target = "/";  // origin form: path and query, as on the wire
  Headers headers;
  std::string body;

  [[nodiscard]] std::string_view path() const;
  // Decoded value of a query parameter; nullopt when absent or badly encoded.
  [[nodiscard]] std::optional<std::string> query(std::string_view name) const;
};

struct Response {
  int status = 200;
  Headers headers;
  std::string body;
};

std::string percent_encode(std::string_view text);  // all but RFC 3986 unreserved characters
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space = false);

}  // namespace jitney::net
