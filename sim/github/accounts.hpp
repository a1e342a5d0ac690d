// SPDX-License-Identifier: Apache-2.0
// Who may call: personal access tokens, Apps with their JWTs, installations and their tokens, and
// how many calls each has left. Pure: every call takes `now`. One thread.
#pragma once

#include <cstdint>
#include <deque>
#include <expected>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/secret.hpp"
#include "core/time.hpp"

namespace jitney::sim {

struct App {
  std::int64_t id = 0;
  std::string slug = "jitney-sim";
  std::string client_id;   // also accepted as `iss`
  std::string public_pem;  // of the key that signs its JWTs
  std::string owner;       // organisation that owns the App
};

struct Installation {
  std::int64_t id = 0;
  std::int64_t app_id = 0;
  std::string account;                 // organisation
  std::set<std::string> repositories;  // full names; empty: all
};

struct PersonalToken {
  std::string token;
  std::set<std::string> owners;  // organisations, users and enterprises; empty: all
};

struct Identity {
  enum class Kind { app, installation, personal };
  Kind kind = Kind::personal;
  std::int64_t id = 0;  // of the App or installation
  std::string key;      // names the rate limit bucket
};

struct AuthFailure {
  int status = 401;
  std::string message;
};

struct Budget {
  std::int64_t limit = 0;
  std::int64_t used = 0;
  core::Time resets_at{};
};

class Accounts {
 public:
  std::vector<App> apps;
  std::vector<Installation> installations;
  std::vector<PersonalToken> personal_tokens;
  std::int64_t rate_limit = 15'000;  // calls an hour for each identity
  core::Duration token_life{std::chrono::hours(1)};

  // `authorization` as in the header. An App's JWT is checked as GitHub does: RS256, `iss`, `iat`
  // not in the future, `exp` at most ten minutes ahead.
  std::expected<Identity, AuthFailure> authenticate(std::string_view authorization, core::Time now);

  // A new installation token, and when it expires.
  std::pair<std::string, core::Time> issue(const Installation& installation, core::Time now);
  void revoke_all();  // installation tokens end now

  [[nodiscard]] const App* app(std::int64_t id) const;
  [[nodiscard]] const Installation* installation(std::int64_t id) const;
  // May it see this organisation or enterprise, or this repository ("owner/name")?
  [[nodiscard]] bool sees_owner(const Identity& who, const std::string& owner) const;
  [[nodiscard]] bool sees_repository(const Identity& who, const std::string& full_name) const;

  // Counts one call. False: none were left.
  bool spend(const Identity& who, core::Time now);
  Budget budget(const Identity& who, core::Time now);

 private:
  struct Issued {
    std::int64_t installation = 0;
    core::Time expires_at{};
  };
  std::expected<Identity, AuthFailure> check_jwt(std::string_view jwt, core::Time now) const;

  std::map<std::string, Issued, std::less<>> issued_;
  std::map<std::string, Budget> budgets_;
};

}  // namespace jitney::sim
