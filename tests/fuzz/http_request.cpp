// SPDX-License-Identifier: Apache-2.0
// What a client sends to the server on one connection, and then it hangs up: whole, in pieces and
// byte by byte. A session of net/http_session.hpp reads it from a socket of loopback.
#include <algorithm>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <string>
#include <vector>

#include "net/http_session.hpp"
#include "net/wire_text.hpp"
#include "tests/fuzz/property.hpp"

namespace jitney::fuzz {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr std::size_t kMostBody = 1024;
constexpr std::size_t kMostHeader = 2048;
constexpr std::size_t kMostInput = 8192;  // fits into what a socket buffers

struct Talk {
  std::vector<net::Request> requests;  // as the handler got them
  std::string answers;
};

Talk talk(std::string_view says, std::size_t piece) {
  asio::io_context io;
  Talk out;
  net::SessionHost host;
  host.limits.body_bytes = kMostBody;
  host.limits.header_bytes = kMostHeader;
  host.handler = [&](net::Request request, net::Responder respond) {
    out.requests.push_back(std::move(request));
    respond({.status = 200, .headers = {}, .body = "ok"});
  };
  host.ended = [](const void*) {};
  tcp::acceptor acceptor(io, {asio::ip::address_v4::loopback(), 0});
  tcp::socket client(io);
  client.connect(acceptor.local_endpoint());
  net::Session::Socket socket(asio::make_strand(io));
  acceptor.accept(socket);
  std::make_shared<net::Session>(host, std::move(socket))->start();
  io.poll();
  boost::system::error_code error;
  client.non_blocking(true);
  const auto listen = [&] {
    std::array<char, 4096> buffer;
    while (const std::size_t count = client.read_some(asio::buffer(buffer), error)) {
      out.answers.append(buffer.data(), count);
    }
  };
  while (!says.empty()) {
    const std::string_view part = says.substr(0, piece == 0 ? says.size() : piece);
    client.write_some(asio::buffer(part), error);
    if (error) break;
    says.remove_prefix(part.size());
    io.poll();
    listen();
  }
  client.shutdown(tcp::socket::shutdown_send, error);
  io.run();  // until the session is over: it ends with its peer
  listen();
  return out;
}

void expect_request(const net::Request& request) {
  expect(net::is_token(request.method), "a method is a token");
  expect(request.target.starts_with('/') || request.target == "*", "a target is a path");
  expect(request.target.find_first_of(" \r\n") == std::string::npos, "a target is one word");
  expect(request.body.size() <= kMostBody, "a body is bounded");
  std::size_t header = 0;
  for (const auto& [name, value] : request.headers.fields()) {
    expect(net::is_token(name), "a field's name is a token");
    expect(value.find_first_of("\r\n") == std::string::npos, "a field's value is one line");
    header += name.size() + value.size();
  }
  expect(header <= kMostHeader, "a header is bounded");
  const auto length = request.headers.get("Content-Length");
  const auto coding = request.headers.get("Transfer-Encoding");
  expect(!length || !coding, "a request's framing is not in doubt");
}

bool same(const net::Request& a, const net::Request& b) {
  return a.method == b.method && a.target == b.target && a.body == b.body &&
         a.headers.fields() == b.headers.fields();
}

}  // namespace

void target(std::string_view input) {
  if (input.size() > kMostInput) return;
  const Talk whole = talk(input, 0);
  for (const net::Request& request : whole.requests) expect_request(request);
  if (!whole.answers.empty()) {
    expect(whole.answers.starts_with("HTTP/1.1 "), "what is answered is HTTP");
  }
  const Talk pieces = talk(input, 7);
  expect(pieces.requests.size() == whole.requests.size() &&
             std::ranges::equal(pieces.requests, whole.requests, same),
         "in pieces the same is asked");
}

}  // namespace jitney::fuzz
