// SPDX-License-Identifier: Apache-2.0
// Reading JSON that others wrote: bounded, typed, never throwing. Writing is Boost.JSON's
// serialize(). Pure functions.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace jitney::net {

// `invalid`: no JSON, deeper than 32 levels, or longer than `max_bytes`. The text gives the place,
// never the content.
core::Result<boost::json::value> parse_json(std::string_view text,
                                            std::size_t max_bytes = 64u << 20);

// Getters by key. What is absent, null or of another type answers nullopt, nullptr or an empty
// list; so does every key of a value that is no object. Pointers and views are borrowed from
// `value`.
const boost::json::value* get_value(const boost::json::value& value, std::string_view key);
const boost::json::value* get_object(const boost::json::value& value, std::string_view key);
const boost::json::array* get_array(const boost::json::value& value, std::string_view key);
std::optional<std::string> get_string(const boost::json::value& value, std::string_view key);
std::string get_string_or(const boost::json::value& value, std::string_view key,
                          std::string_view otherwise);
std::optional<std::int64_t> get_int(const boost::json::value& value, std::string_view key);
std::optional<bool> get_bool(const boost::json::value& value, std::string_view key);
// The strings of an array; elements of other types are left out.
std::vector<std::string> get_strings(const boost::json::value& value, std::string_view key);

}  // namespace jitney::net
