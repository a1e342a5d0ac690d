// SPDX-License-Identifier: Apache-2.0
// For tests only: the table of C functions through which SQLite uses a TestDisk.
#pragma once

#include <sqlite3.h>

#include <string>

namespace jitney::local {

class TestDisk;

// `disk`, `system` and `name` must outlive it.
sqlite3_vfs test_disk_vfs(TestDisk& disk, const sqlite3_vfs& system, const std::string& name);

}  // namespace jitney::local
