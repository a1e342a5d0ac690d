// SPDX-License-Identifier: Apache-2.0
// Secrets that AWS keeps: Secrets Manager and Systems Manager's Parameter Store. Thread-safe.
#pragma once

#include "apps/config/config.hpp"
#include "apps/config/secrets.hpp"
#include "aws/client.hpp"

namespace jitney::app {

// Remote references by one call each, all others as load_secret does. `client` must outlive it.
// Faults: `unauthorized` (missing, empty or not ours to read; the text says where it is
// configured), `throttled`, `transient`, `cancelled`.
LoadSecret secret_loader(aws::Client& client);
// The same with a client of its own, made when the first remote reference is read: who keeps no
// secret on AWS needs neither a region nor credentials.
LoadSecret secret_loader(const Config& config);

}  // namespace jitney::app
