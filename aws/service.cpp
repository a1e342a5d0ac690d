// SPDX-License-Identifier: Apache-2.0
#include "aws/service.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace jitney::aws {
namespace {

using core::Fault;

// Partitions of AWS: regions with a prefix of their own have a domain and an IAM of their own.
struct Partition {
  std::string_view prefix;
  std::string_view domain;
  std::string_view iam_host;
  std::string_view iam_region;
};
constexpr std::array<Partition, 5> kPartitions{{
    {"cn-", "amazonaws.com.cn", "iam.cn-north-1.amazonaws.com.cn", "cn-north-1"},
    {"us-gov-", "amazonaws.com", "iam.us-gov.amazonaws.com", "us-gov-west-1"},
    {"us-iso-", "c2s.ic.gov", "iam.us-iso-east-1.c2s.ic.gov", "us-iso-east-1"},
    {"us-isob-", "sc2s.sgov.gov", "iam.us-isob-east-1.sc2s.sgov.gov", "us-isob-east-1"},
    {"", "amazonaws.com", "iam.amazonaws.com", "us-east-1"},
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
    case Service::cloudwatch:
      return {"monitoring", "CLOUDWATCH", "", "", "2010-08-01"};
    case Service::iam:
      return {"iam", "IAM", "", "", "2010-05-08"};
    case Service::servicequotas:
      return {"servicequotas", "SERVICE_QUOTAS", "ServiceQuotasV20190624", "1.1", ""};
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
  const auto partition = std::ranges::find_if(
      kPartitions, [&](const Partition& row) { return region.starts_with(row.prefix); });
  std::string signing(service == Service::iam ? partition->iam_region : region);
  auto found = endpoints.find(std::string(names.name));
  if (found == endpoints.end()) found = endpoints.find("*");
  if (found != endpoints.end()) {
    auto url = net::parse_url(found->second);
    if (!url) {
      return core::fail(Fault::invalid, "the endpoint URL for AWS " + std::string(names.name) +
                                            ": " + url.error().what);
    }
    return Endpoint{.url = *std::move(url), .overridden = true, .region = std::move(signing)};
  }
  net::Url url{.scheme = "https", .host = "", .port = 443, .path = "/"};
  url.host = service == Service::iam ? std::string(partition->iam_host)
                                     : std::string(names.name) + "." + std::string(region) + "." +
                                           std::string(partition->domain);
  return Endpoint{.url = std::move(url), .region = std::move(signing)};
}

}  // namespace jitney::aws
