// SPDX-License-Identifier: Apache-2.0
#include "sim/github/runner/service.hpp"

#include "net/crypto.hpp"
#include "net/json.hpp"
#include "sim/github/runner/version.hpp"

namespace jitney::sim::runner {

namespace json = boost::json;
using core::fail;
using core::Fault;

Service::Service(JitConfiguration configuration) : configuration_(std::move(configuration)) {}

core::Result<Reply> Service::exchange(net::Request request, const std::string& url,
                                      std::chrono::seconds within) {
  const core::Result<net::Url> base = net::parse_url(url);
  if (!base) return std::unexpected(base.error());
  request.target = base->path;
  request.headers.set("User-Agent", std::string("VSServices/") + kVersion);
  const auto answer = client_.send(*base, request, std::chrono::steady_clock::now() + within);
  if (!answer) return std::unexpected(answer.error());
  if (answer->status >= 500) {
    return fail(Fault::transient, "the server answered " + std::to_string(answer->status));
  }
  Reply reply;
  reply.status = answer->status;
  if (core::Result<json::value> body = net::parse_json(answer->body)) reply.body = std::move(*body);
  return reply;
}

core::Status Service::authenticate() {
  const core::Result<core::Secret> pem = private_pem(configuration_.key);
  if (!pem) return std::unexpected(pem.error());
  const auto seconds =
      std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()).time_since_epoch();
  const std::string signed_part =
      net::base64url(R"({"typ":"JWT","alg":"RS256"})") + "." +
      net::base64url(json::serialize(json::object{{"iss", configuration_.client_id},
                                                  {"sub", configuration_.client_id},
                                                  {"aud", configuration_.authorization_url},
                                                  {"exp", seconds.count() + 300}}));
  const core::Result<std::string> signature = net::rs256(*pem, signed_part);
  if (!signature) return std::unexpected(signature.error());
  net::Request request;
  request.method = "POST";
  request.headers.set("Content-Type", "application/x-www-form-urlencoded");
  request.body =
      "grant_type=client_credentials&client_assertion_type="
      "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion=" +
      signed_part + "." + net::base64url(*signature);
  const core::Result<Reply> reply =
      exchange(std::move(request), configuration_.authorization_url, std::chrono::seconds(15));
  if (!reply) return std::unexpected(reply.error());
  if (reply->status != 200) {
    return fail(Fault::not_found, net::get_string_or(reply->body, "error", "refused"));
  }
  token_ = core::Secret(net::get_string_or(reply->body, "access_token", ""));
  return {};
}

core::Result<Reply> Service::call(const char* method, const std::string& path,
                                  const json::value* body, std::chrono::seconds within) {
  net::Request request;
  request.method = method;
  request.headers.set("Authorization", "Bearer " + std::string(token_.reveal()));
  if (body != nullptr) {
    request.headers.set("Content-Type", "application/json");
    request.body = json::serialize(*body);
  }
  return exchange(std::move(request), configuration_.server_url + path, within);
}

}  // namespace jitney::sim::runner
