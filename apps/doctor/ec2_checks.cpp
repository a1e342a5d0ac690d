// SPDX-License-Identifier: Apache-2.0
// The machines' part of aws_checks.hpp: templates, images, types, subnets, quotas.
#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "apps/doctor/aws_checks.hpp"

namespace jitney::app {

namespace {

using core::Fault;

// https://docs.aws.amazon.com/ec2/latest/instancetypes/ec2-instance-quotas.html
constexpr std::array kClasses{
    QuotaClass{"Standard (A, C, D, H, I, M, R, T, Z)", "acdhimrtz", "L-34B43A08", "L-1216C47A"},
    QuotaClass{"G and VT", "gv", "L-3819A6DF", "L-DB2E81BA"},
};
// Their first letter is a standard one's, their quota another.
constexpr std::array<std::string_view, 8> kNotStandard{"inf", "trn", "hpc", "dl",
                                                       "mac", "u-",  "vt",  "im"};

std::vector<std::string> types_of(const Ec2Pool& pool) {
  std::vector<std::string> types = pool.instance_types;
  types.insert(types.end(), pool.other_types.begin(), pool.other_types.end());
  return types;
}

std::string check_name(std::string_view what, const PoolOnEc2& pool) {
  return pool.name + ": " + std::string(what);
}

Finding of_read(const std::string& check, const core::Error& error, const std::string& todo) {
  return error.fault == Fault::invalid ? failed(check, error.what, todo)
                                       : could_not_look(check, error);
}

// Zones that machines of the pool may stand in; empty: any.
std::set<std::string> zones_of(const PoolOnEc2& pool) {
  std::set<std::string> zones;
  if (!pool.subnets) return zones;
  for (const auto& [id, subnet] : *pool.subnets) zones.insert(subnet.zone);
  return zones;
}

bool offered(const PoolOnEc2& pool, const std::string& type, const std::set<std::string>& zones) {
  const auto found = pool.offerings->find(type);
  if (found == pool.offerings->end()) return false;
  return zones.empty() || std::ranges::any_of(found->second, [&](const std::string& zone) {
           return zones.contains(zone);
         });
}

}  // namespace

Finding check_template(const PoolOnEc2& pool) {
  const std::string check = check_name("template", pool);
  const std::string& name = pool.ec2.launch_template;
  if (!pool.launch_template) {
    return of_read(check, pool.launch_template.error(),
                   "make launch template " + name +
                       ", or set launch_template and template_version of [pool.ec2]");
  }
  const aws::TemplateData& data = *pool.launch_template;
  const std::string seen = name + " version " + data.version;
  if (!data.has_profile) {
    return failed(check, seen + " has no instance profile: Systems Manager cannot reach machines",
                  "set the profile of the machines' role in it");
  }
  if (data.shutdown != "terminate") {
    return warning(check, seen + ": a machine that powers off is stopped, not terminated",
                   "set its shutdown behaviour to terminate");
  }
  if (data.tokens != "required") {
    return warning(check, seen + " lets jobs use IMDSv1",
                   "set HttpTokens of its metadata options to required");
  }
  return ok(check, seen);
}

Finding check_image(const PoolOnEc2& pool) {
  const std::string check = check_name("image", pool);
  if (!pool.launch_template) return skipped(check, "no template to look into");
  const std::string& id = pool.launch_template->image;
  if (id.empty()) {
    return failed(check, "the template names no image", "set ImageId in the launch template");
  }
  if (!pool.image) return skipped(check, id + " is looked up at each launch");
  if (!*pool.image) {
    return of_read(check, pool.image->error(),
                   "put an image that this account may use in the launch template");
  }
  const aws::Image& image = **pool.image;
  if (image.state != "available") {
    return failed(check, id + " is " + image.state, "put another in the launch template");
  }
  if (pool.types) {
    std::vector<std::string> strangers;
    for (const auto& [name, type] : *pool.types) {
      if (std::ranges::find(type.architectures, image.architecture) == type.architectures.end()) {
        strangers.push_back(name);
      }
    }
    if (!strangers.empty()) {
      return failed(
          check,
          id + " is for " + image.architecture + ", and " + some_of(strangers) + " cannot run it",
          "take those out of instance_types, or use an image for them");
    }
  }
  return ok(check, id + " (" + image.name + "), " + image.architecture);
}

Finding check_types(const PoolOnEc2& pool) {
  const std::string check = check_name("types", pool);
  if (!pool.types) {
    return of_read(check, pool.types.error(), "correct instance_types of [pool.ec2]");
  }
  const std::vector<std::string> all = types_of(pool.ec2);
  if (pool.ec2.on_demand != Ec2Pool::OnDemand::only) {
    std::vector<std::string> no_spot;
    for (const auto& [name, type] : *pool.types) {
      if (!type.spot) no_spot.push_back(name);
    }
    if (!no_spot.empty()) {
      return failed(check, some_of(no_spot) + ": not to be had on spot",
                    "take them out, or write on_demand = \"only\"");
    }
  }
  if (!pool.offerings) return could_not_look(check, pool.offerings.error());
  const std::set<std::string> zones = zones_of(pool);
  std::vector<std::string> nowhere;
  for (const std::string& type : all) {
    if (!offered(pool, type, zones)) nowhere.push_back(type);
  }
  const std::string where = zones.empty() ? "this region" : some_of({zones.begin(), zones.end()});
  if (nowhere.size() == all.size()) {
    return failed(check, "none of " + some_of(all) + " is offered in " + where,
                  "write types that are, or subnets in other zones");
  }
  if (!nowhere.empty()) {
    return warning(check, some_of(nowhere) + ": not offered in " + where,
                   "write others: several find spot capacity sooner");
  }
  if (all.size() == 1 && pool.ec2.on_demand != Ec2Pool::OnDemand::only) {
    return warning(check, all.front() + " alone, offered in " + where,
                   "write several types of its size: they find spot capacity sooner");
  }
  return ok(check, some_of(all, 3) + ", offered in " + where);
}

Finding check_subnets(const PoolOnEc2& pool) {
  const std::string check = check_name("subnets", pool);
  if (!pool.subnets) {
    return of_read(check, pool.subnets.error(), "correct subnets of [ec2] or [pool.ec2]");
  }
  if (pool.subnets->empty()) {
    return ok(check, pool.launch_template && pool.launch_template->has_subnet
                         ? "the template's"
                         : "those of the default VPC");
  }
  std::int64_t free = 0;
  for (const auto& [id, subnet] : *pool.subnets) free += subnet.free_addresses;
  const std::string seen = counted(pool.subnets->size(), "subnet") + ", " + std::to_string(free) +
                           " free addresses for " + std::to_string(pool.max) + " machines";
  if (free < pool.max) return warning(check, seen, "add subnets, or lower max");
  return ok(check, seen);
}

const QuotaClass* quota_class(std::string_view type) {
  const bool other = std::ranges::any_of(
      kNotStandard, [&](std::string_view prefix) { return type.starts_with(prefix); });
  if (type.empty() || (other && !type.starts_with("vt") && !type.starts_with("im"))) return nullptr;
  const auto found = std::ranges::find_if(kClasses, [&](const QuotaClass& one) {
    return one.families.find(type.front()) != std::string_view::npos;
  });
  return found == kClasses.end() ? nullptr : &*found;
}

std::vector<Need> needs_of(const std::vector<PoolOnEc2>& pools) {
  std::vector<Need> needs;
  for (const PoolOnEc2& pool : pools) {
    if (!pool.types) continue;
    const bool spot = pool.ec2.on_demand != Ec2Pool::OnDemand::only;
    std::map<const QuotaClass*, int> largest;
    for (const auto& [name, type] : *pool.types) {
      if (const QuotaClass* of = quota_class(name)) {
        largest[of] = std::max(largest[of], type.vcpus);
      }
    }
    for (const auto& [of, vcpus] : largest) {
      auto found = std::ranges::find_if(
          needs, [&](const Need& need) { return need.of == of && need.spot == spot; });
      if (found == needs.end()) found = needs.insert(needs.end(), Need{of, spot, 0});
      found->vcpus += vcpus * pool.max;
    }
  }
  return needs;
}

Finding check_quota(const Need& need, const core::Result<double>& quota) {
  const std::string check = need.spot ? "spot quota" : "on-demand quota";
  const std::string name(need.of->name);
  if (!quota && quota.error().fault == Fault::not_found) {
    return skipped(check, name + ": not told here: " + quota.error().what);
  }
  if (!quota) return could_not_look(check, quota.error());
  const std::string seen = name + ": " + std::to_string(std::llround(*quota)) +
                           " vCPUs; full pools take up to " + std::to_string(need.vcpus);
  const std::string todo = "ask for more in Service Quotas, EC2, " +
                           std::string(need.spot ? need.of->spot : need.of->on_demand) +
                           "; or lower max";
  if (*quota < 1) return failed(check, seen, todo);
  if (*quota < need.vcpus) return warning(check, seen, todo);
  return ok(check, seen);
}

Finding check_spot_role(const core::Result<bool>& there, bool spot_wanted) {
  constexpr const char* kCheck = "spot role";
  if (!spot_wanted) return skipped(kCheck, "no pool wants spot machines");
  if (!there) return could_not_look(kCheck, there.error());
  if (*there) return ok(kCheck, "AWSServiceRoleForEC2Spot is there");
  return failed(kCheck, "this account has no AWSServiceRoleForEC2Spot",
                "aws iam create-service-linked-role --aws-service-name spot.amazonaws.com");
}

}  // namespace jitney::app
