// SPDX-License-Identifier: Apache-2.0
// The first source that has credentials; what it gave is kept and renewed. Thread-safe.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "aws/credentials_sources.hpp"

namespace jitney::aws {

class CredentialsChain final : public CredentialsProvider {
 public:
  using Now = std::function<core::Time()>;

  explicit CredentialsChain(std::vector<std::unique_ptr<CredentialsSource>> sources,
                            Now now = nullptr);  // the system's clock

  // Renewed from five minutes before the expiry on, by whoever comes first; others get the old ones
  // as long as they are good, and wait otherwise. A renewal that fails early is tried again after
  // half a minute.
  core::Result<Credentials> get() override;
  void expired(std::string_view access_key_id) override;

 private:
  core::Result<Credentials> fetch();
  core::Result<Credentials> settle(core::Result<Credentials> fetched);
  [[nodiscard]] bool good_for(core::Duration ahead) const;

  const std::vector<std::unique_ptr<CredentialsSource>> sources_;  // used by the renewer only
  const Now now_;

  std::mutex mutex_;  // of all below; never held during a fetch
  std::condition_variable renewed_;
  bool renewing_ = false;
  std::uint64_t renewals_ = 0;
  core::Time not_before_{};  // of the next early renewal
  std::optional<Credentials> kept_;
  std::optional<core::Error> failure_;  // of the last renewal
};

// Environment, web identity, shared profile, container, instance: the order of AWS's own tools.
// `http` is for STS and the container endpoint. `region` chooses the STS endpoint.
std::shared_ptr<CredentialsProvider> default_credentials(
    const Environment& environment, const std::string& region,
    const std::map<std::string, std::string>& endpoints, const net::ClientOptions& http);

// One pair that never changes: tests, emulators.
std::shared_ptr<CredentialsProvider> fixed_credentials(Credentials credentials);

}  // namespace jitney::aws
