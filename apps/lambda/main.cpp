// SPDX-License-Identifier: Apache-2.0
// bootstrap: one of the five functions, as _HANDLER says, until Lambda ends the process.
#include <sys/stat.h>

#include <chrono>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>

#include "apps/config/config.hpp"
#include "apps/lambda/wiring.hpp"
#include "aws/lambda_runtime.hpp"
#include "net/log.hpp"

namespace jitney::lambda {

namespace {

using core::Fault;
using Steady = std::chrono::steady_clock;

// Lambda allows ten seconds from the start to the first event.
constexpr auto kStartTime = std::chrono::seconds(8);

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// The zip brings the roots, each in a file of its own: loading a whole bundle costs 25 to 40 ms.
void trust_packaged_roots() {
  const std::string directory = variable("LAMBDA_TASK_ROOT") + "/certs";
  struct stat status{};
  if (stat(directory.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) {
    setenv("SSL_CERT_DIR", directory.c_str(), 0);  // OpenSSL's own variable
  }
}

core::Result<app::Config> read_config() {
  const std::string text = variable("JITNEY_CONFIG_TEXT");
  if (!text.empty()) return app::parse_config(text, "JITNEY_CONFIG_TEXT");
  std::string path = variable("JITNEY_CONFIG");
  if (path.empty()) path = variable("LAMBDA_TASK_ROOT") + "/jitney.toml";
  return app::load_config(path);
}

core::Result<std::unique_ptr<Wiring>> open() {
  const auto function = parse_function(variable("_HANDLER"));
  if (!function) {
    return core::fail(Fault::invalid,
                      "the function's handler is \"" + variable("_HANDLER") +
                          "\"; write autoscaler, create_runner, stop_runner, move_jobs or sweep");
  }
  auto config = read_config();
  if (!config) return std::unexpected(std::move(config).error());
  net::set_log_level(config->server.log_level);
  for (const std::string& warning : config->warnings) {
    net::log(net::LogLevel::warning, "configuration", {{"warning", warning}});
  }
  return Wiring::open(*std::move(config), *function, Steady::now() + kStartTime);
}

core::Error serve(aws::LambdaRuntime& runtime, Wiring& wiring) {
  Host host(wiring.host_options(),
            {.context = [&](core::Time deadline) { return wiring.context(deadline); },
             .note_deaths = [&] { return wiring.note_deaths(); },
             .metrics = wiring.metrics(),
             .metrics_out = std::cout});
  return runtime.serve([&](const aws::Invocation& invocation) {
    wiring.set_deadline(invocation.steady_deadline);
    return host.handle(invocation);
  });
}

int run() {
  auto runtime = aws::LambdaRuntime::open({.address = variable("AWS_LAMBDA_RUNTIME_API")});
  if (!runtime) {
    net::log(net::LogLevel::error, "this is no Lambda", {{"error", runtime.error().what}});
    return 1;
  }
  trust_packaged_roots();
  core::Result<std::unique_ptr<Wiring>> wiring;
  try {
    wiring = open();
  } catch (const std::exception& bug) {
    wiring = core::fail(Fault::invalid, std::string("exception: ") + bug.what());
  }
  if (!wiring) {
    net::log(net::LogLevel::error, "cannot start",
             {{"fault", core::to_string(wiring.error().fault)}, {"error", wiring.error().what}});
    if (const auto told = runtime->init_error(wiring.error()); !told) {
      net::log(net::LogLevel::error, "Lambda could not be told", {{"error", told.error().what}});
    }
    return 1;
  }
  const core::Error end = serve(*runtime, **wiring);
  net::log(net::LogLevel::error, "Lambda ended this process", {{"error", end.what}});
  return 1;
}

}  // namespace

}  // namespace jitney::lambda

int main() { return jitney::lambda::run(); }
