// SPDX-License-Identifier: Apache-2.0
#include "core/secret.hpp"

#include <gtest/gtest.h>

#include <sstream>
#include <type_traits>
#include <utility>

namespace jitney::core {
namespace {

template <class T>
concept Streams = requires(std::ostream& out, const T& value) { out << value; };
template <class T>
concept Compares = requires(const T& a, const T& b) { a == b; };

static_assert(!Streams<Secret>, "a secret must not be printable");
static_assert(!Compares<Secret>, "secrets compare in constant time only");
static_assert(!std::is_convertible_v<Secret, std::string>);
static_assert(!std::is_convertible_v<std::string, Secret>);

TEST(Secret, MovedFromIsEmpty) {
  Secret a(std::string(64, 'x'));
  Secret b = std::move(a);
  EXPECT_EQ(b.reveal().size(), 64u);
  EXPECT_TRUE(a.empty());
  a = std::move(b);
  EXPECT_EQ(a.reveal(), std::string(64, 'x'));
}

TEST(Secret, ShortOnesAreWipedWhenMovedToo) {
  Secret a(std::string("abc"));
  const char* where = a.reveal().data();
  Secret b = std::move(a);
  EXPECT_EQ(where[0], '\0');
  EXPECT_EQ(b.reveal(), "abc");
}

}  // namespace
}  // namespace jitney::core
