// SPDX-License-Identifier: Apache-2.0
#include "apps/host/aws_client.hpp"

#include "aws/credentials_chain.hpp"
#include "aws/environment.hpp"

namespace jitney::app {

std::unique_ptr<aws::Client> aws_client(const Config& config) {
  const aws::Environment environment = aws::process_environment();
  aws::ClientOptions options = aws::client_options(environment);
  if (!config.aws.region.empty()) options.region = config.aws.region;
  if (!config.aws.endpoint_url.empty()) options.endpoints["*"] = config.aws.endpoint_url;
  auto credentials =
      aws::default_credentials(environment, options.region, options.endpoints, options.http);
  return std::make_unique<aws::Client>(std::move(options), std::move(credentials));
}

}  // namespace jitney::app
