// SPDX-License-Identifier: Apache-2.0
#include <fstream>
#include <iterator>
#include <utility>

#include "aws/credentials_sources.hpp"

namespace jitney::aws {
namespace {

using core::Fault;

constexpr auto kCallTime = std::chrono::seconds(5);
constexpr std::streamsize kMaxToken = 16 << 10;

bool may_go_in_the_clear(const std::string& host) {
  return host.starts_with("127.") || host == "localhost" || host == "::1" ||
         host == "169.254.170.2" || host == "169.254.170.23" || host == "fd00:ec2::23";
}

class ContainerSource final : public CredentialsSource {
 public:
  ContainerSource(Environment environment, net::ClientOptions http)
      : environment_(std::move(environment)), http_(direct(std::move(http))) {}

  [[nodiscard]] std::string name() const override { return "the container's credentials"; }

  core::Result<std::optional<Credentials>> fetch() override {
    const auto relative = environment_("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const auto full = environment_("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    if (!relative && !full) return std::nullopt;
    const auto url = net::parse_url(relative ? "http://169.254.170.2" + *relative : *full);
    if (!url) {
      return core::fail(Fault::unauthorized,
                        "AWS_CONTAINER_CREDENTIALS_FULL_URI: " + url.error().what);
    }
    if (url->scheme != "https" && !may_go_in_the_clear(url->host)) {
      return core::fail(Fault::unauthorized,
                        "AWS_CONTAINER_CREDENTIALS_FULL_URI must be https, or name this machine");
    }
    net::Request request{.target = url->path, .headers = {{"Accept", "application/json"}}};
    auto token = authorization();
    if (!token) return std::unexpected(std::move(token).error());
    if (!token->empty()) request.headers.add("Authorization", std::string(token->reveal()));
    const auto answer = http_.send(*url, request, std::chrono::steady_clock::now() + kCallTime);
    if (!answer) return core::fail(Fault::transient, name() + ": " + answer.error().what);
    if (answer->status != 200) {
      return core::fail(
          answer->status >= 500 || answer->status == 429 ? Fault::transient : Fault::unauthorized,
          name() + " answered HTTP " + std::to_string(answer->status));
    }
    auto found = parse_credentials(answer->body, name());
    if (!found) return std::unexpected(std::move(found).error());
    return *std::move(found);
  }

 private:
  static net::ClientOptions direct(net::ClientOptions http) {
    http.proxy.clear();
    return http;
  }

  // The file is read each time: its token is rotated.
  [[nodiscard]] core::Result<core::Secret> authorization() const {
    const auto path = environment_("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    if (!path) {
      return core::Secret(environment_("AWS_CONTAINER_AUTHORIZATION_TOKEN").value_or(""));
    }
    std::ifstream in(*path, std::ios::binary);
    std::string text(kMaxToken, '\0');
    in.read(text.data(), kMaxToken);
    text.resize(static_cast<std::size_t>(in.gcount()));
    while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
    if (text.empty()) {
      return core::fail(Fault::unauthorized,
                        *path + " (AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE) cannot be read");
    }
    return core::Secret(std::move(text));
  }

  const Environment environment_;
  net::HttpClient http_;
};

}  // namespace

std::unique_ptr<CredentialsSource> container_source(Environment environment,
                                                    net::ClientOptions http) {
  return std::make_unique<ContainerSource>(std::move(environment), std::move(http));
}

}  // namespace jitney::aws
