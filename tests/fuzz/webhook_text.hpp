// SPDX-License-Identifier: Apache-2.0
// A parsed webhook as text, so that two ways to the same event can be held against each other, and
// the bounds that every one of them keeps. Pure functions.
#pragma once

#include <string>

#include "github/webhook.hpp"

namespace jitney::fuzz {

std::string describe(const core::JobEvent& job);
std::string describe(const core::Result<github::WebhookEvent>& event);

// Ids are positive, names and labels are within the bounds of github/job_body.hpp.
void expect_bounded(const core::JobEvent& job);
void expect_bounded(const github::WebhookEvent& event);

}  // namespace jitney::fuzz
