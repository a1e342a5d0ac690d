// SPDX-License-Identifier: Apache-2.0
// JSON text.
#include "net/json.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>

#include "tests/fuzz/property.hpp"

namespace jitney::fuzz {
namespace {

namespace bj = boost::json;

std::size_t depth_of(const bj::value& value) {
  std::size_t deepest = 0;
  if (const auto* array = value.if_array()) {
    for (const bj::value& inner : *array) deepest = std::max(deepest, depth_of(inner));
    return deepest + 1;
  }
  if (const auto* object = value.if_object()) {
    for (const auto& [key, inner] : *object) deepest = std::max(deepest, depth_of(inner));
    return deepest + 1;
  }
  return 0;
}

// Boost.JSON reads numbers with a fraction or exponent to within the last digit, and 1e400 as
// infinity. Nothing of ours depends on one, and none is ever written again.
bool exact(const bj::value& value) {
  if (value.is_double()) return false;
  if (const auto* array = value.if_array()) return std::ranges::all_of(*array, exact);
  const auto* object = value.if_object();
  return object == nullptr ||
         std::ranges::all_of(*object, [](const auto& pair) { return exact(pair.value()); });
}

// Each getter answers for one type only, and copies what is there.
void expect_getters_agree(const bj::object& object) {
  const bj::value whole = object;
  for (const auto& [name, inner] : object) {
    const std::string_view key(name.data(), name.size());
    expect(net::get_string(whole, key).has_value() == inner.is_string(), "strings are strings");
    expect(net::get_int(whole, key).has_value() == inner.is_int64(), "integers are integers");
    expect(net::get_bool(whole, key).has_value() == inner.is_bool(), "truths are truths");
    expect((net::get_object(whole, key) != nullptr) == inner.is_object(), "objects are objects");
    expect((net::get_array(whole, key) != nullptr) == inner.is_array(), "arrays are arrays");
    if (inner.is_string()) {
      const auto& text = inner.get_string();
      expect(*net::get_string(whole, key) == std::string_view(text.data(), text.size()),
             "a string comes out as it went in");
    }
    expect(net::get_strings(whole, key).size() <= (inner.is_array() ? inner.get_array().size() : 0),
           "a list has no more strings than elements");
  }
}

}  // namespace

void target(std::string_view input) {
  const auto value = net::parse_json(input);
  if (!input.empty()) {
    expect(!net::parse_json(input, input.size() - 1), "what is too long is not read");
  }
  if (!value) {
    expect(value.error().fault == core::Fault::invalid, "what is no JSON is invalid");
    expect(value.error().what.size() < 200, "the text gives the place, never the content");
    return;
  }
  expect(depth_of(*value) <= 32, "nesting is bounded");
  if (exact(*value)) {
    const std::string written = bj::serialize(*value);
    const auto again = net::parse_json(written);
    expect(again.has_value(), "what was written can be read");
    expect(bj::serialize(*again) == written, "reading and writing come to rest");
  }
  if (const auto* object = value->if_object()) expect_getters_agree(*object);
}

}  // namespace jitney::fuzz
