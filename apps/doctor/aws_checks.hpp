// SPDX-License-Identifier: Apache-2.0
// From what an account holds to what a person should know: who we are, what pools launch from, how
// much EC2 lets us have, and how queues and functions fare. Pure functions.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "apps/config/config.hpp"
#include "apps/doctor/finding.hpp"
#include "aws/survey.hpp"

namespace jitney::app {

Finding check_identity(const core::Result<aws::Identity>& identity, const std::string& region);
// Of a read that only has to succeed: `todo` when it did not.
Finding could_not_look(const std::string& check, const core::Error& error);

// --- what machines are launched from
struct PoolOnEc2 {
  std::string name;
  int max = 0;
  Ec2Pool ec2;
  core::Result<aws::TemplateData> launch_template;
  std::optional<core::Result<aws::Image>> image;  // nullopt: the template names none by id
  core::Result<std::map<std::string, aws::InstanceType>> types;
  core::Result<std::map<std::string, std::vector<std::string>>> offerings;
  core::Result<std::map<std::string, aws::Subnet>> subnets;  // empty: the template or VPC decides
};
Finding check_template(const PoolOnEc2& pool);
Finding check_image(const PoolOnEc2& pool);
Finding check_types(const PoolOnEc2& pool);
Finding check_subnets(const PoolOnEc2& pool);

// --- how much of it EC2 gives
struct QuotaClass {
  std::string_view name;      // as the console shows it
  std::string_view families;  // the first letters of types
  std::string_view spot;      // quota codes
  std::string_view on_demand;
};
// The class whose quota a type counts against; null: one that is not looked at.
const QuotaClass* quota_class(std::string_view type);

struct Need {
  const QuotaClass* of = nullptr;
  bool spot = false;
  int vcpus = 0;  // when every pool is full, of the largest of its types
};
// What full pools need, by class and market. On-demand machines count where they are the rule, not
// where they are the way out.
std::vector<Need> needs_of(const std::vector<PoolOnEc2>& pools);
Finding check_quota(const Need& need, const core::Result<double>& quota);
Finding check_spot_role(const core::Result<bool>& there, bool spot_wanted);

Finding check_jit_bucket(const std::string& bucket, const core::Result<std::string>& versioning);
Finding check_script(const std::string& place, const core::Result<bool>& there);

// --- the functions' own
Finding check_table(const std::string& table, const core::Result<std::string>& status);
Finding check_queue(const std::string& name, const core::Result<aws::QueueDepth>& depth);
Finding check_dead_queue(const core::Result<aws::QueueDepth>& depth);
// Jobs and wake-ups that the functions themselves gave up, as the table holds them.
Finding check_dead_letters(const core::Result<std::size_t>& letters);
// By name, as Terraform gives them: <deployment>-<function>.
std::vector<std::string> function_names(const std::string& deployment);
std::vector<Finding> check_functions(
    const std::string& deployment,
    const core::Result<std::map<std::string, aws::FunctionRuns>>& runs, core::Time now);

}  // namespace jitney::app
