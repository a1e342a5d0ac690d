// SPDX-License-Identifier: Apache-2.0
// EventBridge envelopes and our own messages, once they are JSON. Private to lambda_events. Pure.
#pragma once

#include <boost/json/value.hpp>

#include "aws/lambda_events.hpp"

namespace jitney::aws {

core::Result<Notice> read_notice(const boost::json::value& body);

}  // namespace jitney::aws
