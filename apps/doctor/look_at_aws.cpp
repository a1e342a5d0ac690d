// SPDX-License-Identifier: Apache-2.0
// Asks AWS. What the answers mean is for aws_checks.hpp.
#include <algorithm>

#include "apps/doctor/aws_checks.hpp"
#include "apps/doctor/doctor.hpp"
#include "apps/host/aws_client.hpp"
#include "apps/host/aws_ledger.hpp"

namespace jitney::app {

namespace {

constexpr std::chrono::seconds kLongest{90};  // for all of AWS
constexpr std::size_t kMostLetters = 1000;    // dead letters that are counted

PoolOnEc2 look_at_pool(aws::Client& client, const core::Pool& pool, const Ec2Pool& ec2) {
  std::vector<std::string> types = ec2.instance_types;
  types.insert(types.end(), ec2.other_types.begin(), ec2.other_types.end());
  std::ranges::sort(types);
  types.erase(std::ranges::unique(types).begin(), types.end());
  PoolOnEc2 seen{
      .name = pool.name,
      .max = pool.max,
      .ec2 = ec2,
      .launch_template = aws::template_data(client, ec2.launch_template, ec2.template_version),
      .image = std::nullopt,
      .types = aws::instance_types(client, types),
      .offerings = aws::offerings(client, types),
      .subnets = aws::subnets(client, ec2.subnets)};
  // "resolve:ssm:..." is looked up by EC2 at each launch.
  if (seen.launch_template && seen.launch_template->image.starts_with("ami-")) {
    seen.image = aws::image(client, seen.launch_template->image);
  }
  return seen;
}

void look_at_room(aws::Client& client, const std::vector<PoolOnEc2>& pools,
                  std::vector<Finding>& findings) {
  const bool spot = std::ranges::any_of(
      pools, [](const PoolOnEc2& pool) { return pool.ec2.on_demand != Ec2Pool::OnDemand::only; });
  findings.push_back(check_spot_role(aws::has_spot_role(client), spot));
  for (const Need& need : needs_of(pools)) {
    const std::string code(need.spot ? need.of->spot : need.of->on_demand);
    findings.push_back(check_quota(need, aws::quota(client, code)));
  }
}

void look_at_start(aws::Client& client, const Config& config, std::vector<Finding>& findings) {
  findings.push_back(
      check_jit_bucket(config.ec2.jit_bucket, aws::versioning(client, config.ec2.jit_bucket)));
  std::string_view place = config.ec2.runner_script;
  place.remove_prefix(std::min<std::size_t>(place.size(), 5));  // "s3://"
  const auto slash = std::min(place.find('/'), place.size());
  const std::string bucket(place.substr(0, slash));
  const std::string key(place.substr(std::min(slash + 1, place.size())));
  findings.push_back(check_script(config.ec2.runner_script, aws::has_object(client, bucket, key)));
}

Area look_at_machines(aws::Client& client, const Config& config) {
  Area area{"Machines on EC2", {}};
  std::vector<PoolOnEc2> pools;
  for (const core::Pool& pool : config.deployment.pools) {
    pools.push_back(look_at_pool(client, pool, config.ec2_pools.at(pool.name)));
  }
  for (const PoolOnEc2& pool : pools) {
    area.findings.push_back(check_template(pool));
    area.findings.push_back(check_image(pool));
    area.findings.push_back(check_types(pool));
    area.findings.push_back(check_subnets(pool));
  }
  look_at_room(client, pools, area.findings);
  look_at_start(client, config, area.findings);
  return area;
}

Area look_at_functions(const Config& config, core::Clock& clock, aws::Client& client) {
  Area area{"Functions on Lambda", {}};
  std::vector<Finding>& findings = area.findings;
  const auto table = aws::table_status(client, config.aws.table);
  findings.push_back(check_table(config.aws.table, table));
  findings.push_back(check_queue("create", aws::queue_depth(client, config.aws.queue_url)));
  if (config.aws.stop_queue_url != config.aws.queue_url) {
    findings.push_back(check_queue("stop", aws::queue_depth(client, config.aws.stop_queue_url)));
  }
  findings.push_back(check_dead_queue(aws::queue_depth(client, config.aws.dead_letter_queue_url)));
  if (table) {
    aws::SqsQueue queue(client, config.aws.table, sqs_options(config), clock);
    const auto letters = queue.dead_letters(kMostLetters);
    findings.push_back(check_dead_letters(letters ? core::Result<std::size_t>(letters->size())
                                                  : std::unexpected(letters.error())));
  }
  const std::vector<std::string> names = function_names(config.deployment.name);
  for (Finding& finding : check_functions(
           config.deployment.name, aws::function_runs(client, names, clock.now()), clock.now())) {
    findings.push_back(std::move(finding));
  }
  return area;
}

}  // namespace

std::vector<Area> look_at_aws(const Config& config, core::Clock& clock) {
  const auto client = aws_client(config);
  client->set_deadline(std::chrono::steady_clock::now() + kLongest);
  const auto identity = aws::who_am_i(*client);
  std::vector<Area> areas{{"AWS", {check_identity(identity, config.aws.region)}}};
  if (!identity) {
    areas.front().findings.push_back(skipped("the rest", "AWS tells nothing without them"));
    return areas;
  }
  if (config.fleet == FleetKind::ec2) areas.push_back(look_at_machines(*client, config));
  if (config.ledger == LedgerKind::dynamodb) {
    areas.push_back(look_at_functions(config, clock, *client));
  }
  return areas;
}

}  // namespace jitney::app
