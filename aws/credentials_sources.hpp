// SPDX-License-Identifier: Apache-2.0
// Where credentials may be found, one source a file. A source is called by one thread at a time.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "aws/credentials.hpp"
#include "aws/environment.hpp"
#include "core/result.hpp"
#include "net/http_client.hpp"

namespace jitney::aws {

class CredentialsSource {
 public:
  virtual ~CredentialsSource() = default;
  // For the text of errors: "the environment", "the instance metadata service".
  [[nodiscard]] virtual std::string name() const = 0;
  // nullopt: nothing is set up here, the next source is asked. An error: something is set up and
  // does not work; it is told, not passed over. Bounded in time.
  virtual core::Result<std::optional<Credentials>> fetch() = 0;
};

// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN: Lambda has them.
std::unique_ptr<CredentialsSource> environment_source(Environment environment);

// AWS_PROFILE (or "default") of ~/.aws/credentials and ~/.aws/config; static keys only.
std::unique_ptr<CredentialsSource> profile_source(Environment environment);

// AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN: EKS, and GitHub's own OIDC. Asks STS at `sts`.
std::unique_ptr<CredentialsSource> web_identity_source(Environment environment, net::Url sts,
                                                       net::ClientOptions http);

// AWS_CONTAINER_CREDENTIALS_{RELATIVE,FULL}_URI: ECS, EKS Pod Identity. Plain HTTP only to
// loopback and to the addresses AWS uses, since the token would go with it.
std::unique_ptr<CredentialsSource> container_source(Environment environment,
                                                    net::ClientOptions http);

// The instance metadata service, version 2, unless AWS_EC2_METADATA_DISABLED is "true".
// `call_time`: of one call; there are two tries, since a new instance's service may be slow.
std::unique_ptr<CredentialsSource> instance_source(
    Environment environment, std::chrono::milliseconds call_time = std::chrono::seconds(1));

// The body that container and metadata service give: AccessKeyId, SecretAccessKey, Token,
// Expiration. `transient`: it is none; the text never quotes it.
core::Result<Credentials> parse_credentials(std::string_view body, const std::string& from);

}  // namespace jitney::aws
