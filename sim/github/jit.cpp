// SPDX-License-Identifier: Apache-2.0
#include "sim/github/jit.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>

#include "net/crypto.hpp"

namespace jitney::sim {
namespace {

namespace json = boost::json;
using core::fail;
using core::Fault;

constexpr std::string_view kRunner = ".runner";
constexpr std::string_view kCredentials = ".credentials";
constexpr std::string_view kRsa = ".credentials_rsaparams";

// .NET writes booleans of these files as words in strings.
const char* word(bool value) { return value ? "True" : "False"; }

std::string runner_file(const JitConfiguration& c) {
  json::object file{{"AgentId", std::to_string(c.agent_id)},
                    {"AgentName", c.agent_name},
                    {"DisableUpdate", word(c.disable_update)},
                    {"Ephemeral", word(c.ephemeral)},
                    {"PoolId", std::to_string(c.pool_id)},
                    {"PoolName", nullptr},
                    {"ServerUrl", c.server_url},
                    {"UseV2Flow", word(c.use_v2_flow)},
                    {"WorkFolder", c.work_folder}};
  if (!c.pool_name.empty()) file["PoolName"] = c.pool_name;
  if (!c.server_url_v2.empty()) file["ServerUrlV2"] = c.server_url_v2;
  if (!c.github_url.empty()) file["GitHubUrl"] = c.github_url;
  return json::serialize(file);
}

std::string credentials_file(const JitConfiguration& c) {
  return json::serialize(
      json::object{{"Scheme", "OAuth"},
                   {"Data", json::object{{"clientId", c.client_id},
                                         {"authorizationUrl", c.authorization_url},
                                         {"requireFipsCryptography", "True"}}}});
}

std::string rsa_file(const RsaParams& key) {
  return json::serialize(json::object{{"d", net::base64(key.d)},
                                      {"dp", net::base64(key.dp)},
                                      {"dq", net::base64(key.dq)},
                                      {"exponent", net::base64(key.exponent)},
                                      {"inverseQ", net::base64(key.inverse_q)},
                                      {"modulus", net::base64(key.modulus)},
                                      {"p", net::base64(key.p)},
                                      {"q", net::base64(key.q)}});
}

core::Result<json::object> parse_object(std::string_view text, const std::string& where) {
  boost::system::error_code error;
  json::parse_options options;
  options.max_depth = 4;
  json::value value = json::parse(text, error, {}, options);
  if (error || !value.is_object()) return fail(Fault::invalid, where + " is not a JSON object");
  return std::move(value.as_object());
}

// Reads one object and remembers the first thing that was wrong with it.
class Reader {
 public:
  Reader(const json::object& object, std::string where)
      : object_(object), where_(std::move(where)) {}

  std::string text(std::string_view key, bool required) {
    const json::value* value = object_.if_contains(key);
    if (value == nullptr || value->is_null()) {
      if (required) complain(key, "is missing");
      return {};
    }
    if (value->is_string()) {
      const json::string& found = value->get_string();
      if (required && found.empty()) complain(key, "is empty");
      return std::string(found);
    }
    if (value->is_int64()) return std::to_string(value->get_int64());
    if (value->is_bool()) return word(value->get_bool());
    complain(key, "is neither text, number nor truth value");
    return {};
  }

  std::int64_t number(std::string_view key, bool required) {
    const std::string digits = text(key, required);
    if (digits.empty()) return 0;
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error != std::errc() || end != digits.data() + digits.size() || number < 0) {
      complain(key, "is not a number");
    }
    return number;
  }

  bool flag(std::string_view key, bool absent) {
    std::string value = text(key, false);
    std::ranges::transform(value, value.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    if (value.empty()) return absent;
    if (value != "true" && value != "false") complain(key, "is neither true nor false");
    return value == "true";
  }

  std::string bytes(std::string_view key) {
    std::optional<std::string> decoded = net::unbase64(text(key, true));
    if (!decoded || decoded->empty() || decoded->size() > 1024) {
      complain(key, "is not a base64 number");
      return {};
    }
    return std::move(*decoded);
  }

  core::Status end() const {
    if (!wrong_.empty()) return fail(Fault::invalid, wrong_);
    return {};
  }

 private:
  void complain(std::string_view key, std::string_view what) {
    if (wrong_.empty()) {
      wrong_ = where_ + ": " + std::string(key) + " " + std::string(what);
    }
  }

  const json::object& object_;
  std::string where_;
  std::string wrong_;
};

core::Status read_runner(std::string_view content, JitConfiguration& c) {
  const auto object = parse_object(content, "JIT configuration: .runner");
  if (!object) return std::unexpected(object.error());
  Reader reader(*object, "JIT configuration: .runner");
  c.agent_id = reader.number("AgentId", true);
  c.agent_name = reader.text("AgentName", true);
  c.pool_id = reader.number("PoolId", true);
  c.pool_name = reader.text("PoolName", false);
  c.server_url = reader.text("ServerUrl", false);
  c.server_url_v2 = reader.text("ServerUrlV2", false);
  c.github_url = reader.text("GitHubUrl", false);
  c.work_folder = reader.text("WorkFolder", true);
  c.use_v2_flow = reader.flag("UseV2Flow", false);
  c.ephemeral = reader.flag("Ephemeral", false);
  c.disable_update = reader.flag("DisableUpdate", false);
  if (const core::Status status = reader.end(); !status) return status;
  if (c.server_url.empty() && c.server_url_v2.empty()) {
    return fail(Fault::invalid, "JIT configuration: .runner: ServerUrl is missing");
  }
  return {};
}

core::Status read_credentials(std::string_view content, JitConfiguration& c) {
  const std::string where = "JIT configuration: .credentials";
  const auto object = parse_object(content, where);
  if (!object) return std::unexpected(object.error());
  Reader scheme(*object, where);
  const std::string name = scheme.text("Scheme", true);
  if (const core::Status status = scheme.end(); !status) return status;
  const json::value* data = object->if_contains("Data");
  if (name != "OAuth" || data == nullptr || !data->is_object()) {
    return fail(Fault::invalid, where + ": the scheme is not OAuth with its data");
  }
  Reader reader(data->get_object(), where);
  c.client_id = reader.text("clientId", true);
  c.authorization_url = reader.text("authorizationUrl", true);
  return reader.end();
}

core::Status read_rsa(std::string_view content, RsaParams& key) {
  const auto object = parse_object(content, "JIT configuration: .credentials_rsaparams");
  if (!object) return std::unexpected(object.error());
  Reader reader(*object, "JIT configuration: .credentials_rsaparams");
  key.d = reader.bytes("d");
  key.dp = reader.bytes("dp");
  key.dq = reader.bytes("dq");
  key.exponent = reader.bytes("exponent");
  key.inverse_q = reader.bytes("inverseQ");
  key.modulus = reader.bytes("modulus");
  key.p = reader.bytes("p");
  key.q = reader.bytes("q");
  return reader.end();
}

// A name that stays in the runner's root.
bool plain_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && name != "." && name != ".." &&
         std::ranges::all_of(name, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '_' || c == '-';
         });
}

core::Result<DecodedJit> read_files(const json::object& object) {
  DecodedJit decoded;
  if (object.size() > kJitFiles) return fail(Fault::invalid, "JIT configuration: too many files");
  for (const auto& [name, value] : object) {
    if (!plain_name(name)) return fail(Fault::invalid, "JIT configuration: bad file name");
    std::optional<std::string> content;
    if (value.is_string()) content = net::unbase64(value.get_string());
    if (!content) {
      return fail(Fault::invalid,
                  "JIT configuration: " + std::string(name) + " is not base64 text");
    }
    decoded.files.emplace_back(std::string(name), core::Secret(std::move(*content)));
  }
  return decoded;
}

}  // namespace

core::Secret encode_jit(const JitConfiguration& configuration) {
  const json::object files{
      {kRunner, net::base64(runner_file(configuration))},
      {kCredentials, net::base64(credentials_file(configuration))},
      {kRsa, net::base64(rsa_file(configuration.key))},
  };
  return core::Secret(net::base64(json::serialize(files)));
}

core::Result<DecodedJit> decode_jit(std::string_view blob) {
  if (blob.empty()) return fail(Fault::invalid, "JIT configuration: empty");
  if (blob.size() > kJitBytes) return fail(Fault::invalid, "JIT configuration: too long");
  const std::optional<std::string> text = net::unbase64(blob);
  if (!text) return fail(Fault::invalid, "JIT configuration: not base64");
  const auto object = parse_object(*text, "JIT configuration");
  if (!object) return std::unexpected(object.error());
  core::Result<DecodedJit> decoded = read_files(*object);
  if (!decoded) return decoded;
  const auto content = [&](std::string_view name) -> const core::Secret* {
    const auto at =
        std::ranges::find(decoded->files, name, &std::pair<std::string, core::Secret>::first);
    return at == decoded->files.end() ? nullptr : &at->second;
  };
  for (const std::string_view name : {kRunner, kCredentials, kRsa}) {
    if (content(name) == nullptr) {
      return fail(Fault::invalid, "JIT configuration: " + std::string(name) + " is missing");
    }
  }
  JitConfiguration& c = decoded->configuration;
  core::Status status = read_runner(content(kRunner)->reveal(), c);
  if (status) status = read_credentials(content(kCredentials)->reveal(), c);
  if (status) status = read_rsa(content(kRsa)->reveal(), c.key);
  if (!status) return std::unexpected(status.error());
  return decoded;
}

}  // namespace jitney::sim
