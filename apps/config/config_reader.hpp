// SPDX-License-Identifier: Apache-2.0
// Reads TOML tables key by key and gathers every mistake with its place, so that one run shows them
// all. Private to the configuration. One thread.
#pragma once

#include <toml++/toml.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "apps/config/config.hpp"

namespace jitney::app {

using Place = toml::source_position;

std::string bracketed(const std::string& section);  // "[server]", "[[pool]]"

// The mistakes of one file, and which keys exist.
class Mistakes {
 public:
  explicit Mistakes(std::string file) : file_(std::move(file)) {}

  void add(Place place, const std::string& text);
  void warn(Place place, const std::string& text);
  // A key that nobody reads; whether another was meant is known only at the end.
  void unknown(Place place, const std::string& section, const std::string& key);
  void known(const std::string& section, const std::string& key);

  // By place, a line each; empty when there are none.
  [[nodiscard]] std::string text();
  [[nodiscard]] std::vector<std::string> warnings() const;
  [[nodiscard]] const std::set<std::pair<std::string, std::string>>& keys() const { return keys_; }
  [[nodiscard]] std::string at(Place place) const;  // "file:line:column"

 private:
  struct Line {
    Place place;
    std::string text;
  };
  struct Unknown {
    Place place;
    std::string section, key;
  };
  [[nodiscard]] std::string meant(const Unknown& unknown) const;
  [[nodiscard]] std::vector<std::string> sorted(std::vector<Line> lines) const;

  std::string file_;
  std::vector<Line> mistakes_;
  std::vector<Line> warnings_;
  std::vector<Unknown> unknown_;
  std::set<std::pair<std::string, std::string>> keys_;  // section as in docs ("pool.process"), key
};

template <class T>
struct Bounds {
  T least;
  T most;
};

// One table, which may be absent: then every key has its default. Borrows everything. `finish()`
// reports the keys that nobody asked for.
class Section {
 public:
  Section(Mistakes& mistakes, const toml::table* table, std::string name, Place place)
      : mistakes_(mistakes), table_(table), name_(std::move(name)), place_(place) {}

  // Leave `into` as it is when the key is absent or wrong.
  void read(std::string_view key, std::string& into);
  void read(std::string_view key, std::vector<std::string>& into);
  void read(std::string_view key, int& into, Bounds<int> bounds);
  void read(std::string_view key, std::int64_t& into, Bounds<std::int64_t> bounds);
  void read(std::string_view key, double& into, Bounds<double> bounds);
  void read(std::string_view key, core::Duration& into, Bounds<core::Duration> bounds);
  void read(std::string_view key, std::vector<core::Duration>& into, Bounds<core::Duration> bounds);
  void read(std::string_view key, Listen& into);
  void read(std::string_view key, std::optional<SecretRef>& into);
  void read(std::string_view key, std::vector<SecretRef>& into);
  void read(std::string_view key, std::map<std::string, std::string>& into);
  void read_size(std::string_view key, std::int64_t& into);
  void read_path(std::string_view key, std::string& into);  // absolute
  // One of `words`; `into` gets its index.
  void read_word(std::string_view key, std::size_t& into, const std::vector<std::string>& words);

  Section table(std::string_view key);
  std::vector<Section> tables(std::string_view key);

  void finish();

  // `what` follows the key's name: "is longer than ...; write ...".
  void wrong(std::string_view key, const std::string& what);
  void wrong(std::string_view key, Place place, const std::string& what);
  void missing(std::string_view key, const std::string& write);
  void warn(std::string_view key, const std::string& what);
  // Also where something else stands in the table's place: what is wrong was told, nothing lacks.
  [[nodiscard]] bool has(std::string_view key) const;
  // Whether a mistake of this key was told: what would follow from it is none of its own.
  [[nodiscard]] bool told(std::string_view key) const { return told_.contains(key); }
  [[nodiscard]] bool present() const { return table_ != nullptr; }
  [[nodiscard]] Place place(std::string_view key) const;  // of the value, else of the table
  [[nodiscard]] Mistakes& mistakes() { return mistakes_; }
  // The node, noted as known.
  const toml::node* get(std::string_view key);

 private:
  std::optional<std::string_view> text_of(std::string_view key, const toml::node& node,
                                          const std::string& write);
  std::optional<SecretRef> secret_of(std::string_view key, const toml::node& node);
  std::optional<core::Duration> duration_of(std::string_view key, const toml::node& node,
                                            Bounds<core::Duration> bounds);
  [[nodiscard]] std::string inner(std::string_view key) const;

  Mistakes& mistakes_;
  const toml::table* table_;
  std::string name_;  // "" at the root
  Place place_;
  bool no_table_ = false;
  std::set<std::string, std::less<>> asked_;
  std::set<std::string, std::less<>> told_;
};

// The sections of the file, each in a source file of its own.
void read_github(Section& root, Config& config);
void read_pools(Section& root, Config& config);
void read_ec2(Section& root, Config& config);  // after [aws], before the pools
Ec2Pool read_ec2_pool(Section& pool, const std::string& name, const Config& config);
void read_aws(Section& root, Config& config);  // after [launch]

// Every (section, key) that load_config reads, for the documentation's test.
std::set<std::pair<std::string, std::string>> known_keys();

}  // namespace jitney::app
