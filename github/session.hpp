// SPDX-License-Identifier: Apache-2.0
// One scope's calls: with its credentials, renewed once when GitHub rejects them, and page by page.
// Thread-safe.
#pragma once

#include <boost/json/value.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "github/credentials.hpp"
#include "github/endpoint.hpp"
#include "github/rest.hpp"

namespace jitney::github {

enum class Pages { all, cut };

class Session {
 public:
  // `clock` must outlive it. `invalid`: the key is none.
  static core::Result<std::unique_ptr<Session>> open(RestOptions options, Endpoint endpoint,
                                                     Key key, core::Clock& clock);

  // Calls of Lane::app go out as the App: `invalid` without one.
  core::Result<net::Response> call(const Call& call);

  // The answer's JSON. `transient` when it is none: GitHub's front ends do that in bad hours.
  core::Result<boost::json::value> call_json(const Call& call);

  // Every element of the array under `key` ("": the answer is the array itself) of at most `most`
  // pages, until `each` says false, which counts as all. The next page is asked for only where
  // GitHub says there is one.
  core::Result<Pages> pages(Call first, std::string_view key, int most,
                            const std::function<bool(const boost::json::value&)>& each);
  // The same, and an error where there are more pages than `most`.
  core::Status all_pages(Call first, std::string_view key, int most,
                         const std::function<bool(const boost::json::value&)>& each);

  [[nodiscard]] const Endpoint& endpoint() const { return endpoint_; }
  [[nodiscard]] bool is_app() const { return is_app_; }
  Rest& rest() { return rest_; }
  Credentials& credentials() { return *credentials_; }

 private:
  Session(RestOptions options, Endpoint endpoint, bool is_app, core::Clock& clock);
  core::Result<net::Response> call_as_app(const Call& call);

  const Endpoint endpoint_;
  const bool is_app_;
  Rest rest_;
  std::unique_ptr<Credentials> credentials_;
};

}  // namespace jitney::github
