// SPDX-License-Identifier: Apache-2.0
// AWS Signature Version 4 in the Authorization header. Pure; the time is an argument.
#pragma once

#include <string>

#include "aws/credentials.hpp"
#include "core/result.hpp"
#include "core/time.hpp"
#include "net/http.hpp"

namespace jitney::aws {

struct SigningScope {
  std::string region;
  std::string service;  // the signing name: "ec2", "s3"
  std::string host;     // value of the Host header, with the port where it is not the scheme's own
  core::Time now{};
};

// Adds Host, X-Amz-Date, X-Amz-Security-Token (temporary credentials), X-Amz-Content-Sha256 (S3)
// and Authorization, in place of any that are there: signing again is safe. Signs every other
// header but those that proxies rewrite. `invalid`: the target is not strictly percent-encoded
// (RFC 3986, upper-case hex), so that a server could read other bytes than those that were signed;
// or region or service is empty.
core::Status sign(net::Request& request, const Credentials& credentials, const SigningScope& scope);

}  // namespace jitney::aws
