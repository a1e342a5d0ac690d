// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "aws/credentials_sources.hpp"
#include "aws/profile.hpp"

namespace jitney::aws {
namespace {

using core::Fault;

class ProfileSource final : public CredentialsSource {
 public:
  explicit ProfileSource(Environment environment) : environment_(std::move(environment)) {}

  [[nodiscard]] std::string name() const override {
    return "profile " + profile_name(environment_) + " of ~/.aws/credentials";
  }

  core::Result<std::optional<Credentials>> fetch() override {
    const auto profile = read_profile(environment_);
    if (!profile) return std::unexpected(profile.error());
    const bool asked_for = environment_("AWS_PROFILE").has_value();
    if (!*profile) {
      if (!asked_for) return std::nullopt;
      return core::fail(Fault::unauthorized, "AWS_PROFILE names profile " +
                                                 profile_name(environment_) +
                                                 ", which no file below ~/.aws has");
    }
    const auto value = [&](const char* key) {
      const auto at = (*profile)->find(key);
      return at == (*profile)->end() ? std::string() : at->second;
    };
    Credentials found{.access_key_id = value("aws_access_key_id"),
                      .secret_access_key = core::Secret(value("aws_secret_access_key")),
                      .session_token = core::Secret(value("aws_session_token"))};
    if (!found.access_key_id.empty() && !found.secret_access_key.empty()) return found;
    // A default profile often holds a region and nothing else.
    if (!asked_for && found.access_key_id.empty() && !names_another_way(**profile)) {
      return std::nullopt;
    }
    return core::fail(Fault::unauthorized,
                      "profile " + profile_name(environment_) +
                          " has no aws_access_key_id and aws_secret_access_key; single sign-on and "
                          "roles are not followed here: put keys into the environment with `aws "
                          "configure export-credentials --format env`");
  }

 private:
  static bool names_another_way(const Profile& profile) {
    return profile.contains("role_arn") || profile.contains("sso_start_url") ||
           profile.contains("sso_session") || profile.contains("credential_process");
  }

  const Environment environment_;
};

}  // namespace

std::unique_ptr<CredentialsSource> profile_source(Environment environment) {
  return std::make_unique<ProfileSource>(std::move(environment));
}

}  // namespace jitney::aws
