// SPDX-License-Identifier: Apache-2.0
#include "sim/github/accounts.hpp"

#include <algorithm>
#include <boost/json.hpp>

#include "net/crypto.hpp"
#include "sim/github/rsa.hpp"
#include "sim/github/world.hpp"

namespace jitney::sim {
namespace {

namespace json = boost::json;

std::optional<std::string> unbase64url(std::string_view text) {
  std::string plain(text);
  std::ranges::replace(plain, '-', '+');
  std::ranges::replace(plain, '_', '/');
  plain.append((4 - plain.size() % 4) % 4, '=');
  return net::unbase64(plain);
}

json::object object_of(std::string_view part) {
  const std::optional<std::string> text = unbase64url(part);
  if (!text) return {};
  boost::system::error_code error;
  json::value value = json::parse(*text, error);
  return error || !value.is_object() ? json::object() : std::move(value.as_object());
}

std::optional<std::int64_t> number(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr || !value->is_int64()) return std::nullopt;
  return value->get_int64();
}

std::string text(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr) return {};
  if (value->is_string()) return std::string(value->get_string());
  return value->is_int64() ? std::to_string(value->get_int64()) : std::string();
}

std::unexpected<AuthFailure> refuse(std::string message, int status = 401) {
  return std::unexpected(AuthFailure{.status = status, .message = std::move(message)});
}

bool holds(const std::set<std::string>& names, const std::string& wanted) {
  return std::ranges::any_of(names,
                             [&](const std::string& name) { return same_name(name, wanted); });
}

}  // namespace

std::expected<Identity, AuthFailure> Accounts::check_jwt(std::string_view jwt,
                                                         core::Time now) const {
  const std::size_t first = jwt.find('.');
  const std::size_t last = jwt.rfind('.');
  const std::optional<std::string> signature = unbase64url(jwt.substr(last + 1));
  const json::object header = object_of(jwt.substr(0, first));
  const json::object claims = object_of(jwt.substr(first + 1, last - first - 1));
  if (text(header, "alg") != "RS256" || !signature || claims.empty()) {
    return refuse("A JSON web token could not be decoded");
  }
  const std::string issuer = text(claims, "iss");
  const auto at = std::ranges::find_if(apps, [&](const App& candidate) {
    return issuer == std::to_string(candidate.id) ||
           (!candidate.client_id.empty() && issuer == candidate.client_id);
  });
  if (at == apps.end()) return refuse("Integration not found", 404);
  if (!verify_rs256(at->public_pem, jwt.substr(0, last), *signature)) {
    return refuse("A JSON web token could not be decoded");
  }
  const auto seconds = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
  const std::optional<std::int64_t> issued_at = number(claims, "iat");
  const std::optional<std::int64_t> expires_at = number(claims, "exp");
  if (!issued_at || *issued_at > seconds) {
    return refuse(
        "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was "
        "issued");
  }
  if (!expires_at || *expires_at <= seconds) {
    return refuse(
        "'Expiration time' claim ('exp') must be a numeric value representing the future time at "
        "which the assertion expires");
  }
  if (*expires_at > seconds + 600) {
    return refuse("'Expiration time' claim ('exp') is too far in the future");
  }
  return Identity{
      .kind = Identity::Kind::app, .id = at->id, .key = "app:" + std::to_string(at->id)};
}

std::expected<Identity, AuthFailure> Accounts::authenticate(std::string_view authorization,
                                                            core::Time now) {
  if (authorization.empty()) return refuse("Requires authentication");
  const std::size_t space = authorization.find(' ');
  const std::string scheme = lower_case(authorization.substr(0, space));
  if (space == std::string_view::npos || (scheme != "bearer" && scheme != "token")) {
    return refuse("Bad credentials");
  }
  const std::string_view token = authorization.substr(space + 1);
  if (std::ranges::count(token, '.') == 2) return check_jwt(token, now);
  const auto issued = issued_.find(token);
  if (issued != issued_.end()) {
    if (issued->second.expires_at <= now) return refuse("Bad credentials");
    const std::int64_t id = issued->second.installation;
    return Identity{.kind = Identity::Kind::installation,
                    .id = id,
                    .key = "installation:" + std::to_string(id)};
  }
  for (std::size_t i = 0; i < personal_tokens.size(); ++i) {
    if (net::equal_in_constant_time(personal_tokens[i].token, token)) {
      return Identity{.kind = Identity::Kind::personal,
                      .id = static_cast<std::int64_t>(i),
                      .key = "token:" + std::to_string(i)};
    }
  }
  return refuse("Bad credentials");
}

std::pair<std::string, core::Time> Accounts::issue(const Installation& installation,
                                                   core::Time now) {
  std::erase_if(issued_, [&](const auto& entry) { return entry.second.expires_at <= now; });
  std::string token = "ghs_" + net::hex(net::random_bytes(18));
  const core::Time expires_at = now + token_life;
  issued_[token] = Issued{.installation = installation.id, .expires_at = expires_at};
  return {std::move(token), expires_at};
}

void Accounts::revoke_all() { issued_.clear(); }

const App* Accounts::app(std::int64_t id) const {
  const auto at = std::ranges::find(apps, id, &App::id);
  return at == apps.end() ? nullptr : &*at;
}

const Installation* Accounts::installation(std::int64_t id) const {
  const auto at = std::ranges::find(installations, id, &Installation::id);
  return at == installations.end() ? nullptr : &*at;
}

bool Accounts::sees_owner(const Identity& who, const std::string& owner) const {
  switch (who.kind) {
    case Identity::Kind::app:
      return false;
    case Identity::Kind::installation: {
      const Installation* its = installation(who.id);
      return its != nullptr && same_name(its->account, owner);
    }
    case Identity::Kind::personal: {
      const PersonalToken& its = personal_tokens.at(static_cast<std::size_t>(who.id));
      return its.owners.empty() || holds(its.owners, owner);
    }
  }
  return false;
}

bool Accounts::sees_repository(const Identity& who, const std::string& full_name) const {
  if (!sees_owner(who, full_name.substr(0, full_name.find('/')))) return false;
  if (who.kind != Identity::Kind::installation) return true;
  const Installation* its = installation(who.id);
  return its->repositories.empty() || holds(its->repositories, full_name);
}

Budget Accounts::budget(const Identity& who, core::Time now) {
  Budget& found = budgets_[who.key];
  if (found.resets_at <= now) {
    found.used = 0;
    found.resets_at = std::chrono::floor<std::chrono::seconds>(now) + std::chrono::hours(1);
  }
  found.limit = rate_limit;
  return found;
}

bool Accounts::spend(const Identity& who, core::Time now) {
  if (budget(who, now).used >= rate_limit) return false;
  ++budgets_[who.key].used;
  return true;
}

}  // namespace jitney::sim
