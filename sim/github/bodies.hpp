// SPDX-License-Identifier: Apache-2.0
// GitHub's JSON: every property that its OpenAPI description requires, and those that people use.
// Pure functions; thread-safe.
#pragma once

#include <boost/json.hpp>
#include <string>
#include <vector>

#include "sim/github/accounts.hpp"
#include "sim/github/deliveries.hpp"
#include "sim/github/world.hpp"

namespace jitney::sim {

namespace json = boost::json;

std::string rfc3339(Time time);
json::value time_or_null(Time time);

// Renders bodies whose addresses begin with the simulation's own.
class Bodies {
 public:
  Bodies(const World& world, const Accounts& accounts, std::string base)
      : world_(world), accounts_(accounts), base_(std::move(base)) {}

  [[nodiscard]] json::object owner(const std::string& login) const;  // simple-user
  [[nodiscard]] json::object organization(const Organization& organization) const;
  [[nodiscard]] json::object repository(const Repository& repository) const;
  [[nodiscard]] json::object full_repository(const Repository& repository) const;
  [[nodiscard]] json::object run(const Run& run) const;
  [[nodiscard]] json::object job(const Job& job, bool in_webhook) const;
  [[nodiscard]] json::object runner(const Runner& runner) const;
  [[nodiscard]] json::object group(const std::string& organization, const Group& group) const;
  [[nodiscard]] json::object app(const App& app) const;
  [[nodiscard]] json::object installation(const Installation& installation) const;
  [[nodiscard]] json::object hook(const Hook& hook) const;
  [[nodiscard]] json::object hook_config(const Hook& hook) const;
  [[nodiscard]] json::object delivery(const Delivery& delivery, bool whole) const;
  [[nodiscard]] json::object permissions() const;
  [[nodiscard]] std::string event_payload(const Event& event,
                                          const Installation* installation) const;
  [[nodiscard]] std::string ping_payload(const Hook& hook) const;
  [[nodiscard]] const std::string& base() const { return base_; }

 private:
  [[nodiscard]] std::string repository_url(const Repository& repository) const;
  [[nodiscard]] std::string hooks_url(const Hook& hook) const;

  const World& world_;
  const Accounts& accounts_;
  std::string base_;  // "http://127.0.0.1:1234"
};

}  // namespace jitney::sim
