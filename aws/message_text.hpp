// SPDX-License-Identifier: Apache-2.0
// A core::Message as the body of an SQS message: {"kind":"create_runner","key":"linux"}, with
// "detail" and "tries" where they are not empty. docs/formats.md has it. Pure functions.
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <string_view>

#include "core/queue.hpp"

namespace jitney::aws {

struct MessageText {
  core::Message message;
  // How often earlier bearers of this message failed: a retry is a new SQS message, whose own
  // receive count begins again.
  int tries = 0;
};

std::string write_message(const core::Message& message, int tries = 0);

// `invalid`: no JSON object, no known kind, no key, or a negative count; the text quotes nothing.
core::Result<MessageText> parse_message(std::string_view body);
core::Result<MessageText> read_message(const boost::json::value& body);

}  // namespace jitney::aws
