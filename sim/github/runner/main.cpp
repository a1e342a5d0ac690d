// SPDX-License-Identifier: Apache-2.0
// Runner.Listener of the stand-in runner package: arguments, environment, signals and exit codes
// are the real one's; it speaks to the simulated GitHub only.
#include <signal.h>

#include <boost/json.hpp>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

#include "net/crypto.hpp"
#include "sim/github/runner/arguments.hpp"
#include "sim/github/runner/listener.hpp"
#include "sim/github/runner/version.hpp"

namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using namespace jitney;       // NOLINT: one file, one program
using namespace jitney::sim;  // NOLINT
using sim::runner::Arguments;

constexpr const char* kFiles[] = {".runner", ".credentials", ".credentials_rsaparams"};

// NAME=VALUE lines of .env in the root hold for the runner and its jobs.
void load_env_file(const fs::path& root) {
  std::string line;
  for (std::ifstream file(root / ".env"); std::getline(file, line);) {
    const std::size_t equals = line.find('=');
    if (equals == std::string::npos || equals == 0) continue;
    setenv(line.substr(0, equals).c_str(), line.substr(equals + 1).c_str(), 1);
  }
}

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

core::Result<JitConfiguration> from_blob(const fs::path& root, const core::Secret& blob) {
  core::Result<DecodedJit> decoded = decode_jit(blob.reveal());
  if (!decoded) return std::unexpected(decoded.error());
  for (const auto& [name, content] : decoded->files) {
    std::ofstream file(root / name, std::ios::binary | std::ios::trunc);
    file << content.reveal();
    file.close();
    if (!file) return core::fail(core::Fault::invalid, "cannot write " + (root / name).string());
  }
  return std::move(decoded->configuration);
}

// A restart finds the files of the run before.
core::Result<JitConfiguration> from_files(const fs::path& root) {
  json::object files;
  for (const char* name : kFiles) {
    if (!fs::exists(root / name)) {
      return core::fail(core::Fault::invalid,
                        "Not configured. Run config.(sh/cmd) to configure the runner.");
    }
    files[name] = net::base64(read(root / name));
  }
  core::Result<DecodedJit> decoded = decode_jit(net::base64(json::serialize(files)));
  if (!decoded) return std::unexpected(decoded.error());
  return std::move(decoded->configuration);
}

int run(const Arguments& arguments) {
  const fs::path root = fs::read_symlink("/proc/self/exe").parent_path().parent_path();
  load_env_file(root);
  const core::Result<JitConfiguration> configuration =
      arguments.jit.empty() ? from_files(root) : from_blob(root, arguments.jit);
  if (!configuration) {
    std::cerr << "An error occurred: " << configuration.error().what << std::endl;
    return sim::runner::kTerminated;
  }
  return sim::runner::listen_for_jobs(root, *configuration, arguments.once);
}

int act(const Arguments& arguments) {
  using Command = Arguments::Command;
  if (!arguments.unknown.empty()) {
    std::cerr << "Unrecognized command-line input arguments: '" << arguments.unknown.front()
              << "'. For usage refer to: .\\config.cmd --help or ./config.sh --help" << std::endl;
    return sim::runner::kTerminated;
  }
  switch (arguments.command) {
    case Command::version:
      std::cout << sim::runner::kVersion << std::endl;
      return 0;
    case Command::commit:
      std::cout << "jitney-sim" << std::endl;
      return 0;
    case Command::help:
      std::cout << sim::runner::kHelp;
      return 0;
    case Command::warmup:
      return 0;
    case Command::configure:
    case Command::remove:
      std::cerr << "The stand-in runner takes just-in-time configurations only." << std::endl;
      return sim::runner::kTerminated;
    case Command::run:
      return run(arguments);
  }
  return sim::runner::kRetryable;
}

}  // namespace

int main(int argc, char** argv) {
  // Before any thread is made: all inherit the mask, and one waits for the signals.
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
  try {
    return act(sim::runner::read_arguments(argc, argv));
  } catch (const std::exception& problem) {
    std::cerr << "An error occurred: " << problem.what() << std::endl;
    return sim::runner::kRetryable;
  }
}
