// SPDX-License-Identifier: Apache-2.0
// [ec2] and [pool.ec2]: machines on EC2. They are checked whatever the fleet is, but only
// `fleet = "ec2"` requires anything of them.
#include <algorithm>

#include "apps/config/config_reader.hpp"
#include "apps/config/config_text.hpp"

namespace jitney::app {

namespace {

constexpr std::size_t kMostOverrides = 300;  // of one CreateFleet request
constexpr std::string_view kRunnerScript = "s3://BUCKET/jitney-runner";

bool is_made_of(std::string_view text, std::string_view signs, std::size_t least,
                std::size_t most) {
  return text.size() >= least && text.size() <= most && std::ranges::all_of(text, [&](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  signs.find(c) != std::string_view::npos;
         });
}

bool is_number(std::string_view text) {
  return is_made_of(text, "", 1, 9) && text.find_first_not_of("0123456789") == text.npos &&
         text.front() != '0';
}

bool is_instance_type(std::string_view text) {
  const auto dot = text.find('.');
  return dot != std::string_view::npos && is_made_of(text.substr(0, dot), "-", 1, 40) &&
         is_made_of(text.substr(dot + 1), "-", 1, 40);
}

bool is_subnet(std::string_view text) {
  return text.starts_with("subnet-") && is_made_of(text.substr(7), "", 1, 40);
}

// It becomes part of a command line on the machine.
bool is_script(std::string_view text) {
  constexpr std::string_view kScheme = "s3://";
  if (!text.starts_with(kScheme)) return false;
  text.remove_prefix(kScheme.size());
  const auto slash = text.find('/');
  return slash != std::string_view::npos && is_made_of(text.substr(0, slash), "-.", 3, 63) &&
         is_made_of(text.substr(slash + 1), "-._/", 1, 512) && !text.ends_with('/');
}

void read_checked(Section& section, std::string_view key, std::string& into,
                  bool (*fits)(std::string_view), const std::string& write) {
  std::string text;
  section.read(key, text);
  if (text.empty()) return;
  if (fits(text)) {
    into = std::move(text);
  } else {
    section.wrong(key, "is " + quoted(text) + "; write " + write);
  }
}

void read_all(Section& section, std::string_view key, std::vector<std::string>& into,
              bool (*fits)(std::string_view), const std::string& write) {
  std::vector<std::string> all = into;
  section.read(key, all);
  for (const std::string& one : all) {
    if (fits(one)) continue;
    section.wrong(key, "has " + quoted(one) + "; write " + write);
    return;
  }
  into = std::move(all);
}

void read_subnets(Section& section, std::vector<std::string>& into) {
  read_all(section, "subnets", into, is_subnet, "subnets = [\"subnet-0123abcd\"]");
}

void require(Section& section, std::string_view key, const std::string& value,
             const std::string& write) {
  if (value.empty() && !section.has(key)) section.missing(key, write);
}

}  // namespace

void read_ec2(Section& root, Config& config) {
  Section section = root.table("ec2");
  Ec2FleetConfig& into = config.ec2;
  into.jit_bucket = config.aws.bucket;
  read_checked(
      section, "jit_bucket", into.jit_bucket,
      [](std::string_view text) { return is_made_of(text, "-.", 3, 63); },
      "an S3 bucket's name: 3 to 63 of a-z, 0-9, - and .");
  read_checked(
      section, "machine_role_id", into.machine_role_id,
      [](std::string_view text) {
        return text.starts_with("AROA") && is_made_of(text, "", 8, 128);
      },
      "the RoleId that `aws iam get-role` shows: AROA...");
  read_checked(section, "runner_script", into.runner_script, is_script,
               "\"" + std::string(kRunnerScript) + "\"");
  read_checked(
      section, "log_group", into.log_group,
      [](std::string_view text) { return is_made_of(text, "-_/.#", 1, 512); },
      "a log group's name like \"/jitney/runners\"");
  read_subnets(section, into.subnets);
  if (config.fleet == FleetKind::ec2) {
    const Section aws = root.table("aws");  // what is wrong with it was told where it was read
    if (!aws.has("bucket")) {
      require(section, "jit_bucket", into.jit_bucket,
              "jit_bucket = \"NAME\", a bucket without versions, here or as bucket in [aws]");
    }
    require(section, "machine_role_id", into.machine_role_id,
            "machine_role_id = \"AROA...\", the RoleId that `aws iam get-role` shows of the "
            "machines' role");
    require(section, "runner_script", into.runner_script,
            "runner_script = \"" + std::string(kRunnerScript) +
                "\", where runner/jitney-runner was put");
    if (config.aws.region.empty() && !aws.has("region")) {
      root.wrong("fleet", "\"ec2\" needs a region; write region = \"eu-west-1\" in [aws]");
    }
  }
  section.finish();
}

Ec2Pool read_ec2_pool(Section& pool, const std::string& name, const Config& config) {
  Section section = pool.table("ec2");
  Ec2Pool into;
  into.launch_template = name;
  into.subnets = config.ec2.subnets;
  read_checked(
      section, "launch_template", into.launch_template,
      [](std::string_view text) { return is_made_of(text, "().-/_", 3, 128); },
      "a launch template's name or its id, lt-...");
  read_checked(
      section, "template_version", into.template_version,
      [](std::string_view text) {
        return text == "$Default" || text == "$Latest" || is_number(text);
      },
      "\"$Default\", \"$Latest\" or a number in quotes");
  read_all(section, "instance_types", into.instance_types, is_instance_type,
           "types like [\"m7i.large\", \"m6i.large\"]");
  read_all(section, "other_types", into.other_types, is_instance_type,
           "types like [\"c7i.xlarge\"]");
  read_subnets(section, into.subnets);
  std::size_t on_demand = 1;
  section.read_word("on_demand", on_demand, {"never", "fallback", "only"});
  into.on_demand = static_cast<Ec2Pool::OnDemand>(on_demand);
  if (config.fleet == FleetKind::ec2) {
    require(section, "instance_types", into.instance_types.empty() ? "" : "some",
            "instance_types = [\"m7i.large\", \"m6i.large\"]: several find spot capacity sooner");
    const bool empty = section.has("instance_types") && into.instance_types.empty();
    if (empty && !section.told("instance_types") && section.present()) {
      section.wrong("instance_types", "is empty; write types like [\"m7i.large\", \"m6i.large\"]");
    }
  }
  const std::size_t types = into.instance_types.size() + into.other_types.size();
  if (types * std::max<std::size_t>(1, into.subnets.size()) > kMostOverrides) {
    section.wrong("instance_types",
                  "times subnets are more than 300, EC2's bound for one request; remove some");
  }
  section.finish();
  return into;
}

}  // namespace jitney::app
