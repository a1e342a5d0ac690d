// SPDX-License-Identifier: Apache-2.0
#include "github/credentials.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "net/crypto.hpp"
#include "net/json.hpp"
#include "net/rfc3339.hpp"

namespace jitney::github {
namespace {

using core::Fault;
using std::chrono::seconds;

constexpr seconds kBackdated{60};                      // GitHub's clock may be behind ours
constexpr seconds kJwtLife = std::chrono::minutes(9);  // GitHub allows ten
constexpr core::Duration kRenewEarly = std::chrono::minutes(5);
constexpr core::Duration kTokenLife = std::chrono::hours(1);  // when GitHub does not say
constexpr seconds kRenewalTime{30};  // longer than any renewal: three calls of ten seconds

core::Secret bearer(std::string_view token) { return core::Secret("Bearer " + std::string(token)); }

std::int64_t seconds_of(core::Time time) {
  return std::chrono::floor<seconds>(time).time_since_epoch().count();
}

std::string lookup_route(ScopeKind kind) {
  switch (kind) {
    case ScopeKind::repository:
      return "/repos/{owner}/{repo}/installation";
    case ScopeKind::organization:
      return "/orgs/{org}/installation";
    case ScopeKind::enterprise:
      return "/enterprises/{enterprise}/installation";
  }
  return {};
}

}  // namespace

core::Status check_key(const Key& key) {
  if (const auto* token = std::get_if<TokenKey>(&key)) {
    const std::string_view text = token->token.reveal();
    // A line break would end the header: it is what a careless `echo >file` leaves.
    if (text.empty() || text.find_first_of("\r\n \t") != std::string_view::npos) {
      return core::fail(Fault::invalid, "the GitHub token is empty, or has white space in it");
    }
    return {};
  }
  const auto& app = std::get<AppKey>(key);
  if (app.issuer.empty()) return core::fail(Fault::invalid, "the GitHub App has no client id");
  if (const auto signature = net::rs256(app.private_key, "trial"); !signature) {
    return core::fail(Fault::invalid, "the private key of GitHub App " + app.issuer + ": " +
                                          signature.error().what);
  }
  return {};
}

core::Result<std::unique_ptr<Credentials>> make_credentials(Key key, const Endpoint& endpoint,
                                                            Rest& rest, core::Clock& clock) {
  if (const auto fits = check_key(key); !fits) return std::unexpected(fits.error());
  if (const auto* token = std::get_if<TokenKey>(&key)) {
    return std::make_unique<TokenCredentials>(token->token);
  }
  return std::make_unique<AppCredentials>(std::move(std::get<AppKey>(key)), endpoint, rest, clock);
}

TokenCredentials::TokenCredentials(const core::Secret& token) : value_(bearer(token.reveal())) {}

AppCredentials::AppCredentials(AppKey key, const Endpoint& endpoint, Rest& rest, core::Clock& clock)
    : key_(std::move(key)),
      lookup_path_(endpoint.scope_path() + "/installation"),
      lookup_route_(lookup_route(endpoint.kind)),
      rest_(rest),
      clock_(clock),
      installation_(key_.installation_id) {}

core::Result<core::Secret> AppCredentials::bearer_jwt() const {
  const std::int64_t issued = seconds_of(clock_.now() - kBackdated);
  // `jti`: two tokens of the same second would be the same bytes, and GitHub has refused those.
  const boost::json::object claims{{"iat", issued},
                                   {"exp", issued + kJwtLife.count()},
                                   {"iss", key_.issuer},
                                   {"jti", net::hex(net::random_bytes(16))}};
  std::string text = net::base64url(R"({"alg":"RS256","typ":"JWT"})") + "." +
                     net::base64url(boost::json::serialize(claims));
  const auto signature = net::rs256(key_.private_key, text);
  if (!signature) return std::unexpected(signature.error());
  return bearer(text + "." + net::base64url(*signature));
}

core::Result<std::int64_t> AppCredentials::look_up() {
  const auto jwt = bearer_jwt();
  if (!jwt) return std::unexpected(jwt.error());
  const auto answer =
      rest_.send({.route = lookup_route_, .path = lookup_path_, .lane = Lane::app}, *jwt);
  if (!answer) {
    core::Error error = answer.error();
    if (error.fault == Fault::not_found) {
      // Not "the thing is gone" for the caller, who asked for something else.
      error.fault = Fault::unauthorized;
      error.what = "GitHub App " + key_.issuer + " is not installed there: " + error.what;
    }
    return std::unexpected(std::move(error));
  }
  const auto body = net::parse_json(answer->body);
  const auto id = body ? net::get_int(*body, "id") : std::nullopt;
  if (!id || *id <= 0) {
    return core::fail(Fault::transient, "GET " + lookup_path_ + ": the answer has no \"id\"");
  }
  return *id;
}

core::Result<AppCredentials::Token> AppCredentials::fetch_for(std::int64_t installation) {
  const auto jwt = bearer_jwt();
  if (!jwt) return std::unexpected(jwt.error());
  const std::string path = "/app/installations/" + std::to_string(installation) + "/access_tokens";
  const auto answer = rest_.send({.method = "POST",
                                  .route = "/app/installations/{installation_id}/access_tokens",
                                  .path = path,
                                  .lane = Lane::app},
                                 *jwt);
  if (!answer) return std::unexpected(answer.error());
  const auto body = net::parse_json(answer->body);
  const auto token = body ? net::get_string(*body, "token") : std::nullopt;
  if (!token || token->empty()) {
    return core::fail(Fault::transient, "POST " + path + ": the answer has no \"token\"");
  }
  const auto expires = net::parse_rfc3339(net::get_string_or(*body, "expires_at", ""));
  return Token{bearer(*token), expires.value_or(clock_.now() + kTokenLife)};
}

core::Result<AppCredentials::Token> AppCredentials::fetch() {
  std::int64_t known = installation();
  const bool had_one = known != 0;
  if (!had_one) {
    const auto found = look_up();
    if (!found) return std::unexpected(found.error());
    known = *found;
  }
  auto token = fetch_for(known);
  if (!token && token.error().fault == Fault::not_found && had_one) {
    // The App was removed and installed again: it has another id now.
    const auto found = look_up();
    if (!found) return std::unexpected(found.error());
    if (*found != known) token = fetch_for(known = *found);
  }
  if (!token) {
    if (token.error().fault == Fault::not_found) token.error().fault = Fault::unauthorized;
    return token;
  }
  const std::lock_guard lock(mutex_);
  installation_ = known;
  return token;
}

// Ends a renewal: everyone who waited learns how it went.
core::Result<core::Secret> AppCredentials::settle(core::Result<Token> fetched) {
  const std::lock_guard lock(mutex_);
  renewing_ = false;
  ++renewals_;
  renewed_.notify_all();
  if (fetched) {
    failure_.reset();
    token_ = *std::move(fetched);
    return token_->value;
  }
  // Renewed early, so that a passing failure costs nothing.
  if (token_ && clock_.now() < token_->expires) {
    failure_.reset();
    return token_->value;
  }
  failure_ = std::move(fetched.error());
  return std::unexpected(*failure_);
}

core::Result<core::Secret> AppCredentials::authorization() {
  {
    std::unique_lock lock(mutex_);
    const auto fresh = [&] { return token_ && clock_.now() < token_->expires - kRenewEarly; };
    if (fresh()) return token_->value;
    if (renewing_) {
      if (token_ && clock_.now() < token_->expires) return token_->value;
      const std::uint64_t seen = renewals_;
      if (!renewed_.wait_for(lock, kRenewalTime, [&] { return renewals_ != seen; })) {
        return core::fail(Fault::transient, "an installation token of GitHub App " + key_.issuer +
                                                " is being renewed, for more than " +
                                                core::describe(core::Duration(kRenewalTime)));
      }
      if (token_) return token_->value;
      if (failure_) return std::unexpected(*failure_);
      return core::fail(Fault::transient,
                        "an installation token was rejected while it was renewed");
    }
    renewing_ = true;
  }
  return settle(fetch());
}

bool AppCredentials::rejected(const core::Secret& used) {
  const std::lock_guard lock(mutex_);
  // Somebody else may have renewed it already.
  if (token_ && net::equal_in_constant_time(token_->value.reveal(), used.reveal())) token_.reset();
  return true;
}

std::int64_t AppCredentials::installation() {
  const std::lock_guard lock(mutex_);
  return installation_;
}

}  // namespace jitney::github
