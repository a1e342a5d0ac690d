// SPDX-License-Identifier: Apache-2.0
// A JIT configuration as a runner is handed it; or, after a line "plain", the JSON inside, whose
// values are taken for the files' content: mutations then reach the reader behind the base64.
#include "sim/github/jit.hpp"

#include <boost/json.hpp>

#include "net/crypto.hpp"
#include "net/json.hpp"
#include "tests/fuzz/property.hpp"

namespace jitney::fuzz {
namespace {

namespace bj = boost::json;

std::string packed(std::string_view plain) {
  const auto value = net::parse_json(plain);
  if (!value || !value->is_object()) return net::base64(plain);
  bj::object files;
  for (const auto& [name, content] : value->get_object()) {
    files[name] = net::base64(content.is_string() ? std::string(content.get_string())
                                                  : bj::serialize(content));
  }
  return net::base64(bj::serialize(files));
}

std::string numbers_of(const sim::JitConfiguration& c) {
  std::string text = std::to_string(c.agent_id) + "|" + c.agent_name + "|" +
                     std::to_string(c.pool_id) + "|" + c.pool_name + "|" + c.server_url + "|" +
                     c.server_url_v2 + "|" + c.github_url + "|" + c.work_folder + "|" +
                     c.client_id + "|" + c.authorization_url + "|";
  for (const bool flag : {c.use_v2_flow, c.ephemeral, c.disable_update}) text += flag ? "1" : "0";
  for (const std::string* number : {&c.key.d, &c.key.dp, &c.key.dq, &c.key.exponent,
                                    &c.key.inverse_q, &c.key.modulus, &c.key.p, &c.key.q}) {
    text += "|" + net::hex(*number);
  }
  return text;
}

}  // namespace

void target(std::string_view input) {
  constexpr std::string_view kPlain = "plain\n";
  const std::string blob =
      input.starts_with(kPlain) ? packed(input.substr(kPlain.size())) : std::string(input);
  const auto decoded = sim::decode_jit(blob);
  if (!decoded) {
    expect(decoded.error().fault == core::Fault::invalid, "what is no configuration is invalid");
    expect(decoded.error().what.size() < 200, "a refusal names a file and key, never a value");
    return;
  }
  expect(blob.size() <= sim::kJitBytes, "a long one is refused unread");
  expect(decoded->files.size() <= sim::kJitFiles, "files are bounded in number");
  for (const auto& [name, content] : decoded->files) {
    expect(name.find('/') == std::string::npos && name != ".." && name != "." && !name.empty(),
           "files stay in the runner's root");
    expect(name.find('\0') == std::string::npos, "a file's name has no end inside");
  }
  const sim::JitConfiguration& c = decoded->configuration;
  expect(c.agent_id >= 0 && !c.agent_name.empty(), "a runner is somebody");
  const core::Secret encoded = sim::encode_jit(c);
  if (encoded.reveal().size() > sim::kJitBytes || c.server_url.empty()) return;
  const auto again = sim::decode_jit(encoded.reveal());
  expect(again.has_value(), "what was encoded can be decoded");
  expect(numbers_of(again->configuration) == numbers_of(c), "it says the same again");
}

}  // namespace jitney::fuzz
