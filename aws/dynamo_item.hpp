// SPDX-License-Identifier: Apache-2.0
// DynamoDB's typed attributes as plain values. What is empty, zero or never is left out of an item
// and reads back as such, so that rows stay small. Pure functions.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/time.hpp"

namespace jitney::aws {

// Attribute name to typed value: {"name": {"S": "build"}, "run_id": {"N": "77"}}.
using Item = boost::json::object;

boost::json::value string_value(std::string_view text);
boost::json::value number_value(std::int64_t number);

void set_text(Item& item, std::string_view name, std::string_view text);
void set_number(Item& item, std::string_view name, std::int64_t number);
void set_time(Item& item, std::string_view name, core::Time time);  // milliseconds since 1970
void set_flag(Item& item, std::string_view name, bool flag);
void set_texts(Item& item, std::string_view name, const std::vector<std::string>& texts);
void set_numbers(Item& item, std::string_view name, const std::vector<std::int64_t>& numbers);

std::string text_of(const Item& item, std::string_view name);
std::int64_t number_of(const Item& item, std::string_view name, std::int64_t otherwise = 0);
std::optional<std::int64_t> maybe_number_of(const Item& item, std::string_view name);
core::Time time_of(const Item& item, std::string_view name);
bool flag_of(const Item& item, std::string_view name);
std::vector<std::string> texts_of(const Item& item, std::string_view name);
std::vector<std::int64_t> numbers_of(const Item& item, std::string_view name);

}  // namespace jitney::aws
