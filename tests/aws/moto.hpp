// SPDX-License-Identifier: Apache-2.0
// moto, the AWS emulator, as a child process: started once a test program, ended with it, whatever
// ends it. tests/aws/moto_server.py says what of it is not as installed.
//
// What moto cannot show: transactions that meet one another (it serves them one by one, and answers
// no TransactionConflict), client request tokens (a transaction sent twice happens twice), rows
// that become visible one by one, lagging indices, throttles, expiry by `ttl`,
// StartMessageMoveTask, and that an old receipt handle deletes nothing (moto deletes).
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>

#include "aws/client.hpp"
#include "core/time.hpp"

namespace jitney::tests {

class Moto {
 public:
  // Starts it when it is first asked for; throws std::runtime_error, with what to do, if it cannot.
  static Moto& shared();

  [[nodiscard]] const std::string& url() const { return url_; }
  [[nodiscard]] std::unique_ptr<aws::Client> client() const { return client_at(url_); }
  // The same at another address: a stub in front of it.
  static std::unique_ptr<aws::Client> client_at(const std::string& url, int max_tries = 4);

  // What SQS believes the time is. Any thread.
  void set_clock(core::Time now);
  // A name that no test had before.
  static std::string fresh_name(const std::string& what);

  ~Moto();
  Moto(const Moto&) = delete;
  Moto& operator=(const Moto&) = delete;

 private:
  Moto();
  pid_t pid_ = -1;
  int input_ = -1;  // it ends when this is closed
  std::string url_;
};

}  // namespace jitney::tests
