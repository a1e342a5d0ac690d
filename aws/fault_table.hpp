// SPDX-License-Identifier: Apache-2.0
// The rows behind faults.hpp, open to its tests. Immutable.
#pragma once

#include <span>
#include <string_view>

#include "aws/service.hpp"
#include "core/result.hpp"

namespace jitney::aws {

struct FaultRow {
  std::string_view code;
  core::Fault fault;
};

// A service's own rows come before those that hold for all.
std::span<const FaultRow> fault_rows(Service service);
std::span<const FaultRow> ec2_fault_rows();  // the longest, in a file of its own
std::span<const FaultRow> common_fault_rows();
// Why DynamoDB cancelled a transaction; the first row that is among the reasons decides.
std::span<const FaultRow> cancellation_reasons();

}  // namespace jitney::aws
