// SPDX-License-Identifier: Apache-2.0
#include "net/resolver.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

#include <array>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>

namespace jitney::net {
namespace {

using core::Fault;
using Addresses = core::Result<std::vector<Address>>;

Addresses look_up(const std::string& host, const std::string& port, int flags) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | flags;
  addrinfo* found = nullptr;
  if (const int error = getaddrinfo(host.c_str(), port.c_str(), &hints, &found); error != 0) {
    return core::fail(Fault::transient,
                      "resolve: no address for " + host + ": " + gai_strerror(error));
  }
  std::vector<Address> out;
  for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
    Address address;
    std::memcpy(&address.storage, entry->ai_addr, entry->ai_addrlen);
    address.length = entry->ai_addrlen;
    out.push_back(address);
  }
  freeaddrinfo(found);
  return out;
}

}  // namespace

std::string to_string(const Address& address) {
  std::array<char, NI_MAXHOST> text{};
  if (getnameinfo(reinterpret_cast<const sockaddr*>(&address.storage), address.length, text.data(),
                  static_cast<socklen_t>(text.size()), nullptr, 0, NI_NUMERICHOST) != 0) {
    return "unknown address";
  }
  return text.data();
}

struct Resolver::Impl {
  // One lookup serves all who wait for the same name, so that a dead name server cannot pile them
  // up.
  struct Lookup {
    std::string host;
    std::string port;
    std::optional<Addresses> answer;
  };

  std::mutex mutex;
  std::condition_variable_any changed;
  std::map<std::string, std::shared_ptr<Lookup>> under_way;
  std::deque<std::shared_ptr<Lookup>> waiting;
  std::jthread thread;  // started by the first name; last: it dies first

  void run(const std::stop_token& stop) {
    std::unique_lock lock(mutex);
    while (changed.wait(lock, stop, [this] { return !waiting.empty(); })) {
      const auto lookup = std::move(waiting.front());
      waiting.pop_front();
      lock.unlock();
      auto answer = look_up(lookup->host, lookup->port, AI_ADDRCONFIG);
      lock.lock();
      lookup->answer = std::move(answer);
      under_way.erase(lookup->host + " " + lookup->port);
      changed.notify_all();
      if (stop.stop_requested()) return;
    }
  }
};

Resolver::Resolver() : impl_(std::make_unique<Impl>()) {}
Resolver::~Resolver() = default;

Addresses Resolver::resolve(const std::string& host, std::uint16_t port,
                            std::chrono::steady_clock::time_point deadline) {
  const std::string service = std::to_string(port);
  if (auto numeric = look_up(host, service, AI_NUMERICHOST)) return numeric;
  std::unique_lock lock(impl_->mutex);
  auto& slot = impl_->under_way[host + " " + service];
  if (!slot) {
    slot = std::make_shared<Impl::Lookup>(Impl::Lookup{host, service, std::nullopt});
    impl_->waiting.push_back(slot);
  }
  const auto lookup = slot;
  if (!impl_->thread.joinable()) {
    impl_->thread =
        std::jthread([impl = impl_.get()](const std::stop_token& stop) { impl->run(stop); });
  }
  impl_->changed.notify_all();
  if (!impl_->changed.wait_until(lock, deadline, [&] { return lookup->answer.has_value(); })) {
    return core::fail(Fault::cancelled, "resolve: no answer about " + host + " in time");
  }
  return *lookup->answer;
}

}  // namespace jitney::net
