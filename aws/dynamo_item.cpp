// SPDX-License-Identifier: Apache-2.0
#include "aws/dynamo_item.hpp"

#include <boost/json/array.hpp>
#include <charconv>

namespace jitney::aws {

namespace json = boost::json;

json::value string_value(std::string_view text) { return json::object{{"S", text}}; }

json::value number_value(std::int64_t number) {
  return json::object{{"N", std::to_string(number)}};
}

void set_text(Item& item, std::string_view name, std::string_view text) {
  if (!text.empty()) item[name] = string_value(text);
}

void set_number(Item& item, std::string_view name, std::int64_t number) {
  if (number != 0) item[name] = number_value(number);
}

void set_time(Item& item, std::string_view name, core::Time time) {
  set_number(item, name, time.time_since_epoch().count());
}

void set_flag(Item& item, std::string_view name, bool flag) {
  if (flag) item[name] = json::object{{"BOOL", true}};
}

void set_texts(Item& item, std::string_view name, const std::vector<std::string>& texts) {
  if (texts.empty()) return;
  json::array list;
  for (const std::string& text : texts) list.push_back(string_value(text));
  item[name] = json::object{{"L", std::move(list)}};
}

void set_numbers(Item& item, std::string_view name, const std::vector<std::int64_t>& numbers) {
  if (numbers.empty()) return;
  json::array list;
  for (const std::int64_t number : numbers) list.push_back(number_value(number));
  item[name] = json::object{{"L", std::move(list)}};
}

namespace {

// The value under `type` of a typed attribute; nullptr when it is absent or of another type.
const json::value* typed(const json::value* attribute, std::string_view type) {
  if (attribute == nullptr || !attribute->is_object()) return nullptr;
  return attribute->get_object().if_contains(type);
}

std::string text_in(const json::value* attribute) {
  const json::value* text = typed(attribute, "S");
  return text != nullptr && text->is_string() ? std::string(text->get_string()) : std::string();
}

std::optional<std::int64_t> number_in(const json::value* attribute) {
  const json::value* text = typed(attribute, "N");
  if (text == nullptr || !text->is_string()) return std::nullopt;
  const std::string_view digits = text->get_string();
  std::int64_t number = 0;
  const char* end = digits.data() + digits.size();
  const auto parsed = std::from_chars(digits.data(), end, number);
  if (parsed.ec != std::errc{} || parsed.ptr != end) return std::nullopt;
  return number;
}

const json::array* list_in(const Item& item, std::string_view name) {
  const json::value* list = typed(item.if_contains(name), "L");
  return list != nullptr && list->is_array() ? &list->get_array() : nullptr;
}

}  // namespace

std::string text_of(const Item& item, std::string_view name) {
  return text_in(item.if_contains(name));
}

std::optional<std::int64_t> maybe_number_of(const Item& item, std::string_view name) {
  return number_in(item.if_contains(name));
}

std::int64_t number_of(const Item& item, std::string_view name, std::int64_t otherwise) {
  return maybe_number_of(item, name).value_or(otherwise);
}

core::Time time_of(const Item& item, std::string_view name) {
  return core::Time{core::Duration{number_of(item, name)}};
}

bool flag_of(const Item& item, std::string_view name) {
  const json::value* flag = typed(item.if_contains(name), "BOOL");
  return flag != nullptr && flag->is_bool() && flag->get_bool();
}

std::vector<std::string> texts_of(const Item& item, std::string_view name) {
  std::vector<std::string> texts;
  if (const json::array* list = list_in(item, name)) {
    for (const json::value& each : *list) texts.push_back(text_in(&each));
  }
  return texts;
}

std::vector<std::int64_t> numbers_of(const Item& item, std::string_view name) {
  std::vector<std::int64_t> numbers;
  if (const json::array* list = list_in(item, name)) {
    for (const json::value& each : *list) numbers.push_back(number_in(&each).value_or(0));
  }
  return numbers;
}

}  // namespace jitney::aws
