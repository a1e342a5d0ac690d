// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "aws/credentials_sources.hpp"

namespace jitney::aws {
namespace {

class EnvironmentSource final : public CredentialsSource {
 public:
  explicit EnvironmentSource(Environment environment) : environment_(std::move(environment)) {}

  [[nodiscard]] std::string name() const override { return "AWS_ACCESS_KEY_ID"; }

  core::Result<std::optional<Credentials>> fetch() override {
    auto id = environment_("AWS_ACCESS_KEY_ID");
    auto secret = environment_("AWS_SECRET_ACCESS_KEY");
    if (!id && !secret) return std::nullopt;
    if (!id || !secret) {
      return core::fail(core::Fault::unauthorized,
                        "only one of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY is set");
    }
    return Credentials{
        .access_key_id = *std::move(id),
        .secret_access_key = core::Secret(*std::move(secret)),
        .session_token = core::Secret(environment_("AWS_SESSION_TOKEN").value_or(""))};
  }

 private:
  const Environment environment_;
};

}  // namespace

std::unique_ptr<CredentialsSource> environment_source(Environment environment) {
  return std::make_unique<EnvironmentSource>(std::move(environment));
}

}  // namespace jitney::aws
