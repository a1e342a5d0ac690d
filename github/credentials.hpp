// SPDX-License-Identifier: Apache-2.0
// Who we are to GitHub: a personal access token, or an App's installation whose tokens last an
// hour. Thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <variant>

#include "core/clock.hpp"
#include "core/secret.hpp"
#include "github/endpoint.hpp"
#include "github/rest.hpp"

namespace jitney::github {

struct TokenKey {
  core::Secret token;
};
struct AppKey {
  std::string issuer;                // the App's client id (or its numeric id)
  std::int64_t installation_id = 0;  // 0: looked up
  core::Secret private_key;          // PEM, RSA
};
using Key = std::variant<TokenKey, AppKey>;

class Credentials {
 public:
  virtual ~Credentials() = default;

  // The value of the Authorization header for calls of Lane::core and Lane::registration.
  virtual core::Result<core::Secret> authorization() = 0;
  // GitHub answered 401 to `used`. True: the next authorization() is another one, try once more.
  virtual bool rejected(const core::Secret& used) = 0;

  // For calls as the App itself; nullopt for those who are none.
  virtual std::optional<core::Result<core::Secret>> app_authorization() = 0;
  // As far as it is known: 0 otherwise.
  virtual std::int64_t installation() = 0;
};

// Whether GitHub could be called with it at all; calls nobody. `invalid`: an empty token or one
// with white space in it, or a key that is no RSA key. The text never quotes them.
core::Status check_key(const Key& key);

// `rest` and `clock` must outlive it. `invalid`: as of check_key.
core::Result<std::unique_ptr<Credentials>> make_credentials(Key key, const Endpoint& endpoint,
                                                            Rest& rest, core::Clock& clock);

class TokenCredentials final : public Credentials {
 public:
  explicit TokenCredentials(const core::Secret& token);
  core::Result<core::Secret> authorization() override { return value_; }
  bool rejected(const core::Secret&) override { return false; }
  std::optional<core::Result<core::Secret>> app_authorization() override { return std::nullopt; }
  std::int64_t installation() override { return 0; }

 private:
  const core::Secret value_;
};

class AppCredentials final : public Credentials {
 public:
  AppCredentials(AppKey key, const Endpoint& endpoint, Rest& rest, core::Clock& clock);
  core::Result<core::Secret> authorization() override;
  bool rejected(const core::Secret& used) override;
  std::optional<core::Result<core::Secret>> app_authorization() override { return bearer_jwt(); }
  std::int64_t installation() override;

 private:
  struct Token {
    core::Secret value;  // of the header
    core::Time expires{};
  };
  core::Result<core::Secret> bearer_jwt() const;
  core::Result<Token> fetch();
  core::Result<Token> fetch_for(std::int64_t installation);
  core::Result<std::int64_t> look_up();
  core::Result<core::Secret> settle(core::Result<Token> fetched);

  const AppKey key_;
  const std::string lookup_path_;
  const std::string lookup_route_;
  Rest& rest_;
  core::Clock& clock_;

  std::mutex mutex_;  // of all below; never held during a call
  std::condition_variable renewed_;
  bool renewing_ = false;
  std::uint64_t renewals_ = 0;
  std::optional<core::Error> failure_;  // of the last renewal
  std::optional<Token> token_;
  std::int64_t installation_ = 0;
};

}  // namespace jitney::github
