// SPDX-License-Identifier: Apache-2.0
#include "apps/host/aws_ledger.hpp"

#include "apps/host/aws_client.hpp"

namespace jitney::app {

aws::DynamoLedgerOptions dynamo_options(const Config& config) {
  aws::DynamoLedgerOptions options;
  options.deployment = config.deployment.name;
  options.retention = config.deployment.retention;
  return options;
}

aws::SqsQueueOptions sqs_options(const Config& config) {
  aws::SqsQueueOptions options;
  options.queue_url = config.aws.queue_url;
  options.stop_queue_url = config.aws.stop_queue_url;
  options.dead_letter_queue_url = config.aws.dead_letter_queue_url;
  return options;
}

AwsLedger open_aws_ledger(const Config& config, core::Clock& clock) {
  AwsLedger opened;
  opened.client = aws_client(config);
  opened.ledger =
      std::make_unique<aws::DynamoLedger>(*opened.client, config.aws.table, dynamo_options(config));
  opened.queue =
      std::make_unique<aws::SqsQueue>(*opened.client, config.aws.table, sqs_options(config), clock);
  return opened;
}

}  // namespace jitney::app
