// SPDX-License-Identifier: Apache-2.0
#include "apps/host/aws_secrets.hpp"

#include <boost/json/object.hpp>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "apps/host/aws_client.hpp"
#include "net/crypto.hpp"
#include "net/json.hpp"

namespace jitney::app {

namespace {

using boost::json::object;

core::Result<std::string> from_secrets_manager(aws::Client& client, const std::string& name) {
  const auto answer =
      client.json(aws::Service::secretsmanager, "GetSecretValue", object{{"SecretId", name}});
  if (!answer) return std::unexpected(answer.error());
  if (auto text = net::get_string(*answer, "SecretString")) return *std::move(text);
  return net::unbase64(net::get_string_or(*answer, "SecretBinary", "")).value_or("");
}

core::Result<std::string> from_parameter_store(aws::Client& client, const std::string& name) {
  const auto answer = client.json(aws::Service::ssm, "GetParameter",
                                  object{{"Name", name}, {"WithDecryption", true}});
  if (!answer) return std::unexpected(answer.error());
  const auto* parameter = net::get_object(*answer, "Parameter");
  return parameter == nullptr ? std::string() : net::get_string_or(*parameter, "Value", "");
}

core::Result<core::Secret> load_remote(aws::Client& client, const SecretRef& reference) {
  auto value = reference.kind == SecretRef::Kind::secret
                   ? from_secrets_manager(client, reference.name)
                   : from_parameter_store(client, reference.name);
  const std::string place = reference.where + ": the " + reference.text();
  if (!value) {
    core::Error error = value.error();
    error.what = place + " cannot be read: " + error.what;
    // For whoever starts Jitney all of these are one thing: a secret that is not there.
    if (error.fault == core::Fault::not_found || error.fault == core::Fault::invalid) {
      error.fault = core::Fault::unauthorized;
    }
    return std::unexpected(std::move(error));
  }
  if (value->ends_with('\n')) value->pop_back();
  if (value->ends_with('\r')) value->pop_back();
  core::Secret secret(*std::move(value));
  if (secret.empty()) return core::fail(core::Fault::unauthorized, place + " is empty");
  return secret;
}

}  // namespace

LoadSecret secret_loader(aws::Client& client) {
  return [&client](const SecretRef& reference) {
    return reference.remote() ? load_remote(client, reference) : load_secret(reference);
  };
}

LoadSecret secret_loader(const Config& config) {
  struct Late {
    std::once_flag once;
    std::unique_ptr<aws::Client> client;
  };
  return [config, late = std::make_shared<Late>()](const SecretRef& reference) {
    if (!reference.remote()) return load_secret(reference);
    std::call_once(late->once, [&] { late->client = aws_client(config); });
    return load_remote(*late->client, reference);
  };
}

}  // namespace jitney::app
