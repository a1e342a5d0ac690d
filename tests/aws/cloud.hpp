// SPDX-License-Identifier: Apache-2.0
// For tests only: as much of EC2, Systems Manager and S3 as a fleet of ours calls, on loopback. It
// plays what moto cannot: client tokens, error sets, quotas, throttles, lags, agents that come up
// or do not, commands with a life of their own. What a command does on a machine is what
// runner/README.md says. Thread-safe.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/http_server.hpp"

namespace jitney::tests {

using CloudParameters = std::map<std::string, std::string>;

struct CloudInstance {
  std::string id;
  std::string state = "pending";
  std::string type;
  std::string subnet;
  std::string zone;
  std::string market;
  std::string spot_request;
  CloudParameters tags;
  bool agent = false;            // online at Systems Manager
  int hidden = 0;                // so many descriptions leave it out
  int starts = 0;                // runners that were begun on it
  std::string jit;               // that the runner was begun with
  std::optional<int> exit_code;  // of the runner, once it ended
};

struct CloudCommand {
  std::string id;
  std::string instance;
  std::string line;
  std::string status = "Pending";
  std::string details = "Pending";
  std::optional<int> exit_code;
};

struct CloudCall {
  std::string operation;       // "CreateFleet", "SendCommand", "PUT"
  CloudParameters parameters;  // of a query; of S3: "bucket", "key"
  boost::json::value input;    // of a JSON call
  std::string text;            // all but the body of an S3 object
};

struct CloudFault {
  int status = 400;
  std::string code;
  std::string message;
  std::string retry_after;  // seconds; empty: none
};

class Cloud {
 public:
  static constexpr const char* kRole = "AROAEXAMPLE";
  static constexpr const char* kBucket = "jit-bucket";

  // Two subnets in zones of their own, a launch template "cpu" (lt-0cpu, default version 2, latest
  // 3) and the bucket for JIT configurations.
  Cloud();
  [[nodiscard]] std::string url() const;

  // --- what there is
  void add_template(const std::string& name);
  void add_subnet(const std::string& subnet, const std::string& zone);
  // So many more machines of it, with this reason when they are used up; otherwise without end.
  void capacity(const std::string& type, const std::string& zone, const std::string& market,
                int machines, const std::string& code = "InsufficientInstanceCapacity",
                const std::string& message = "We currently do not have sufficient capacity.");
  void no_bounds();
  void quota(const std::string& market, int machines, const std::string& code);
  // Spot requests that launch again when their machine goes and they are not cancelled.
  void persistent_requests();
  void put_parameter(const std::string& name, const std::string& value);

  // --- what goes wrong
  void refuse_next(const std::string& operation, CloudFault fault, int times = 1);
  // It is done, but nobody is told.
  void lose_answers(const std::string& operation, int times);
  void lag(int descriptions);  // of machines that are launched from now on
  void agents_by_hand();       // machines run, but nothing on them answers until boot()
  void lose_commands(const std::string& details);  // from now on: "DeliveryTimedOut", ...
  void page_size(std::size_t most);

  // --- what happens to machines
  void boot(const std::string& instance);
  void settle();  // all that was launched runs and answers, all that goes is gone
  void end_runner(const std::string& instance, int exit_code);
  void end_commands(const std::string& instance, const std::string& status,
                    const std::string& details, std::optional<int> exit_code = std::nullopt);
  void set_state(const std::string& instance, const std::string& state);
  void interrupt(const std::string& instance);  // by spot: two minutes are over

  // --- what was seen
  [[nodiscard]] std::vector<CloudCall> calls(const std::string& operation) const;
  [[nodiscard]] int count(const std::string& operation) const;
  [[nodiscard]] std::vector<CloudInstance> instances() const;
  [[nodiscard]] CloudInstance instance(const std::string& id) const;
  [[nodiscard]] std::map<std::string, std::string> objects() const;        // "bucket/key" to bytes
  [[nodiscard]] std::map<std::string, std::string> spot_requests() const;  // id to state
  [[nodiscard]] std::string all_that_was_said() const;  // every request but S3 bodies

 private:
  struct Fleet {
    CloudParameters parameters;
    net::Response answer;
  };
  struct Bound {
    int left = 0;
    std::string code;
    std::string message;
  };
  struct SpotRequest {
    std::string instance;
    std::string state = "active";
  };

  net::Response handle(const net::Request& request);
  net::Response ec2(const CloudParameters& parameters);
  net::Response ssm(const std::string& operation, const boost::json::value& input);
  net::Response s3(const net::Request& request, const std::string& bucket, const std::string& key);

  net::Response create_fleet(const CloudParameters& parameters);
  net::Response describe_instances(const CloudParameters& parameters);
  net::Response terminate(const CloudParameters& parameters);
  net::Response describe_templates(const CloudParameters& parameters);
  net::Response describe_subnets(const CloudParameters& parameters);
  net::Response describe_spot_requests(const CloudParameters& parameters);
  net::Response cancel_spot_requests(const CloudParameters& parameters);
  // The reason why there is no further one, or nothing.
  std::optional<CloudFault> take_one(const std::string& type, const std::string& zone,
                                     const std::string& market);
  CloudInstance& launch(const CloudParameters& parameters, const std::string& type,
                        const std::string& subnet, const std::string& market);
  void end_machine(CloudInstance& instance, const std::string& state);

  net::Response get_parameter(const boost::json::value& input);
  net::Response describe_agents(const boost::json::value& input);
  net::Response send_command(const boost::json::value& input);
  net::Response list_invocations(const boost::json::value& input);
  void run_script(CloudCommand& command, CloudInstance& machine);
  static void finish(CloudCommand& command, int exit_code);

  mutable std::mutex mutex_;  // of all below but the server
  std::vector<CloudCall> calls_;
  std::map<std::string, CloudInstance> instances_;
  std::map<std::string, Fleet> fleets_;           // by client token
  std::map<std::string, std::string> templates_;  // id by name
  std::map<std::string, std::string> zones_;      // by subnet
  std::map<std::string, Bound> bounds_;           // by "type/zone/market"
  std::map<std::string, Bound> quotas_;           // by market
  std::map<std::string, SpotRequest> spot_requests_;
  std::map<std::string, std::string> objects_;
  std::map<std::string, std::string> parameters_;  // of Parameter Store
  std::vector<CloudCommand> commands_;
  std::map<std::string, std::pair<CloudFault, int>> refusals_;
  std::map<std::string, int> lost_;
  std::string lost_commands_;
  std::size_t page_size_ = 1000;
  int lag_ = 0;
  int made_ = 0;
  bool agents_by_hand_ = false;
  bool persistent_ = false;
  std::unique_ptr<net::HttpServer> server_;  // last: its threads use all the above
};

// --- how the services answer; shared by the parts of Cloud
net::Response xml_answer(const std::string& operation, const std::string& inner);
net::Response ec2_fault(const CloudFault& fault);
net::Response json_answer(const boost::json::object& body);
net::Response ssm_fault(const CloudFault& fault);
std::string element(std::string_view name, std::string_view text);  // escaped
// The values of "<prefix>.1", "<prefix>.2", ...
std::vector<std::string> numbered(const CloudParameters& parameters, const std::string& prefix);
std::string get(const CloudParameters& parameters, const std::string& name);
// "Filter.N.Name": the values, or nothing when it is not asked.
std::optional<std::vector<std::string>> filter(const CloudParameters& parameters,
                                               const std::string& name);

}  // namespace jitney::tests
