// SPDX-License-Identifier: Apache-2.0
// The ledger and the queue of a deployment on AWS, as [aws] names them. The Lambda functions and
// the commands open them alike.
#pragma once

#include <memory>

#include "apps/config/config.hpp"
#include "aws/client.hpp"
#include "aws/dynamo_ledger.hpp"
#include "aws/sqs_queue.hpp"

namespace jitney::app {

aws::DynamoLedgerOptions dynamo_options(const Config& config);
aws::SqsQueueOptions sqs_options(const Config& config);

// Both, with a client of their own. Thread-safe as they are.
struct AwsLedger {
  std::unique_ptr<aws::Client> client;
  std::unique_ptr<aws::DynamoLedger> ledger;
  std::unique_ptr<aws::SqsQueue> queue;
};
// Nothing is called yet. `clock` outlives it.
AwsLedger open_aws_ledger(const Config& config, core::Clock& clock);

}  // namespace jitney::app
