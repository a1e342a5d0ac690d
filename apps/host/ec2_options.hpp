// SPDX-License-Identifier: Apache-2.0
// From the configuration to an EC2 fleet; the server and the Lambda functions do it alike. Pure.
#pragma once

#include "apps/config/config.hpp"
#include "aws/ec2_fleet.hpp"

namespace jitney::app {

// Spot with instance_types, spot with other_types, on-demand with both: as far as the pool has
// them.
aws::Ec2FleetOptions ec2_options(const Config& config);

}  // namespace jitney::app
