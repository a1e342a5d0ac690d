// SPDX-License-Identifier: Apache-2.0
#include "tests/aws/cloud.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <stdexcept>

namespace jitney::tests {

namespace {

CloudParameters parse_form(std::string_view body) {
  CloudParameters parameters;
  while (!body.empty()) {
    const std::string_view pair = body.substr(0, body.find('&'));
    body.remove_prefix(std::min(body.size(), pair.size() + 1));
    const auto equals = std::min(pair.find('='), pair.size());
    const auto name = net::percent_decode(pair.substr(0, equals), true);
    const auto value = net::percent_decode(pair.substr(std::min(equals + 1, pair.size())), true);
    if (name && value) parameters[*name] = *value;
  }
  return parameters;
}

net::Response plain(int status, std::string body = {}) {
  return {.status = status, .headers = {}, .body = std::move(body)};
}

net::Response s3_fault(int status, const std::string& code) {
  return {.status = status,
          .headers = {{"Content-Type", "application/xml"}},
          .body = "<?xml version=\"1.0\"?><Error>" + element("Code", code) +
                  element("Message", code) + "</Error>"};
}

void add_retry_after(net::Response& response, const CloudFault& fault) {
  if (!fault.retry_after.empty()) response.headers.add("Retry-After", fault.retry_after);
}

}  // namespace

Cloud::Cloud()
    : templates_{{"cpu", "lt-0cpu"}},
      zones_{{"subnet-a", "us-east-1a"}, {"subnet-b", "us-east-1b"}} {
  auto made = net::HttpServer::listen(
      {.threads = 2},
      [this](const net::Request& request, net::Responder respond) { respond(handle(request)); });
  if (!made) throw std::runtime_error(made.error().what);
  server_ = *std::move(made);
}

std::string Cloud::url() const { return "http://127.0.0.1:" + std::to_string(server_->port()); }

net::Response Cloud::handle(const net::Request& request) {
  const std::lock_guard lock(mutex_);
  if (!request.headers.get("Authorization")) return plain(403, "not signed");
  CloudCall call;
  call.text = request.target + "\n" + request.body;
  const std::string target(request.headers.get("X-Amz-Target").value_or(""));
  std::string bucket;
  std::string key;
  if (target.starts_with("AmazonSSM.")) {
    call.operation = target.substr(target.find('.') + 1);
    call.input = boost::json::parse(request.body);
  } else if (request.method == "POST") {
    call.parameters = parse_form(request.body);
    call.operation = get(call.parameters, "Action");
  } else {
    call.operation = request.method;
    call.text = request.target;
    const std::string path = net::percent_decode(request.path()).value_or("");
    const auto slash = path.find('/', 1);
    bucket = path.substr(1, slash - 1);
    key = slash == std::string::npos ? "" : path.substr(slash + 1);
    call.parameters = {{"bucket", bucket}, {"key", key}};
  }
  calls_.push_back(call);
  if (auto refusal = refusals_.find(call.operation);
      refusal != refusals_.end() && refusal->second.second-- > 0) {
    const CloudFault& fault = refusal->second.first;
    net::Response answer = !target.empty()  ? ssm_fault(fault)
                           : bucket.empty() ? ec2_fault(fault)
                                            : s3_fault(fault.status, fault.code);
    add_retry_after(answer, fault);
    return answer;
  }
  net::Response answer = !target.empty()  ? ssm(call.operation, call.input)
                         : bucket.empty() ? ec2(call.parameters)
                                          : s3(request, bucket, key);
  if (auto lost = lost_.find(call.operation); lost != lost_.end() && lost->second-- > 0) {
    return plain(500);
  }
  return answer;
}

net::Response Cloud::s3(const net::Request& request, const std::string& bucket,
                        const std::string& key) {
  if (bucket != kBucket) return s3_fault(404, "NoSuchBucket");
  const std::string name = bucket + "/" + key;
  if (request.method == "PUT") {
    if (request.headers.get("If-None-Match") && objects_.contains(name)) {
      return s3_fault(412, "PreconditionFailed");
    }
    objects_[name] = request.body;
    return plain(200);
  }
  if (request.method == "DELETE") {
    objects_.erase(name);
    return plain(204);
  }
  const auto found = objects_.find(name);
  return found == objects_.end() ? s3_fault(404, "NoSuchKey") : plain(200, found->second);
}

void Cloud::add_template(const std::string& name) {
  const std::lock_guard lock(mutex_);
  templates_[name] = "lt-0" + name;
}

void Cloud::add_subnet(const std::string& subnet, const std::string& zone) {
  const std::lock_guard lock(mutex_);
  zones_[subnet] = zone;
}

void Cloud::capacity(const std::string& type, const std::string& zone, const std::string& market,
                     int machines, const std::string& code, const std::string& message) {
  const std::lock_guard lock(mutex_);
  bounds_[type + "/" + zone + "/" + market] = {machines, code, message};
}

void Cloud::no_bounds() {
  const std::lock_guard lock(mutex_);
  bounds_.clear();
  quotas_.clear();
}

void Cloud::quota(const std::string& market, int machines, const std::string& code) {
  const std::lock_guard lock(mutex_);
  quotas_[market] = {machines, code, "You have requested more than your current limit allows."};
}

void Cloud::persistent_requests() {
  const std::lock_guard lock(mutex_);
  persistent_ = true;
}

void Cloud::refuse_next(const std::string& operation, CloudFault fault, int times) {
  const std::lock_guard lock(mutex_);
  refusals_[operation] = {std::move(fault), times};
}

void Cloud::lose_answers(const std::string& operation, int times) {
  const std::lock_guard lock(mutex_);
  lost_[operation] = times;
}

void Cloud::lag(int descriptions) {
  const std::lock_guard lock(mutex_);
  lag_ = descriptions;
}

void Cloud::agents_by_hand() {
  const std::lock_guard lock(mutex_);
  agents_by_hand_ = true;
}

void Cloud::lose_commands(const std::string& details) {
  const std::lock_guard lock(mutex_);
  lost_commands_ = details;
}

void Cloud::page_size(std::size_t most) {
  const std::lock_guard lock(mutex_);
  page_size_ = most;
}

std::vector<CloudCall> Cloud::calls(const std::string& operation) const {
  const std::lock_guard lock(mutex_);
  std::vector<CloudCall> all;
  for (const CloudCall& call : calls_) {
    if (call.operation == operation) all.push_back(call);
  }
  return all;
}

int Cloud::count(const std::string& operation) const {
  return static_cast<int>(calls(operation).size());
}

std::vector<CloudInstance> Cloud::instances() const {
  const std::lock_guard lock(mutex_);
  std::vector<CloudInstance> all;
  for (const auto& [id, instance] : instances_) all.push_back(instance);
  return all;
}

CloudInstance Cloud::instance(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = instances_.find(id);
  return found == instances_.end() ? CloudInstance{} : found->second;
}

std::map<std::string, std::string> Cloud::objects() const {
  const std::lock_guard lock(mutex_);
  return objects_;
}

std::map<std::string, std::string> Cloud::spot_requests() const {
  const std::lock_guard lock(mutex_);
  std::map<std::string, std::string> all;
  for (const auto& [id, request] : spot_requests_) all[id] = request.state;
  return all;
}

std::string Cloud::all_that_was_said() const {
  const std::lock_guard lock(mutex_);
  std::string all;
  for (const CloudCall& call : calls_) all += call.text + "\n";
  return all;
}

}  // namespace jitney::tests
