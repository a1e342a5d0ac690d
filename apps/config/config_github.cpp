// SPDX-License-Identifier: Apache-2.0
// [[github]]: where runners register, and with what credentials.
#include <algorithm>
#include <limits>

#include "apps/config/config_reader.hpp"
#include "apps/config/config_text.hpp"
#include "net/http_client.hpp"

namespace jitney::app {

namespace {

using namespace std::chrono_literals;

bool is_scope_name(std::string_view name) {
  return !name.empty() && name.size() <= 100 && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  });
}

GithubScope read_url(Section& section) {
  std::string url;
  section.read("url", url);
  if (url.empty()) {
    if (!section.has("url")) section.missing("url", "url = \"https://github.com/ORG\"");
    return {};
  }
  auto scope = parse_github_url(url);
  if (!scope) {
    section.wrong("url", scope.error().what);
    return {};
  }
  return *std::move(scope);
}

void read_name(Section& section, GithubScope& scope) {
  if (section.get("name") == nullptr) return;
  scope.name.clear();  // no longer what follows from the URL, whatever is wrong with this one
  section.read("name", scope.name);
  if (!scope.name.empty() && !is_scope_name(scope.name)) {
    section.wrong("name", "is " + quoted(scope.name) + "; write a-z, 0-9, -, _ and . only");
  }
}

// An address of ours or GitHub's: without a password, and https unless it stays on this machine.
void read_address(Section& section, std::string_view key, std::string& into) {
  std::string address;
  section.read(key, address);
  if (address.empty()) return;
  const auto url = address.find('@') == std::string::npos ? net::parse_url(address)
                                                          : core::fail(core::Fault::invalid, "");
  if (!url) {
    section.wrong(key,
                  "is no web address without user and password; write for example "
                  "https://github.example/api/v3");
  } else if (url->scheme != "https" && !is_loopback(url->host)) {
    section.wrong(key, "would send credentials over http in clear; write https://...");
  } else {
    while (address.ends_with('/')) address.pop_back();
    into = std::move(address);
  }
}

// GitHub shows the client id as text and the App id as a number; either may be written either way.
void read_app_id(Section& section, std::string_view key, std::string& into) {
  const toml::node* node = section.get(key);
  if (node == nullptr) return;
  if (const auto* number = node->as_integer(); number != nullptr && number->get() > 0) {
    into = std::to_string(number->get());
  } else if (node->is_string() && !looks_secret(node->as_string()->get())) {
    section.read(key, into);
  } else {
    section.wrong(key, "is no id; write the App's client id (\"Iv23...\") or its number");
  }
}

void read_credentials(Section& section, GithubScope& scope) {
  section.read("token", scope.token);
  std::string app_id;
  std::string client_id;
  read_app_id(section, "app_id", app_id);
  read_app_id(section, "client_id", client_id);
  scope.app_id = client_id.empty() ? app_id : client_id;  // GitHub recommends the client id
  section.read("installation_id", scope.installation_id,
               Bounds<std::int64_t>{1, std::numeric_limits<std::int64_t>::max()});
  section.read("private_key", scope.private_key);

  const bool token = section.has("token");
  const bool app = section.has("app_id") || section.has("client_id") ||
                   section.has("installation_id") || section.has("private_key");
  if (token && app) {
    section.wrong("token", "stands beside an App's keys; write one of the two");
  } else if (!token && !app) {
    section.missing("token",
                    "token = { env = \"GITHUB_TOKEN\" }, or an App's client_id, installation_id "
                    "and private_key");
  } else if (app) {
    if (!section.has("app_id") && !section.has("client_id")) {
      section.missing("client_id", "the App's client id: client_id = \"Iv23...\"");
    }
    if (!section.has("installation_id")) {
      section.missing("installation_id",
                      "the number at the end of the installation's address on GitHub");
    }
    if (!section.has("private_key")) {
      section.missing("private_key", "private_key = { file = \"/etc/jitney/app.pem\" }");
    }
  }
}

void read_proxy(Section& section, GithubScope& scope) {
  const toml::node* node = section.get("proxy");
  if (node != nullptr && node->is_table()) {
    section.read("proxy", scope.proxy_secret);
  } else {
    std::string proxy;
    section.read("proxy", proxy);
    if (proxy.find('@') != std::string::npos) {
      section.wrong("proxy",
                    "holds a user or password in clear; write the whole address as a "
                    "secret: proxy = { env = \"NAME\" }, or the address without them");
    } else if (!proxy.empty() && !proxy.starts_with("http://")) {
      section.wrong("proxy", "is no proxy; write http://host:port");
    } else {
      scope.proxy = std::move(proxy);
    }
  }
  section.read("no_proxy", scope.no_proxy);
}

void read_webhook_secrets(Section& section, GithubScope& scope, bool needed) {
  constexpr std::string_view kWrite =
      "webhook_secret = { env = \"GITHUB_WEBHOOK_SECRET\" }, or ingress = \"poll\" at the top of "
      "the file";
  section.read("webhook_secret", scope.webhook_secrets);
  if (!needed) return;
  const toml::node* node = section.get("webhook_secret");
  if (node == nullptr) {
    section.missing("webhook_secret", std::string(kWrite));
  } else if (node->is_array() && node->as_array()->empty()) {
    section.wrong("webhook_secret",
                  "is empty, so that every webhook would be refused; write " + std::string(kWrite));
  }
}

void read_scope(Section& section, Config& config) {
  GithubScope scope = read_url(section);
  read_name(section, scope);
  read_address(section, "api_url", scope.api_url);
  read_credentials(section, scope);
  read_webhook_secrets(section, scope, config.ingress == IngressKind::webhook);
  read_address(section, "webhook_url", scope.webhook_url);
  section.read_path("ca_file", scope.ca_file);
  read_proxy(section, scope);
  section.read("write_spacing", scope.write_spacing, {0ms, 1min});
  section.read("calls_per_minute", scope.calls_per_minute, {1, 1000});
  section.finish();
  if (!scope.name.empty() && config.scope(scope.name) != nullptr) {
    section.wrong("name", "is " + quoted(scope.name) +
                              ", as another [[github]] is named; write a name of its own");
  }
  config.github.push_back(std::move(scope));
}

}  // namespace

void read_github(Section& root, Config& config) {
  std::vector<Section> sections = root.tables("github");
  for (Section& section : sections) read_scope(section, config);
  if (sections.empty() && (!root.has("github") || root.get("github")->is_array())) {
    root.missing("[[github]]", "[[github]] with url and token: where runners register");
  }
}

}  // namespace jitney::app
