// SPDX-License-Identifier: Apache-2.0
#include <fstream>
#include <utility>

#include "aws/credentials_sources.hpp"
#include "aws/faults.hpp"
#include "aws/form.hpp"
#include "aws/xml.hpp"
#include "net/crypto.hpp"
#include "net/rfc3339.hpp"

namespace jitney::aws {
namespace {

using core::Fault;

constexpr auto kCallTime = std::chrono::seconds(10);
constexpr std::streamsize kMaxToken = 64 << 10;

class WebIdentitySource final : public CredentialsSource {
 public:
  WebIdentitySource(Environment environment, net::Url sts, net::ClientOptions http)
      : environment_(std::move(environment)), sts_(std::move(sts)), http_(std::move(http)) {}

  [[nodiscard]] std::string name() const override { return "AWS_WEB_IDENTITY_TOKEN_FILE"; }

  core::Result<std::optional<Credentials>> fetch() override {
    const auto path = environment_("AWS_WEB_IDENTITY_TOKEN_FILE");
    if (!path) return std::nullopt;
    const auto role = environment_("AWS_ROLE_ARN");
    if (!role) {
      return core::fail(Fault::unauthorized,
                        "AWS_WEB_IDENTITY_TOKEN_FILE is set, AWS_ROLE_ARN is not");
    }
    // Read each time: it is rotated, and short-lived.
    std::ifstream in(*path, std::ios::binary);
    std::string token(kMaxToken, '\0');
    in.read(token.data(), kMaxToken);
    token.resize(static_cast<std::size_t>(in.gcount()));
    while (token.ends_with('\n') || token.ends_with('\r')) token.pop_back();
    if (token.empty()) {
      return core::fail(Fault::unauthorized,
                        *path + " (AWS_WEB_IDENTITY_TOKEN_FILE) is empty or cannot be read");
    }
    // Not signed: the token proves who asks.
    net::Request request{.method = "POST", .headers = {{"Content-Type", kFormType}}};
    request.body = form({{"Action", "AssumeRoleWithWebIdentity"},
                         {"Version", std::string(names_of(Service::sts).version)},
                         {"RoleArn", *role},
                         {"RoleSessionName", session_name()},
                         {"WebIdentityToken", std::move(token)}});
    const auto answer = http_.send(sts_, request, std::chrono::steady_clock::now() + kCallTime);
    if (!answer) return core::fail(Fault::transient, "sts: " + answer.error().what);
    if (answer->status != 200) {
      return std::unexpected(to_error(Service::sts, "AssumeRoleWithWebIdentity", *answer));
    }
    return read(answer->body);
  }

 private:
  [[nodiscard]] std::string session_name() const {
    return environment_("AWS_ROLE_SESSION_NAME")
        .value_or("jitney-" + net::hex(net::random_bytes(6)));
  }

  static core::Result<std::optional<Credentials>> read(std::string_view body) {
    const auto document = parse_xml(body, 64u << 10);
    if (!document) return core::fail(Fault::transient, "sts gave " + document.error().what);
    const auto node = at(*document, {"AssumeRoleWithWebIdentityResponse",
                                     "AssumeRoleWithWebIdentityResult", "Credentials"});
    Credentials found{.access_key_id = text_at(node, {"AccessKeyId"}),
                      .secret_access_key = core::Secret(text_at(node, {"SecretAccessKey"})),
                      .session_token = core::Secret(text_at(node, {"SessionToken"})),
                      .expires = net::parse_rfc3339(text_at(node, {"Expiration"}))};
    if (found.access_key_id.empty() || found.secret_access_key.empty()) {
      return core::fail(Fault::transient, "sts AssumeRoleWithWebIdentity gave no credentials");
    }
    return found;
  }

  const Environment environment_;
  const net::Url sts_;
  net::HttpClient http_;
};

}  // namespace

std::unique_ptr<CredentialsSource> web_identity_source(Environment environment, net::Url sts,
                                                       net::ClientOptions http) {
  return std::make_unique<WebIdentitySource>(std::move(environment), std::move(sts),
                                             std::move(http));
}

}  // namespace jitney::aws
