// SPDX-License-Identifier: Apache-2.0
#include "github/session.hpp"

#include <algorithm>
#include <boost/json/array.hpp>

#include "github/job_body.hpp"
#include "net/json.hpp"

namespace jitney::github {
namespace {

namespace bj = boost::json;
using core::Fault;

// Which call it was, for a message; a query may be long and says little.
std::string name_of(const Call& call) {
  return call.method + " " +
         bounded(std::string_view(call.path).substr(0, call.path.find('?')), 300);
}

}  // namespace

Session::Session(RestOptions options, Endpoint endpoint, bool is_app, core::Clock& clock)
    : endpoint_(std::move(endpoint)), is_app_(is_app), rest_(std::move(options), clock) {}

core::Result<std::unique_ptr<Session>> Session::open(RestOptions options, Endpoint endpoint,
                                                     Key key, core::Clock& clock) {
  const bool is_app = std::holds_alternative<AppKey>(key);
  std::unique_ptr<Session> session(
      new Session(std::move(options), std::move(endpoint), is_app, clock));
  auto credentials = make_credentials(std::move(key), session->endpoint_, session->rest_, clock);
  if (!credentials) return std::unexpected(std::move(credentials.error()));
  session->credentials_ = *std::move(credentials);
  return session;
}

core::Result<net::Response> Session::call_as_app(const Call& call) {
  const auto jwt = credentials_->app_authorization();
  if (!jwt) return core::fail(Fault::invalid, name_of(call) + ": only a GitHub App may ask this");
  if (!*jwt) return std::unexpected(jwt->error());
  return rest_.send(call, **jwt);
}

core::Result<net::Response> Session::call(const Call& call) {
  if (call.lane == Lane::app) return call_as_app(call);
  const auto authorization = credentials_->authorization();
  if (!authorization) return std::unexpected(authorization.error());
  Call first = call;
  first.welcome.push_back(401);
  auto response = rest_.send(first, *authorization);
  if (!response || response->status != 401 ||
      std::ranges::find(call.welcome, 401) != call.welcome.end()) {
    return response;
  }
  if (!credentials_->rejected(*authorization)) {
    return std::unexpected(rest_.refused(call, *response));
  }
  const auto renewed = credentials_->authorization();
  if (!renewed) return std::unexpected(renewed.error());
  return rest_.send(call, *renewed);
}

core::Result<bj::value> Session::call_json(const Call& call) {
  const auto response = this->call(call);
  if (!response) return std::unexpected(response.error());
  auto body = net::parse_json(response->body);
  if (!body) return core::fail(Fault::transient, name_of(call) + ": " + body.error().what);
  return body;
}

core::Result<Pages> Session::pages(Call first, std::string_view key, int most,
                                   const std::function<bool(const bj::value&)>& each) {
  Call call = std::move(first);
  for (int page = 0; page < most; ++page) {
    const auto response = this->call(call);
    if (!response) return std::unexpected(response.error());
    const auto body = net::parse_json(response->body);
    if (!body) return core::fail(Fault::transient, name_of(call) + ": " + body.error().what);
    const bj::array* items = key.empty() ? body->if_array() : net::get_array(*body, key);
    if (items == nullptr) {
      return core::fail(Fault::transient, name_of(call) + ": the answer holds no list");
    }
    for (const bj::value& item : *items) {
      if (!each(item)) return Pages::all;
    }
    auto next = rest_.next_page(*response);
    if (!next) {
      next.error().what = name_of(call) + ": " + next.error().what;
      return std::unexpected(std::move(next.error()));
    }
    if (next->empty()) return Pages::all;
    call.path = *std::move(next);
  }
  return Pages::cut;
}

core::Status Session::all_pages(Call first, std::string_view key, int most,
                                const std::function<bool(const bj::value&)>& each) {
  const std::string name = name_of(first);
  const auto end = pages(std::move(first), key, most, each);
  if (!end) return std::unexpected(end.error());
  if (*end == Pages::all) return {};
  return core::fail(Fault::transient, name + ": more than " + std::to_string(most) +
                                          " pages of 100; the rest was not read");
}

}  // namespace jitney::github
