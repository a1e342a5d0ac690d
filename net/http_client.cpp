// SPDX-License-Identifier: Apache-2.0
#include "net/http_client.hpp"

#include <algorithm>
#include <boost/beast/http/error.hpp>
#include <iterator>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "net/http_exchange.hpp"
#include "net/resolver.hpp"
#include "net/tls.hpp"
#include "net/url.hpp"
#include "net/wire.hpp"
#include "net/wire_text.hpp"

namespace jitney::net {
namespace {

using core::Fault;
using Clock = std::chrono::steady_clock;
using Connection = std::unique_ptr<Wire>;

struct Route {
  std::string key;  // of the pool
  bool tls = false;
  const Proxy* proxy = nullptr;
};

core::Status check(const Url& url, const Request& request) {
  if ((url.scheme != "http" && url.scheme != "https") || url.host.empty() || url.port == 0) {
    return core::fail(Fault::invalid, "this URL has no usable scheme, host or port");
  }
  if (!is_token(request.method)) return core::fail(Fault::invalid, "malformed HTTP method");
  if (!is_target(request.target) || request.target.front() != '/') {
    return core::fail(Fault::invalid,
                      "the request target for " + url.host + " must start with / and be %-encoded");
  }
  for (const auto& [name, value] : request.headers.fields()) {
    if (!is_token(name) || !is_field_value(value)) {
      return core::fail(Fault::invalid, "a header for " + url.host +
                                            " holds a line break or another control character");
    }
  }
  return {};
}

std::string format_head(const Url& url, const Request& request, const Proxy* absolute_via) {
  std::string head = request.method + " ";
  if (absolute_via != nullptr) head += url.scheme + "://" + host_header(url);
  head += request.target + " HTTP/1.1\r\n";
  if (!request.headers.get("Host")) head += "Host: " + host_header(url) + "\r\n";
  if (!request.headers.get("User-Agent")) head += "User-Agent: jitney\r\n";
  for (const auto& [name, value] : request.headers.fields()) {
    if (same_text(name, "Content-Length") || same_text(name, "Transfer-Encoding") ||
        same_text(name, "Connection") || same_text(name, "Proxy-Authorization")) {
      continue;
    }
    head += name + ": " + value + "\r\n";
  }
  if (absolute_via != nullptr && !absolute_via->authorization.empty()) {
    head += "Proxy-Authorization: ";
    head += absolute_via->authorization.reveal();
    head += "\r\n";
  }
  const bool bodied =
      request.method == "POST" || request.method == "PUT" || request.method == "PATCH";
  if (bodied || !request.body.empty()) {
    head += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
  }
  return head + "\r\n";
}

std::string place_of(const Url& url) { return authority(url.host, url.port); }

}  // namespace

struct HttpClient::Impl {
  struct Idle {
    Connection wire;
    Clock::time_point since;
  };

  explicit Impl(ClientOptions given)
      : options(std::move(given)), proxy(parse_proxy(options.proxy)) {
    options.proxy.clear();  // its password lives on in a Secret only
  }

  core::Result<SSL_CTX*> tls_context();
  Connection take_idle(const std::string& key);
  void keep(const std::string& key, Connection wire);
  core::Result<Connection> open(const Url& url, const Route& route, Clock::time_point deadline);
  core::Status tunnel(Wire& wire, const Url& url, const Proxy& via);

  ClientOptions options;
  const core::Result<std::optional<Proxy>> proxy;
  Resolver resolver;
  std::mutex mutex;  // of the two below
  std::map<std::string, std::vector<Idle>> pool;
  SslContext context;
};

core::Result<SSL_CTX*> HttpClient::Impl::tls_context() {
  const std::lock_guard lock(mutex);
  if (!context) {
    auto made = make_tls_context(options);
    if (!made) return std::unexpected(std::move(made).error());
    context = *std::move(made);
  }
  return context.get();
}

Connection HttpClient::Impl::take_idle(const std::string& key) {
  std::vector<Idle> dropped;  // closed after the lock is released
  const std::lock_guard lock(mutex);
  const auto oldest = Clock::now() - options.idle_time;
  for (auto& [name, idle] : pool) {
    const auto stale =
        std::ranges::partition(idle, [&](const Idle& i) { return i.since > oldest; });
    std::ranges::move(stale, std::back_inserter(dropped));
    idle.erase(stale.begin(), stale.end());
  }
  std::erase_if(pool, [](const auto& entry) { return entry.second.empty(); });
  const auto found = pool.find(key);
  if (found == pool.end()) return nullptr;
  Connection wire = std::move(found->second.back().wire);
  found->second.pop_back();
  return wire;
}

void HttpClient::Impl::keep(const std::string& key, Connection wire) {
  const std::lock_guard lock(mutex);
  auto& idle = pool[key];
  if (idle.size() < options.connections_per_host) idle.push_back({std::move(wire), Clock::now()});
}

core::Status HttpClient::Impl::tunnel(Wire& wire, const Url& url, const Proxy& via) {
  std::string head = "CONNECT " + place_of(url) + " HTTP/1.1\r\nHost: " + place_of(url) + "\r\n";
  if (!via.authorization.empty()) {
    head += "Proxy-Authorization: ";
    head += via.authorization.reveal();
    head += "\r\n";
  }
  const auto answer = exchange_head(wire, head + "\r\n");
  if (answer.error == boost::system::errc::timed_out) {
    return core::fail(Fault::cancelled, "no answer in time");
  }
  if (answer.error) return core::fail(Fault::transient, answer.error.message());
  const int status = answer.response.status;
  if (status == 407) {
    return core::fail(Fault::unauthorized, "it asks for another user or password (407)");
  }
  if (status < 200 || status > 299) {
    return core::fail(Fault::transient,
                      "it refused the tunnel with status " + std::to_string(status));
  }
  return {};
}

core::Result<Connection> HttpClient::Impl::open(const Url& url, const Route& route,
                                                Clock::time_point deadline) {
  // What the call's own deadline ends is cancelled; what only connect_time ends may be tried again.
  const auto until = std::min(deadline, Clock::now() + options.connect_time);
  const auto failed = [&](const core::Error& error, const std::string& step) {
    const bool ours = error.fault == Fault::cancelled && Clock::now() < deadline;
    return core::fail(ours ? Fault::transient : error.fault, step + error.what);
  };
  SSL_CTX* tls = nullptr;
  if (route.tls) {
    auto made = tls_context();
    if (!made) return std::unexpected(std::move(made).error());
    tls = *made;
  }
  const std::string& host = route.proxy != nullptr ? route.proxy->host : url.host;
  const std::uint16_t port = route.proxy != nullptr ? route.proxy->port : url.port;
  const std::string place = (route.proxy != nullptr ? "proxy " : "") + authority(host, port);
  const auto addresses = resolver.resolve(host, port, until);
  if (!addresses) return failed(addresses.error(), "");
  auto wire = std::make_unique<Wire>();
  wire->deadline(until);
  if (const auto done = wire->connect(*addresses); !done) {
    return failed(done.error(), "connect: " + place + ": ");
  }
  if (tls == nullptr) return wire;
  if (route.proxy != nullptr) {
    if (const auto done = tunnel(*wire, url, *route.proxy); !done) {
      return failed(done.error(), "connect: " + place + " for " + place_of(url) + ": ");
    }
  }
  if (const auto done = wire->handshake(tls, url.host); !done) {
    return failed(done.error(), "TLS: " + place_of(url) + ": ");
  }
  return wire;
}

HttpClient::HttpClient(ClientOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
HttpClient::~HttpClient() = default;

core::Result<Response> HttpClient::send(const Url& base, const Request& request,
                                        Clock::time_point deadline) {
  if (auto fine = check(base, request); !fine) return std::unexpected(std::move(fine).error());
  if (!impl_->proxy) return std::unexpected(impl_->proxy.error());
  if (Clock::now() >= deadline) {
    return core::fail(Fault::cancelled, "no time left for a request to " + place_of(base));
  }
  Route route{.key = base.scheme + " " + place_of(base), .tls = base.scheme == "https"};
  if (*impl_->proxy && !bypasses_proxy(impl_->options.no_proxy, base.host)) {
    route.proxy = &**impl_->proxy;
  }
  const std::string head = format_head(base, request, route.tls ? nullptr : route.proxy);
  Connection wire;
  // Those that died in the pool are passed over without a word.
  while ((wire = impl_->take_idle(route.key)) && !wire->alive()) {
  }
  for (bool reused = wire != nullptr;; reused = false) {
    if (!reused) {
      auto opened = impl_->open(base, route, deadline);
      if (!opened) return std::unexpected(std::move(opened).error());
      wire = *std::move(opened);
    }
    wire->deadline(deadline);
    auto result =
        exchange(*wire, head, request.body, request.method == "HEAD", impl_->options.answer_bytes);
    if (!result.error) {
      if (result.reusable) impl_->keep(route.key, std::move(wire));
      return std::move(result.response);
    }
    const std::string where = std::string(result.step) + ": " + place_of(base) + ": ";
    if (result.error == boost::system::errc::timed_out && Clock::now() >= deadline) {
      return core::fail(Fault::cancelled, where + "not done in time");
    }
    if (result.error == boost::beast::http::error::body_limit) {
      return core::fail(Fault::transient, where + "the answer is longer than " +
                                              std::to_string(impl_->options.answer_bytes) +
                                              " bytes");
    }
    if (!reused || result.any_answer) {
      return core::fail(Fault::transient, where + result.error.message());
    }
  }
}

}  // namespace jitney::net
