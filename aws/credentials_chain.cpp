// SPDX-License-Identifier: Apache-2.0
#include "aws/credentials_chain.hpp"

#include <utility>

#include "aws/service.hpp"

namespace jitney::aws {
namespace {

using core::Duration;
using core::Fault;

constexpr Duration kRenewEarly = std::chrono::minutes(5);
constexpr Duration kAfterFailure = std::chrono::seconds(30);
// Longer than any source takes; after it the waiting call gives up, the renewal goes on.
constexpr auto kLongestWait = std::chrono::seconds(15);

core::Time system_now() { return std::chrono::floor<Duration>(std::chrono::system_clock::now()); }

class FixedCredentials final : public CredentialsProvider {
 public:
  explicit FixedCredentials(Credentials credentials) : credentials_(std::move(credentials)) {}
  core::Result<Credentials> get() override { return credentials_; }

 private:
  const Credentials credentials_;
};

}  // namespace

CredentialsChain::CredentialsChain(std::vector<std::unique_ptr<CredentialsSource>> sources, Now now)
    : sources_(std::move(sources)), now_(now ? std::move(now) : Now(system_now)) {}

bool CredentialsChain::good_for(Duration ahead) const {
  return kept_ && (!kept_->expires || now_() + ahead < *kept_->expires);
}

core::Result<Credentials> CredentialsChain::fetch() {
  std::string asked;
  for (const auto& source : sources_) {
    auto found = source->fetch();
    if (!found) return std::unexpected(std::move(found).error());
    if (*found) return **std::move(found);
    asked += (asked.empty() ? "" : ", ") + source->name();
  }
  return core::fail(Fault::unauthorized, "no AWS credentials were found in: " + asked);
}

// Ends a renewal: everyone who waited learns how it went.
core::Result<Credentials> CredentialsChain::settle(core::Result<Credentials> fetched) {
  const std::lock_guard lock(mutex_);
  renewing_ = false;
  ++renewals_;
  renewed_.notify_all();
  failure_.reset();
  if (fetched) {
    kept_ = *fetched;
    // Some sources hand out the old ones until shortly before they expire.
    not_before_ = good_for(kRenewEarly) ? core::Time{} : now_() + kAfterFailure;
    return fetched;
  }
  if (good_for(Duration::zero())) {
    not_before_ = now_() + kAfterFailure;
    return *kept_;
  }
  failure_ = fetched.error();
  return fetched;
}

core::Result<Credentials> CredentialsChain::get() {
  {
    std::unique_lock lock(mutex_);
    const bool usable = good_for(Duration::zero());
    if (usable && (good_for(kRenewEarly) || renewing_ || now_() < not_before_)) return *kept_;
    if (renewing_) {
      const std::uint64_t seen = renewals_;
      if (!renewed_.wait_for(lock, kLongestWait, [&] { return renewals_ != seen; })) {
        return core::fail(Fault::transient, "AWS credentials are being renewed, for too long");
      }
      if (failure_) return std::unexpected(*failure_);
      if (kept_) return *kept_;
      return core::fail(Fault::transient, "AWS credentials expired while they were renewed");
    }
    renewing_ = true;
  }
  return settle(fetch());
}

void CredentialsChain::expired(std::string_view access_key_id) {
  const std::lock_guard lock(mutex_);
  // Somebody else may have renewed them already.
  if (kept_ && kept_->access_key_id == access_key_id) kept_.reset();
}

std::shared_ptr<CredentialsProvider> default_credentials(
    const Environment& environment, const std::string& region,
    const std::map<std::string, std::string>& endpoints, const net::ClientOptions& http) {
  std::vector<std::unique_ptr<CredentialsSource>> sources;
  sources.push_back(environment_source(environment));
  if (const auto sts = endpoint_of(Service::sts, region, endpoints)) {
    sources.push_back(web_identity_source(environment, sts->url, http));
  }
  sources.push_back(profile_source(environment));
  sources.push_back(container_source(environment, http));
  sources.push_back(instance_source(environment));
  return std::make_shared<CredentialsChain>(std::move(sources));
}

std::shared_ptr<CredentialsProvider> fixed_credentials(Credentials credentials) {
  return std::make_shared<FixedCredentials>(std::move(credentials));
}

}  // namespace jitney::aws
