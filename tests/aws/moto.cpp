// SPDX-License-Identifier: Apache-2.0
#include "tests/aws/moto.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <stdexcept>

#include "aws/credentials_chain.hpp"
#include "net/http_client.hpp"

extern char** environ;

namespace jitney::tests {

namespace {

std::string read_line(int from) {
  std::string line;
  for (char c = 0; read(from, &c, 1) == 1 && c != '\n';) line += c;
  return line;
}

}  // namespace

Moto::Moto() {
  std::array<int, 2> in{};
  std::array<int, 2> out{};
  if (pipe2(in.data(), O_CLOEXEC) != 0 || pipe2(out.data(), O_CLOEXEC) != 0) {
    throw std::runtime_error("no pipe for moto");
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
  std::array<std::string, 3> words{JITNEY_TEST_PYTHON, "-B",
                                   JITNEY_SOURCE_DIR "/tests/aws/moto_server.py"};
  std::array<char*, 4> argv{words[0].data(), words[1].data(), words[2].data(), nullptr};
  const int failed = posix_spawn(&pid_, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(in[0]);
  close(out[1]);
  input_ = in[1];
  const std::string port = failed == 0 ? read_line(out[0]) : "";
  close(out[0]);
  if (port.empty()) {
    throw std::runtime_error(words[0] + " cannot run moto: run script/venv first");
  }
  url_ = "http://127.0.0.1:" + port;
}

Moto::~Moto() {
  close(input_);
  if (pid_ > 0) waitpid(pid_, nullptr, 0);
}

Moto& Moto::shared() {
  static Moto moto;
  return moto;
}

std::unique_ptr<aws::Client> Moto::client_at(const std::string& url, int max_tries) {
  aws::ClientOptions options;
  options.region = "eu-west-1";
  options.endpoints["*"] = url;
  options.call_time = std::chrono::minutes(1);
  options.try_time = std::chrono::seconds(30);  // a busy machine is no fault
  options.max_tries = max_tries;
  options.first_wait = std::chrono::milliseconds(1);
  options.longest_wait = std::chrono::milliseconds(10);
  aws::Credentials credentials;
  credentials.access_key_id = "AKIAIOSFODNN7EXAMPLE";
  credentials.secret_access_key = core::Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
  return std::make_unique<aws::Client>(options, aws::fixed_credentials(std::move(credentials)));
}

void Moto::set_clock(core::Time now) {
  net::HttpClient client(net::ClientOptions{});
  net::Request request;
  request.method = "PUT";
  request.target = "/jitney/clock";
  request.body = std::to_string(now.time_since_epoch().count());
  const auto answer = client.send(*net::parse_url(url_), request,
                                  std::chrono::steady_clock::now() + std::chrono::seconds(30));
  if (!answer || answer->status != 204) throw std::runtime_error("moto's clock cannot be set");
}

std::string Moto::fresh_name(const std::string& what) {
  static std::atomic<int> count = 0;
  return what + "-" + std::to_string(++count);
}

}  // namespace jitney::tests
