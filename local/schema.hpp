// SPDX-License-Identifier: Apache-2.0
// The tables of the ledger file and their versions. Described in docs/formats.md.
#pragma once

#include <string>

#include "local/sqlite.hpp"

namespace jitney::local {

// `invalid`: a newer version wrote the file.
core::Status check_schema(Connection& connection, const std::string& path);
// Creates or migrates, in one transaction. Idempotent.
core::Status bring_up_to_date(Connection& connection, const std::string& path);

}  // namespace jitney::local
