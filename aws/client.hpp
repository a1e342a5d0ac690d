// SPDX-License-Identifier: Apache-2.0
// Calls to AWS services: signed, retried, bounded. The one way out of aws/; everything above it
// speaks of operations, everything below of HTTP. Thread-safe.
#pragma once

#include <boost/json/value.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <pugixml.hpp>
#include <string>
#include <string_view>

#include "aws/credentials.hpp"
#include "aws/environment.hpp"
#include "aws/form.hpp"
#include "aws/service.hpp"
#include "core/result.hpp"
#include "net/http.hpp"
#include "net/http_client.hpp"

namespace jitney::aws {

struct ClientOptions {
  std::string region;
  // Base URL for one service by its name ("sqs"), or under "*" for all.
  std::map<std::string, std::string> endpoints;
  std::chrono::milliseconds call_time{20'000};  // one call with all its retries
  std::chrono::milliseconds try_time{10'000};   // one try; longer than any long poll
  int max_tries = 4;                            // of one call; fewer when the token bucket is empty
  // A retry waits a random part of this, doubled with each, up to the longest.
  std::chrono::milliseconds first_wait{100};
  std::chrono::milliseconds longest_wait{5'000};
  std::function<core::Time()> now;  // what signatures say; empty: the system's clock
  net::ClientOptions http;
};

// What AWS's own tools would do: AWS_REGION, AWS_DEFAULT_REGION or the profile's region;
// AWS_ENDPOINT_URL and AWS_ENDPOINT_URL_<SERVICE>, unless AWS_IGNORE_CONFIGURED_ENDPOINT_URLS is
// "true"; AWS_CA_BUNDLE; HTTPS_PROXY and NO_PROXY, for https endpoints. Without a region every call
// is `invalid`.
ClientOptions client_options(const Environment& environment);

// Why a call failed, with the vendor's own code: a caller decides by that, never by words.
struct CallError : core::Error {
  explicit CallError(core::Error error, std::string vendors_code = {})
      : core::Error(std::move(error)), code(std::move(vendors_code)) {}
  std::string code;  // as VendorError has it; empty: no answer came, or one without a code
};
template <class T>
using CallResult = std::expected<T, CallError>;

// Faults of every call, by the tables of aws/faults.hpp: the text holds service, operation, the
// vendor's own code and request id; never a request body. Throttles and passing errors are retried
// inside, within `call_time` and the deadline; an effect must therefore be idempotent by name.
// A clock that AWS finds wrong is corrected from its answers, credentials that expired are fetched
// anew; each once a call.
class Client {
 public:
  Client(ClientOptions options, std::shared_ptr<CredentialsProvider> credentials);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // JSON 1.0 (DynamoDB, SQS) and 1.1 (SSM, Secrets Manager, Service Quotas); `operation` such as
  // "PutItem".
  CallResult<boost::json::value> json(Service service, std::string_view operation,
                                      const boost::json::value& input);

  // EC2, STS, IAM and CloudWatch: query in, XML out.
  CallResult<pugi::xml_document> query(Service service, std::string_view operation,
                                       const Parameters& parameters);

  // S3: path style under an endpoint override, virtual-hosted otherwise. Any 2xx is a success.
  CallResult<net::Response> s3(std::string_view method, std::string_view bucket,
                               std::string_view key, const Parameters& query = {},
                               const net::Headers& headers = {}, std::string_view body = {});

  // No call may last longer than this from now on, nor those under way: a Lambda sets it for each
  // invocation. `cancelled` once it has passed.
  void set_deadline(std::chrono::steady_clock::time_point deadline);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace jitney::aws
