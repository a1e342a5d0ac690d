// SPDX-License-Identifier: Apache-2.0
#include "aws/survey.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <charconv>

#include "aws/xml.hpp"
#include "net/json.hpp"
#include "net/rfc3339.hpp"

namespace jitney::aws {

namespace {

using boost::json::object;

constexpr core::Duration kLookBack = std::chrono::hours(24);
constexpr core::Duration kPeriod = std::chrono::minutes(15);

std::int64_t whole(std::string_view text) {
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

double real(std::string_view text) {
  double value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// Metric `number` of the request: that of one function, in quarters of an hour.
void ask_metric(Parameters& parameters, std::size_t number, const std::string& metric,
                const std::string& function) {
  const std::string query = "MetricDataQueries.member." + std::to_string(number) + ".";
  parameters[query + "Id"] = "m" + std::to_string(number);
  const std::string stat = query + "MetricStat.";
  parameters[stat + "Metric.Namespace"] = "AWS/Lambda";
  parameters[stat + "Metric.MetricName"] = metric;
  parameters[stat + "Metric.Dimensions.member.1.Name"] = "FunctionName";
  parameters[stat + "Metric.Dimensions.member.1.Value"] = function;
  parameters[stat + "Period"] =
      std::to_string(std::chrono::floor<std::chrono::seconds>(kPeriod).count());
  parameters[stat + "Stat"] = "Sum";
}

struct Counted {
  std::int64_t sum = 0;
  core::Time last{};  // end of the last period that counted anything
};

Counted count(const pugi::xml_node& result) {
  const auto values = children(child(result, "Values"), "member");
  const auto times = children(child(result, "Timestamps"), "member");
  Counted counted;
  for (std::size_t i = 0; i < std::min(values.size(), times.size()); ++i) {
    const double value = real(values[i].child_value());
    if (value <= 0) continue;
    counted.sum += static_cast<std::int64_t>(std::min(value, 1e15));
    if (const auto at = net::parse_rfc3339(times[i].child_value())) {
      counted.last = std::max(counted.last, *at + kPeriod);
    }
  }
  return counted;
}

}  // namespace

core::Result<Identity> who_am_i(Client& client) {
  const auto answer = client.query(Service::sts, "GetCallerIdentity", {});
  if (!answer) return std::unexpected(answer.error());
  const auto result = child(answer->document_element(), "GetCallerIdentityResult");
  return Identity{.account = text_at(result, {"Account"}), .arn = text_at(result, {"Arn"})};
}

core::Result<double> quota(Client& client, const std::string& code) {
  const auto answer = client.json(Service::servicequotas, "GetServiceQuota",
                                  object{{"ServiceCode", "ec2"}, {"QuotaCode", code}});
  if (!answer) return std::unexpected(answer.error());
  const auto* quota = net::get_object(*answer, "Quota");
  const auto* value = quota == nullptr ? nullptr : net::get_value(*quota, "Value");
  if (value == nullptr || !value->is_number()) {
    return core::fail(core::Fault::transient,
                      "servicequotas GetServiceQuota: the answer has no value");
  }
  return value->to_number<double>();
}

core::Result<bool> has_spot_role(Client& client) {
  const auto answer =
      client.query(Service::iam, "GetRole", {{"RoleName", "AWSServiceRoleForEC2Spot"}});
  if (answer) return true;
  if (answer.error().fault == core::Fault::not_found) return false;
  return std::unexpected(answer.error());
}

core::Result<std::string> table_status(Client& client, const std::string& table) {
  const auto answer = client.json(Service::dynamodb, "DescribeTable", object{{"TableName", table}});
  if (!answer) return std::unexpected(answer.error());
  const auto* found = net::get_object(*answer, "Table");
  return found == nullptr ? std::string() : net::get_string_or(*found, "TableStatus", "");
}

core::Result<QueueDepth> queue_depth(Client& client, const std::string& url) {
  constexpr const char* kWaiting = "ApproximateNumberOfMessages";
  constexpr const char* kDelayed = "ApproximateNumberOfMessagesDelayed";
  constexpr const char* kUnderWay = "ApproximateNumberOfMessagesNotVisible";
  const auto answer =
      client.json(Service::sqs, "GetQueueAttributes",
                  object{{"QueueUrl", url},
                         {"AttributeNames", boost::json::array{kWaiting, kDelayed, kUnderWay}}});
  if (!answer) return std::unexpected(answer.error());
  const auto* attributes = net::get_object(*answer, "Attributes");
  if (attributes == nullptr) {
    return core::fail(core::Fault::transient, "sqs GetQueueAttributes: the answer has none");
  }
  return QueueDepth{.waiting = whole(net::get_string_or(*attributes, kWaiting, "")),
                    .delayed = whole(net::get_string_or(*attributes, kDelayed, "")),
                    .under_way = whole(net::get_string_or(*attributes, kUnderWay, ""))};
}

core::Result<std::string> versioning(Client& client, const std::string& bucket) {
  const auto answer = client.s3("GET", bucket, "", {{"versioning", ""}});
  if (!answer) return std::unexpected(answer.error());
  const auto document = parse_xml(answer->body);
  if (!document) return std::unexpected(document.error());
  return text_at(document->document_element(), {"Status"});
}

core::Result<bool> has_object(Client& client, const std::string& bucket, const std::string& key) {
  const auto answer = client.s3("HEAD", bucket, key);
  if (answer) return true;
  if (answer.error().fault == core::Fault::not_found) return false;
  return std::unexpected(answer.error());
}

core::Result<std::map<std::string, FunctionRuns>> function_runs(
    Client& client, const std::vector<std::string>& functions, core::Time now) {
  Parameters parameters{{"StartTime", net::format_rfc3339(now - kLookBack)},
                        {"EndTime", net::format_rfc3339(now)},
                        {"ScanBy", "TimestampDescending"}};
  for (std::size_t i = 0; i < functions.size(); ++i) {
    ask_metric(parameters, 2 * i + 1, "Invocations", functions[i]);
    ask_metric(parameters, 2 * i + 2, "Errors", functions[i]);
  }
  const auto answer = client.query(Service::cloudwatch, "GetMetricData", parameters);
  if (!answer) return std::unexpected(answer.error());
  std::map<std::string, Counted> by_id;
  for (const auto& result :
       children(at(answer->document_element(), {"GetMetricDataResult", "MetricDataResults"}),
                "member")) {
    by_id[text_at(result, {"Id"})] = count(result);
  }
  std::map<std::string, FunctionRuns> runs;
  for (std::size_t i = 0; i < functions.size(); ++i) {
    const Counted ran = by_id["m" + std::to_string(2 * i + 1)];
    const Counted erred = by_id["m" + std::to_string(2 * i + 2)];
    runs[functions[i]] = {
        .runs = ran.sum, .errors = erred.sum, .last_run = ran.last, .last_error = erred.last};
  }
  return runs;
}

}  // namespace jitney::aws
