// SPDX-License-Identifier: Apache-2.0
// From the configuration to what calls AWS; the server, the commands and the Lambda functions do it
// alike. Reads the process's environment, where AWS's own tools look too.
#pragma once

#include <memory>

#include "apps/config/config.hpp"
#include "aws/client.hpp"

namespace jitney::app {

// Region and endpoint of [aws], all else as AWS's tools would have it; credentials of the role, the
// environment or a profile. Nothing is called yet.
std::unique_ptr<aws::Client> aws_client(const Config& config);

}  // namespace jitney::app
