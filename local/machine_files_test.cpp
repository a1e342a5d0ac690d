// SPDX-License-Identifier: Apache-2.0
#include "local/machine_files.hpp"

#include <gtest/gtest.h>

namespace jitney::local {
namespace {

StartOrder order() {
  StartOrder order;
  order.machine = "m1";
  order.runner = "ci-linux-1";
  order.root = "/var/lib/jitney/runners/m1";
  order.uid = 1000;
  order.gid = 1001;
  order.groups = {27, 1002};
  order.jit = core::Secret("the jit configuration");
  return order;
}

core::Result<StartOrder> parse_with(std::string_view was, std::string_view is) {
  std::string text(serialize(order()).reveal());
  const auto at = text.find(was);
  EXPECT_NE(at, std::string::npos) << was;
  text.replace(at, was.size(), is);
  return parse_order(core::Secret(std::move(text)));
}

TEST(StartOrder, IsReadAsItWasWritten) {
  const auto read = parse_order(serialize(order()));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->uid, 1000U);
  EXPECT_EQ(read->groups, (std::vector<gid_t>{27, 1002}));
  EXPECT_EQ(read->jit.reveal(), "the jit configuration");
  EXPECT_EQ(serialize(*read).reveal(), serialize(order()).reveal());
}

// Cut to 32 bits, 2^32 is root.
TEST(StartOrder, RefusesAUserOrGroupThatDoesNotFit) {
  for (const std::string_view id : {"4294967296", "4294967295", "-1"}) {
    EXPECT_FALSE(parse_with("\"uid\":1000", "\"uid\":" + std::string(id))) << id;
    EXPECT_FALSE(parse_with("\"gid\":1001", "\"gid\":" + std::string(id))) << id;
    EXPECT_FALSE(parse_with("[27,", "[" + std::string(id) + ",")) << id;
  }
  EXPECT_TRUE(parse_with("\"uid\":1000", "\"uid\":4294967294"));
}

}  // namespace
}  // namespace jitney::local
