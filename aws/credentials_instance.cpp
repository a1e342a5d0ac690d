// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "aws/credentials_sources.hpp"

namespace jitney::aws {
namespace {

using core::Fault;

constexpr const char* kToken = "/latest/api/token";
constexpr const char* kRoles = "/latest/meta-data/iam/security-credentials/";
constexpr int kTries = 2;

class InstanceSource final : public CredentialsSource {
 public:
  InstanceSource(Environment environment, std::chrono::milliseconds call_time)
      : environment_(std::move(environment)),
        call_time_(call_time),
        http_({.answer_bytes = 64u << 10, .connect_time = call_time}) {}

  [[nodiscard]] std::string name() const override { return "the instance metadata service"; }

  core::Result<std::optional<Credentials>> fetch() override {
    if (environment_("AWS_EC2_METADATA_DISABLED") == "true") return std::nullopt;
    auto base = net::parse_url(
        environment_("AWS_EC2_METADATA_SERVICE_ENDPOINT").value_or("http://169.254.169.254"));
    if (!base) {
      return core::fail(Fault::unauthorized,
                        "AWS_EC2_METADATA_SERVICE_ENDPOINT: " + base.error().what);
    }
    const auto token = ask(*base, {.method = "PUT",
                                   .target = kToken,
                                   .headers = {{"X-aws-ec2-metadata-token-ttl-seconds", "300"}}});
    // No answer: this is no EC2 instance, as far as anybody can tell.
    if (!token) return std::nullopt;
    if (token->status != 200) return refused("PUT", kToken, token->status);
    const net::Headers with_token{{"X-aws-ec2-metadata-token", token->body}};
    const auto roles = ask(*base, {.target = kRoles, .headers = with_token});
    if (!roles) return std::unexpected(roles.error());
    if (roles->status == 404) {
      return core::fail(Fault::unauthorized,
                        "this EC2 instance has no role: attach an instance profile");
    }
    if (roles->status != 200) return refused("GET", kRoles, roles->status);
    const std::string role = roles->body.substr(0, roles->body.find_first_of("\r\n"));
    const auto body =
        ask(*base, {.target = kRoles + net::percent_encode(role), .headers = with_token});
    if (!body) return std::unexpected(body.error());
    if (body->status != 200) return refused("GET", kRoles + role, body->status);
    auto found = parse_credentials(body->body, name());
    if (!found) return std::unexpected(std::move(found).error());
    return *std::move(found);
  }

 private:
  core::Result<net::Response> ask(const net::Url& base, const net::Request& request) {
    core::Result<net::Response> answer;
    for (int i = 0; i < kTries; ++i) {
      answer = http_.send(base, request, std::chrono::steady_clock::now() + call_time_);
      if (answer && answer->status < 500) return answer;
    }
    if (!answer) return core::fail(Fault::transient, name() + ": " + answer.error().what);
    return answer;
  }

  [[nodiscard]] core::Result<std::optional<Credentials>> refused(const std::string& method,
                                                                 const std::string& path,
                                                                 int status) const {
    return core::fail(
        status >= 500 ? Fault::transient : Fault::unauthorized,
        name() + " answered " + method + " " + path + " with HTTP " + std::to_string(status));
  }

  const Environment environment_;
  const std::chrono::milliseconds call_time_;
  net::HttpClient http_;
};

}  // namespace

std::unique_ptr<CredentialsSource> instance_source(Environment environment,
                                                   std::chrono::milliseconds call_time) {
  return std::make_unique<InstanceSource>(std::move(environment), call_time);
}

}  // namespace jitney::aws
