// SPDX-License-Identifier: Apache-2.0
// The AWS services Jitney calls: their names on the wire, and where they answer. Pure functions.
#pragma once

#include <array>
#include <map>
#include <string>
#include <string_view>

#include "core/result.hpp"
#include "net/http_client.hpp"

namespace jitney::aws {

enum class Service {
  dynamodb,
  ec2,
  s3,
  sqs,
  ssm,
  secretsmanager,
  sts,
  // What doctor alone asks.
  cloudwatch,
  iam,
  servicequotas,
};
inline constexpr std::array kServices{Service::dynamodb, Service::ec2,
                                      Service::s3,       Service::sqs,
                                      Service::ssm,      Service::secretsmanager,
                                      Service::sts,      Service::cloudwatch,
                                      Service::iam,      Service::servicequotas};

struct ServiceNames {
  std::string_view name;     // in host names and signatures, and the key of `endpoints`
  std::string_view setting;  // AWS_ENDPOINT_URL_<setting>
  std::string_view target;   // before the operation in X-Amz-Target; empty: not a JSON service
  std::string_view json;     // "1.0" or "1.1"
  std::string_view version;  // of the query API; empty: not a query service
};
ServiceNames names_of(Service service);

struct Endpoint {
  net::Url url;  // path "/" or a prefix that ends without "/"
  bool overridden = false;
  std::string region;  // that signatures name: IAM has one for all
};

// `endpoints` maps a service's name, or "*" for all, to a base URL. `invalid`: a bad URL, or no
// region where one is needed.
core::Result<Endpoint> endpoint_of(Service service, std::string_view region,
                                   const std::map<std::string, std::string>& endpoints);

}  // namespace jitney::aws
