// SPDX-License-Identifier: Apache-2.0
// [aws]: what Terraform put up and this deployment uses.
#include <algorithm>
#include <cstdlib>

#include "apps/config/config_reader.hpp"
#include "apps/config/config_text.hpp"
#include "net/http_client.hpp"

namespace jitney::app {

namespace {

// A claim is one DynamoDB transaction: at most 100 actions, one a runner and three beside.
constexpr int kLargestBatch = 97;

bool is_word(std::string_view text, std::string_view signs, std::size_t least, std::size_t most) {
  return text.size() >= least && text.size() <= most && std::ranges::all_of(text, [&](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  signs.find(c) != std::string_view::npos;
         });
}

void read_name(Section& section, std::string_view key, std::string& into, std::string_view signs,
               std::size_t least, std::size_t most, const std::string& write) {
  std::string name;
  section.read(key, name);
  if (name.empty()) return;
  if (is_word(name, signs, least, most)) {
    into = std::move(name);
  } else {
    section.wrong(key, "is " + quoted(name) + "; write " + write);
  }
}

// Requests are signed, but bodies are not hidden: only a machine's own emulator is called over
// http.
void read_url(Section& section, std::string_view key, std::string& into, const std::string& write) {
  std::string text;
  section.read(key, text);
  if (text.empty()) return;
  const auto url = net::parse_url(text);
  const bool plain =
      url && text.find('@') == std::string::npos && text.find('?') == std::string::npos;
  if (!plain) {
    section.wrong(key, "is no web address; write " + write);
  } else if (url->scheme != "https" && !is_loopback(url->host)) {
    section.wrong(key, "is reached over http, in clear; write " + write);
  } else {
    while (text.ends_with('/')) text.pop_back();
    into = std::move(text);
  }
}

std::string default_region() {
  for (const char* name : {"AWS_REGION", "AWS_DEFAULT_REGION"}) {
    const char* region = std::getenv(name);
    if (region != nullptr && is_word(region, "-", 1, 40)) return region;
  }
  return "";
}

void require(Section& section, std::string_view key, const std::string& value,
             const std::string& write) {
  if (value.empty() && !section.has(key)) section.missing(key, write);
}

}  // namespace

void read_aws(Section& root, Config& config) {
  std::size_t ledger = 0;
  root.read_word("ledger", ledger, {"sqlite", "dynamodb"});
  config.ledger = ledger == 0 ? LedgerKind::sqlite : LedgerKind::dynamodb;

  Section section = root.table("aws");
  AwsConfig& into = config.aws;
  into.region = default_region();
  into.table = config.deployment.name + "-ledger";
  const std::string queue = "https://sqs.REGION.amazonaws.com/ACCOUNT/NAME";
  read_name(section, "region", into.region, "-", 1, 40, "a region like \"eu-west-1\"");
  read_name(section, "table", into.table, "-_.", 3, 255,
            "a DynamoDB table's name: 3 to 255 of a-z, A-Z, 0-9, -, _ and .");
  read_url(section, "queue_url", into.queue_url, queue);
  read_url(section, "stop_queue_url", into.stop_queue_url, queue);
  read_url(section, "dead_letter_queue_url", into.dead_letter_queue_url, queue);
  read_name(section, "bucket", into.bucket, "-.", 3, 63,
            "an S3 bucket's name: 3 to 63 of a-z, 0-9, - and .");
  read_url(section, "endpoint_url", into.endpoint_url, "one like \"http://127.0.0.1:5000\"");

  if (into.stop_queue_url.empty()) into.stop_queue_url = into.queue_url;
  if (config.ledger == LedgerKind::dynamodb) {
    require(section, "region", into.region, "region = \"eu-west-1\", or set AWS_REGION");
    require(section, "queue_url", into.queue_url, "queue_url = \"" + queue + "\"");
    require(section, "dead_letter_queue_url", into.dead_letter_queue_url,
            "dead_letter_queue_url = \"" + queue + "-dead\"");
    if (config.deployment.batch_size > kLargestBatch) {
      root.wrong("ledger", "\"dynamodb\" claims at most " + std::to_string(kLargestBatch) +
                               " runners at once; write a smaller batch_size in [launch]");
    }
  }
  section.finish();
}

}  // namespace jitney::app
