// SPDX-License-Identifier: Apache-2.0
// From [[github]] entries to forges and to whose webhooks are accepted. Reads the secrets.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "apps/config/config.hpp"
#include "apps/host/webhook.hpp"
#include "core/clock.hpp"
#include "core/forge.hpp"
#include "github/session.hpp"

namespace jitney::app {

// `observe` is told of every HTTP call to GitHub, from any thread.
using ObserveCall = std::function<void(const std::string& scope, std::string_view method,
                                       std::string_view route, int status)>;
using Forges = std::map<std::string, std::unique_ptr<core::Forge>, std::less<>>;

struct ForgeSettings {
  LoadSecret load = load_secret;
  ObserveCall observe = [](const std::string&, std::string_view, std::string_view, int) {};
  github::LastMoment last_moment = {};  // of every call; empty: none
};

// Makes no call to GitHub. The text of an error begins with the scope's name. `clock` must outlive
// the forges.
core::Result<Forges> open_forges(const Config& config, const ForgeSettings& settings,
                                 core::Clock& clock);

// The calls of one scope, for who looks at GitHub itself. Errors and `clock` as of open_forges.
core::Result<std::unique_ptr<github::Session>> open_session(const Config& config,
                                                            const GithubScope& scope,
                                                            const ForgeSettings& settings,
                                                            core::Clock& clock);

// With the secret of each scope. Empty with ingress = "poll".
core::Result<std::vector<WebhookScope>> webhook_scopes(const Config& config,
                                                       const LoadSecret& load = load_secret);

}  // namespace jitney::app
