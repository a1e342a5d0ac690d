// SPDX-License-Identifier: Apache-2.0
#include "aws/service.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace jitney::aws {
namespace {

using core::Fault;

// Partitions of AWS: regions with a prefix of their own have a domain of their own.
constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kDomains{{
    {"cn-", "amazonaws.com.cn"},
    {"us-iso-", "c2s.ic.gov"},
    {"us-isob-", "sc2s.sgov.gov"},
    {"", "amazonaws.com"},
}};

// A region becomes part of a host name that gets signed requests.
bool is_region(std::string_view text) {
  return !text.empty() && text.size() <= 40 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

}  // namespace

ServiceNames names_of(Service service) {
  switch (service) {
    case Service::dynamodb:
      return {"dynamodb", "DYNAMODB", "DynamoDB_20120810", "1.0", ""};
    case Service::ec2:
      return {"ec2", "EC2", "", "", "2016-11-15"};
    case Service::s3:
      return {"s3", "S3", "", "", ""};
    case Service::sqs:
      return {"sqs", "SQS", "AmazonSQS", "1.0", ""};
    case Service::ssm:
      return {"ssm", "SSM", "AmazonSSM", "1.1", ""};
    case Service::secretsmanager:
      return {"secretsmanager", "SECRETS_MANAGER", "secretsmanager", "1.1", ""};
    case Service::sts:
      return {"sts", "STS", "", "", "2011-06-15"};
  }
  return {};
}

core::Result<Endpoint> endpoint_of(Service service, std::string_view region,
                                   const std::map<std::string, std::string>& endpoints) {
  const ServiceNames names = names_of(service);
  if (!is_region(region)) {
    return core::fail(Fault::invalid,
                      "no AWS region is set, or it is not written like us-east-1: set AWS_REGION");
  }
  auto found = endpoints.find(std::string(names.name));
  if (found == endpoints.end()) found = endpoints.find("*");
  if (found != endpoints.end()) {
    auto url = net::parse_url(found->second);
    if (!url) {
      return core::fail(Fault::invalid, "the endpoint URL for AWS " + std::string(names.name) +
                                            ": " + url.error().what);
    }
    return Endpoint{.url = *std::move(url), .overridden = true};
  }
  const auto domain = std::ranges::find_if(
      kDomains, [&](const auto& row) { return region.starts_with(row.first); });
  net::Url url{.scheme = "https",
               .host = std::string(names.name) + "." + std::string(region) + "." +
                       std::string(domain->second),
               .port = 443,
               .path = "/"};
  return Endpoint{.url = std::move(url)};
}

}  // namespace jitney::aws
