// SPDX-License-Identifier: Apache-2.0
#include "aws/capacity_memory.hpp"

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <map>

#include "net/json.hpp"
#include "net/log.hpp"

namespace jitney::aws {

namespace {

constexpr core::Duration kFirstPause = std::chrono::minutes(3);
constexpr core::Duration kLongestPause = std::chrono::minutes(30);
constexpr std::size_t kMostEntries = 1000;  // a note has a bounded size

struct Entry {
  core::Time until{};
  int strikes = 0;
};
using Entries = std::map<std::string, Entry, std::less<>>;  // "us-east-1a/c7i.large"

std::string note_key(Market market) { return "capacity/" + std::string(to_string(market)); }

core::Duration pause_after(int strikes) {
  return std::min(kFirstPause * (1 << std::clamp(strikes - 1, 0, 8)), kLongestPause);
}

// Two subnets of a zone draw on the same machines.
std::string place_of(const Offering& offering) {
  return offering.zone.empty() ? offering.subnet : offering.zone;
}
std::string key_of(const Offering& offering) {
  return place_of(offering) + "/" + offering.instance_type;
}
std::string subnet_key(const Offering& offering) { return offering.subnet + "/*"; }

Entries read_entries(const std::string& text, core::Time now) {
  Entries entries;
  const auto parsed = net::parse_json(text);
  const auto* object = parsed ? parsed->if_object() : nullptr;
  if (object == nullptr) return entries;
  for (const auto& [key, value] : *object) {
    Entry entry;
    entry.until = core::Time(core::Duration(net::get_int(value, "until").value_or(0)));
    entry.strikes = static_cast<int>(
        std::clamp<std::int64_t>(net::get_int(value, "strikes").value_or(1), 1, 100));
    if (entry.until + kLongestPause > now) entries.emplace(std::string(key), entry);
  }
  return entries;
}

std::string write_entries(const Entries& entries) {
  boost::json::object object;
  for (const auto& [key, entry] : entries) {
    object[key] = {{"until", entry.until.time_since_epoch().count()}, {"strikes", entry.strikes}};
  }
  return boost::json::serialize(object);
}

bool out(const Entries& entries, const std::string& key, core::Time now) {
  const auto found = entries.find(key);
  return found != entries.end() && found->second.until > now;
}

void strike(Entries& entries, const std::string& key, core::Time now) {
  if (entries.size() >= kMostEntries && !entries.contains(key)) return;
  Entry& entry = entries[key];
  // Launches that were under way together fail together: that is one finding.
  if (entry.until > now) return;
  entry.strikes += 1;
  entry.until = now + pause_after(entry.strikes);
}

bool about_capacity(const FleetError& error) {
  return error.concern == Concern::offering || error.concern == Concern::subnet;
}

}  // namespace

std::vector<Offering> CapacityMemory::promising(Market market, std::vector<Offering> offerings) {
  const auto note = ledger_.note(note_key(market));
  if (!note) {
    net::log(net::LogLevel::warning, "cannot read which offerings had no capacity",
             {{"error", note.error().what}});
    return offerings;
  }
  if (!*note) return offerings;
  const core::Time now = clock_.now();
  const Entries entries = read_entries((*note)->value, now);
  std::vector<Offering> left;
  for (const Offering& offering : offerings) {
    if (out(entries, key_of(offering), now) || out(entries, subnet_key(offering), now)) continue;
    left.push_back(offering);
  }
  return left.empty() ? offerings : left;
}

void CapacityMemory::learn(Market market, const FleetAnswer& answer) {
  if (std::ranges::none_of(answer.errors, about_capacity)) return;
  const core::Time now = clock_.now();
  const auto note = ledger_.note(note_key(market));
  core::Status stored;
  if (note) {
    Entries entries = *note ? read_entries((*note)->value, now) : Entries{};
    for (const Offering& given : answer.given) entries.erase(key_of(given));
    for (const FleetError& error : answer.errors) {
      if (error.concern == Concern::offering) strike(entries, key_of(error.offering), now);
      if (error.concern == Concern::subnet) strike(entries, subnet_key(error.offering), now);
    }
    core::Time expires = now;
    for (const auto& [key, entry] : entries) expires = std::max(expires, entry.until);
    stored = ledger_.put({.key = note_key(market),
                          .value = write_entries(entries),
                          .at = now,
                          .expires = expires + kLongestPause});
  } else {
    stored = std::unexpected(note.error());
  }
  if (!stored) {
    net::log(net::LogLevel::warning, "cannot record which offerings had no capacity",
             {{"error", stored.error().what}});
  }
}

}  // namespace jitney::aws
