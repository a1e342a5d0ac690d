// SPDX-License-Identifier: Apache-2.0
// Lets a test in another language drive the transport: one JSON object a line in, one a line out.
//   aws_probe sign   {"method","target","host","headers":[[name,value]],"body" (base64),"region",
//                     "service","time","id","secret","token"} -> {"authorization"} or {"fault"}
//   aws_probe call   {"service","operation","input"} -> {"output"} or {"fault","what"}
// `call` finds region, endpoints and credentials as the product does, in the environment.
#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <iostream>
#include <sstream>
#include <string>

#include "aws/client.hpp"
#include "aws/credentials_chain.hpp"
#include "aws/signer.hpp"
#include "net/crypto.hpp"
#include "net/json.hpp"
#include "net/rfc3339.hpp"

namespace jitney::aws {
namespace {

namespace json = boost::json;

json::object failure(const core::Error& error) {
  return {{"fault", core::to_string(error.fault)}, {"what", error.what}};
}

json::object sign_one(const json::value& in) {
  const auto text = [&](std::string_view key) { return net::get_string_or(in, key, ""); };
  net::Request request{.method = text("method"), .target = text("target")};
  request.body = net::unbase64(text("body")).value_or("");
  if (const auto* headers = net::get_array(in, "headers")) {
    for (const auto& pair : *headers) {
      const auto& fields = pair.as_array();
      request.headers.add(std::string(fields.at(0).as_string()),
                          std::string(fields.at(1).as_string()));
    }
  }
  const Credentials keys{.access_key_id = text("id"),
                         .secret_access_key = core::Secret(text("secret")),
                         .session_token = core::Secret(text("token"))};
  const SigningScope scope{.region = text("region"),
                           .service = text("service"),
                           .host = text("host"),
                           .now = net::parse_rfc3339(text("time")).value_or(core::Time{})};
  if (const auto done = sign(request, keys, scope); !done) return failure(done.error());
  return {{"authorization", std::string(*request.headers.get("Authorization"))}};
}

json::object call_one(Client& client, const json::value& in) {
  const std::string name = net::get_string_or(in, "service", "");
  const std::string operation = net::get_string_or(in, "operation", "");
  const auto* input = net::get_object(in, "input");
  if (name == "s3") {
    const auto done = client.s3(operation, net::get_string_or(*input, "bucket", ""),
                                net::get_string_or(*input, "key", ""), {}, {},
                                net::get_string_or(*input, "body", ""));
    return done ? json::object{{"output", done->body}} : failure(done.error());
  }
  const auto service =
      std::ranges::find(kServices, name, [](Service s) { return names_of(s).name; });
  if (service == kServices.end()) return {{"what", "no such service"}};
  if (names_of(*service).version.empty()) {
    auto done = client.json(*service, operation, *input);
    return done ? json::object{{"output", *std::move(done)}} : failure(done.error());
  }
  Parameters parameters;
  for (const auto& [key, value] : input->as_object()) {
    parameters[std::string(key)] = std::string(value.as_string());
  }
  const auto done = client.query(*service, operation, parameters);
  if (!done) return failure(done.error());
  std::ostringstream xml;
  done->save(xml);
  return {{"output", xml.str()}};
}

int run(const std::string& mode) {
  const Environment environment = process_environment();
  const ClientOptions options = client_options(environment);
  Client client(options,
                default_credentials(environment, options.region, options.endpoints, options.http));
  for (std::string line; std::getline(std::cin, line);) {
    const auto in = net::parse_json(line);
    if (!in) {
      std::cerr << in.error().what << '\n';
      return 2;
    }
    std::cout << json::serialize(mode == "sign" ? sign_one(*in) : call_one(client, *in)) << '\n'
              << std::flush;
  }
  return 0;
}

}  // namespace
}  // namespace jitney::aws

int main(int argc, char** argv) {
  const std::string mode = argc == 2 ? argv[1] : "";
  if (mode != "sign" && mode != "call") {
    std::cerr << "usage: aws_probe sign|call\n";
    return 2;
  }
  return jitney::aws::run(mode);
}
