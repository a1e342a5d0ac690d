// SPDX-License-Identifier: Apache-2.0
// What jitney.toml says, checked and with defaults filled in. docs/configuration.md describes every
// key. Immutable after load_config; any thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/config/secrets.hpp"
#include "core/deployment.hpp"
#include "net/log.hpp"

namespace jitney::app {

struct Listen {
  std::string address;  // an IP address, without brackets
  std::uint16_t port = 0;
};

struct ServerConfig {
  Listen webhook{"127.0.0.1", 8080};
  Listen admin{"127.0.0.1", 8081};
  std::vector<std::string> admin_hosts;  // names the admin listener is reached by, beside loopback
  std::string state_dir = "/var/lib/jitney";
  core::Duration drain = std::chrono::seconds(30);
  core::Duration function_time = std::chrono::minutes(2);  // deadline and lease of one function
  int workers = 4;
  net::LogLevel log_level = net::LogLevel::info;
};

// One [[github]] entry: where runners register, and with what credentials.
struct GithubScope {
  enum class Kind { repository, organization, enterprise };
  std::string name;
  std::string url;  // without a slash at its end
  Kind kind = Kind::organization;
  std::string owner;       // organisation, user or enterprise
  std::string repository;  // empty unless kind is repository
  std::string api_url;     // "https://api.github.com", "https://ghes.example/api/v3"

  // Either a token, or an App with its three parts.
  std::optional<SecretRef> token;
  std::string app_id;  // the App's client id or numeric id: the issuer of its JWT
  std::int64_t installation_id = 0;
  std::optional<SecretRef> private_key;

  std::vector<SecretRef> webhook_secrets;  // any of them verifies; several while rotating
  std::string webhook_url;  // as GitHub knows it; names our hook among others when redelivering
  std::string ca_file;
  std::string proxy;                      // without a password
  std::optional<SecretRef> proxy_secret;  // a proxy URL with a password in it
  std::string no_proxy;
  core::Duration write_spacing = std::chrono::seconds(1);  // between two writes
  int calls_per_minute = 30;  // that questions (polling, audits) may spend
};

// [pool.process]
struct ProcessPool {
  std::string runner_dir;   // holds bin/Runner.Listener
  std::string runner_user;  // empty: whoever runs `serve`
  std::int64_t memory = 0;  // bytes; 0: no limit
  double cpu = 0;           // cores; 0: no limit
  int tasks = 0;            // processes and threads; 0: no limit
  std::map<std::string, std::string> env;
};

// [process]: the fleet as a whole.
struct ProcessFleetConfig {
  std::string runners_dir;  // default: <state_dir>/runners
  std::int64_t min_free_disk = std::int64_t{2} << 30;
  core::Duration stop_grace = std::chrono::seconds(30);
  core::Duration keep_logs = std::chrono::hours(24 * 7);
};

// [pool.ec2]
struct Ec2Pool {
  // On-demand machines: never; where spot has no capacity; instead of spot.
  enum class OnDemand { never, fallback, only };
  std::string launch_template;  // name or "lt-..."; default: the pool's name
  std::string template_version = "$Default";
  std::vector<std::string> instance_types;
  std::vector<std::string> other_types;  // when those have no spot capacity
  std::vector<std::string> subnets;      // empty: where the launch template says
  OnDemand on_demand = OnDemand::fallback;
};

// [ec2]: the fleet as a whole.
struct Ec2FleetConfig {
  std::string jit_bucket;            // default: [aws] bucket
  std::string machine_role_id;       // "AROA...", of the machines' instance role
  std::string runner_script;         // s3://bucket/key of runner/jitney-runner
  std::string log_group;             // of CloudWatch Logs; empty: none
  std::vector<std::string> subnets;  // of pools that have none of their own
};

enum class FleetKind { process, ec2 };
enum class IngressKind { webhook, poll };
enum class LedgerKind { sqlite, dynamodb };

// [aws]: what Terraform put up. No secrets: credentials are those of the process's role.
struct AwsConfig {
  std::string region;  // default: $AWS_REGION, $AWS_DEFAULT_REGION
  std::string table;   // default: <deployment>-ledger
  std::string queue_url;
  std::string stop_queue_url;  // of stop_runner messages; default: queue_url
  std::string dead_letter_queue_url;
  std::string bucket;        // of JIT configurations and the runner's script
  std::string endpoint_url;  // of an emulator, for every service; empty: AWS
};

struct Config {
  std::string path;  // of the file, as given
  core::Deployment deployment;
  FleetKind fleet = FleetKind::process;
  IngressKind ingress = IngressKind::webhook;
  LedgerKind ledger = LedgerKind::sqlite;  // dynamodb brings SQS with it
  ServerConfig server;
  std::vector<GithubScope> github;
  std::map<std::string, ProcessPool> process_pools;  // by pool name
  ProcessFleetConfig process;
  std::map<std::string, Ec2Pool> ec2_pools;  // by pool name
  Ec2FleetConfig ec2;
  AwsConfig aws;
  core::Duration redrive_interval = std::chrono::hours(1);  // of move_jobs

  // "jitney.toml:30:1: ..."; nothing that keeps the server from running.
  std::vector<std::string> warnings;

  [[nodiscard]] const GithubScope* scope(std::string_view name) const;
  [[nodiscard]] std::string database() const { return server.state_dir + "/jitney.db"; }
};

// `not_found`: there is no such file. `invalid`: its text has one line for every mistake,
// "file:line:column: what is wrong; write ... instead". Secrets are not read.
core::Result<Config> load_config(const std::string& path);
// The lines of that text.
std::vector<std::string> lines_of(const core::Error& error);
// The same for text that has no file; `name` stands for it in messages.
core::Result<Config> parse_config(std::string_view toml, const std::string& name);

// Every secret that cannot be read, that `serve` would refuse (a private key that is none), and
// every secret file that others can read, a line each. What AWS keeps is not looked at.
struct SecretProblems {
  std::vector<std::string> missing;
  std::vector<std::string> unusable;
  std::vector<std::string> exposed;
};
SecretProblems check_secrets(const Config& config);

}  // namespace jitney::app
