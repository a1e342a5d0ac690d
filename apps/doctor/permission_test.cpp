// SPDX-License-Identifier: Apache-2.0
#include "apps/doctor/permission.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "tests/fakes/temporary_directory.hpp"

namespace jitney::app {
namespace {

struct stat file_of(uid_t uid, gid_t gid, mode_t mode) {
  struct stat made = {};
  made.st_uid = uid;
  made.st_gid = gid;
  made.st_mode = mode;
  return made;
}

const local::Account kJob{"job", 1000, 1000, {1000, 27}, true};

TEST(Permission, TheOwnersBitsCountForTheOwnerAlone) {
  EXPECT_TRUE(allows(file_of(1000, 0, 0400), kJob, Wish::read));
  EXPECT_FALSE(allows(file_of(1000, 1000, 0077), kJob, Wish::read));
}

TEST(Permission, TheGroupsBitsCountForEveryGroupOfTheUser) {
  EXPECT_TRUE(allows(file_of(0, 27, 0020), kJob, Wish::write));
  EXPECT_FALSE(allows(file_of(0, 27, 0704), kJob, Wish::read));
  EXPECT_FALSE(allows(file_of(0, 28, 0770), kJob, Wish::read));
}

TEST(Permission, OthersHaveTheLastBits) {
  EXPECT_TRUE(allows(file_of(0, 0, 0001), kJob, Wish::pass));
  EXPECT_FALSE(allows(file_of(0, 0, 0770), kJob, Wish::pass));
}

TEST(Permission, RootMayAll) {
  const local::Account root{"root", 0, 0, {}, false};
  EXPECT_TRUE(allows(file_of(1000, 1000, 0), root, Wish::read));
}

class Permissions : public testing::Test {
 protected:
  Permissions() {
    mkdir(closed_.c_str(), 0700);
    std::ofstream(closed_ + "/file") << "x";
    chmod((closed_ + "/file").c_str(), 0644);
    chmod(directory_.path().c_str(), 0755);
  }
  // Nobody that owns anything here.
  local::Account stranger_{"stranger", 54321, 54321, {}, true};
  fakes::TemporaryDirectory directory_;
  std::string closed_ = directory_.path() + "/closed";
};

TEST_F(Permissions, AnOpenFileInAClosedDirectoryIsClosed) {
  EXPECT_FALSE(may(stranger_, closed_ + "/file", Wish::read));
  EXPECT_EQ(stuck_on_the_way(stranger_, closed_ + "/file"), closed_);
  chmod(closed_.c_str(), 0711);
  EXPECT_TRUE(may(stranger_, closed_ + "/file", Wish::read));
  EXPECT_FALSE(may(stranger_, closed_ + "/file", Wish::write));
  EXPECT_EQ(stuck_on_the_way(stranger_, closed_ + "/file"), std::nullopt);
}

TEST_F(Permissions, WhatIsNotThereCannotBeUsed) {
  EXPECT_FALSE(may(stranger_, directory_.path() + "/none", Wish::read));
  EXPECT_EQ(stuck_on_the_way(stranger_, directory_.path() + "/none/deeper"), std::nullopt);
}

}  // namespace
}  // namespace jitney::app
