// SPDX-License-Identifier: Apache-2.0
// The version that the stand-in runner claims: the real one whose behaviour it copies.
#pragma once

namespace jitney::sim::runner {

inline constexpr const char* kVersion = "2.336.0";

}  // namespace jitney::sim::runner
