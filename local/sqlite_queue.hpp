// SPDX-License-Identifier: Apache-2.0
// core::Queue in the ledger's SQLite file. Thread-safe.
#pragma once

#include "core/queue.hpp"
#include "local/database.hpp"

namespace jitney::local {

class SqliteQueue final : public core::Queue {
 public:
  // `database` outlives this.
  explicit SqliteQueue(Database& database) : database_(database) {}

  core::Status push(const core::Message& message, core::Duration delay, core::Time now) override;
  core::Result<std::vector<core::Delivery>> take(int max, core::Duration lease,
                                                 core::Time now) override;
  core::Status done(const core::Delivery& delivery) override;
  core::Status retry(const core::Delivery& delivery, core::Duration after, core::Time now) override;
  core::Status bury(const core::Message& message, const std::string& cause,
                    core::Time now) override;
  core::Result<std::vector<core::DeadLetter>> dead_letters(std::size_t limit) override;
  core::Status forget(core::MessageKind kind, const std::string& key) override;
  core::Result<std::size_t> depth() override;

 private:
  Database& database_;
};

}  // namespace jitney::local
