// SPDX-License-Identifier: Apache-2.0
#include "apps/doctor/doctor.hpp"

#include <exception>
#include <future>
#include <utility>

namespace jitney::app {

std::vector<Look> looks_of(const Config& config, const LoadSecret& load, core::Clock& clock) {
  std::vector<Look> looks;
  for (const GithubScope& scope : config.github) {
    looks.push_back({"GitHub " + scope.name, [&config, &scope, load, &clock] {
                       return look_at_github(config, scope, load, clock);
                     }});
  }
  // A ledger on AWS is kept by its functions: this machine is then any machine.
  if (config.ledger == LedgerKind::sqlite) {
    looks.push_back({"this machine", [&config] { return look_at_this_machine(config); }});
  }
  if (config.ledger == LedgerKind::dynamodb || config.fleet == FleetKind::ec2) {
    looks.push_back({"AWS", [&config, &clock] { return look_at_aws(config, clock); }});
  }
  return looks;
}

void examine(const std::vector<Look>& looks, const std::function<void(const std::string&)>& waiting,
             const std::function<void(const Area&)>& tell) {
  std::vector<std::future<std::vector<Area>>> begun;
  begun.reserve(looks.size());
  for (const Look& look : looks) begun.push_back(std::async(std::launch::async, look.look));
  for (std::size_t i = 0; i < looks.size(); ++i) {
    waiting(looks[i].title);
    try {
      for (const Area& area : begun[i].get()) tell(area);
    } catch (const std::exception& bug) {
      tell({looks[i].title,
            {failed("doctor", std::string("this is a bug: ") + bug.what(), "please report it")}});
    }
  }
}

}  // namespace jitney::app
