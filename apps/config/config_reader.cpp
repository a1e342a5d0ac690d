// SPDX-License-Identifier: Apache-2.0
#include "apps/config/config_reader.hpp"

#include <algorithm>
#include <cmath>
#include <sstream>

#include "apps/config/config_text.hpp"

namespace jitney::app {

namespace {

std::string kind_of(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::none:
      return "nothing";
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return "an array";
    case toml::node_type::string:
      return "a string";
    case toml::node_type::integer:
      return "a whole number";
    case toml::node_type::floating_point:
      return "a number with a fraction";
    case toml::node_type::boolean:
      return "true or false";
    case toml::node_type::date:
    case toml::node_type::time:
    case toml::node_type::date_time:
      return "a date or time";
  }
  return "something else";
}

std::string plain(double number) {
  std::ostringstream out;
  out << number;
  return out.str();
}

constexpr std::string_view kSecretForms =
    "{ env = \"NAME\" }, { file = \"/path\" } or { credential = \"name\" }";

// Whoever mistakes the place for the secret's value must not see it again in an error or a log.
bool names_a_place(SecretRef::Kind kind, std::string_view text) {
  if (text.empty() || text.size() > 4096 || looks_secret(text)) return false;
  switch (kind) {
    case SecretRef::Kind::environment:
      return std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_';
      });
    case SecretRef::Kind::file:
      return text.starts_with('/');
    case SecretRef::Kind::credential:
      return text.find('/') == std::string_view::npos;
    case SecretRef::Kind::secret:
    case SecretRef::Kind::parameter:
      return std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view("/_+=.@-:").find(c) != std::string_view::npos;
      });
  }
  return false;
}

std::string what_to_write(SecretRef::Kind kind) {
  switch (kind) {
    case SecretRef::Kind::environment:
      return "the name of the variable";
    case SecretRef::Kind::file:
      return "the file's whole path";
    case SecretRef::Kind::credential:
      return "the credential's name";
    case SecretRef::Kind::secret:
      return "the secret's name or ARN";
    case SecretRef::Kind::parameter:
      return "the parameter's name";
  }
  return "where it is";
}

}  // namespace

bool Section::has(std::string_view key) const {
  return no_table_ || (table_ != nullptr && table_->contains(key));
}

Place Section::place(std::string_view key) const {
  const toml::node* node = table_ == nullptr ? nullptr : table_->get(key);
  return node == nullptr ? place_ : node->source().begin;
}

const toml::node* Section::get(std::string_view key) {
  asked_.emplace(key);
  mistakes_.known(name_, std::string(key));
  return table_ == nullptr ? nullptr : table_->get(key);
}

void Section::wrong(std::string_view key, const std::string& what) { wrong(key, place(key), what); }

void Section::wrong(std::string_view key, Place place, const std::string& what) {
  told_.emplace(key);
  mistakes_.add(place, std::string(key) + " " + what);
}

void Section::missing(std::string_view key, const std::string& write) {
  mistakes_.add(place_, std::string(key) + " is missing" +
                            (name_.empty() ? "" : " in " + bracketed(name_)) + "; write " + write);
}

void Section::warn(std::string_view key, const std::string& what) {
  mistakes_.warn(place(key), std::string(key) + " " + what);
}

std::string Section::inner(std::string_view key) const {
  return name_.empty() ? std::string(key) : name_ + "." + std::string(key);
}

std::optional<std::string_view> Section::text_of(std::string_view key, const toml::node& node,
                                                 const std::string& write) {
  if (const auto* text = node.as_string()) return std::string_view(text->get());
  wrong(key, node.source().begin, "is " + kind_of(node) + "; write " + write);
  return std::nullopt;
}

void Section::read(std::string_view key, std::string& into) {
  const toml::node* node = get(key);
  if (node == nullptr) return;
  const auto text = text_of(key, *node, "a string in quotes");
  if (!text) return;
  if (text->empty()) {
    wrong(key, "is empty; write a value, or leave the line out");
  } else {
    into = *text;
  }
}

void Section::read(std::string_view key, std::vector<std::string>& into) {
  const toml::node* node = get(key);
  if (node == nullptr) return;
  const toml::array* array = node->as_array();
  if (array == nullptr) {
    wrong(key, "is " + kind_of(*node) + "; write an array of strings: " + std::string(key) +
                   " = [\"...\", \"...\"]");
    return;
  }
  std::vector<std::string> all;
  for (const toml::node& element : *array) {
    const auto text = text_of(key, element, "a string in quotes for each element");
    if (text) all.emplace_back(*text);
  }
  into = std::move(all);
}

void Section::read(std::string_view key, int& into, Bounds<int> bounds) {
  std::int64_t wide = into;
  read(key, wide, Bounds<std::int64_t>{bounds.least, bounds.most});
  into = static_cast<int>(wide);
}

void Section::read(std::string_view key, std::int64_t& into, Bounds<std::int64_t> bounds) {
  const toml::node* node = get(key);
  if (node == nullptr) return;
  const std::string write = "a whole number from " + std::to_string(bounds.least) +
                            (bounds.most == std::numeric_limits<std::int64_t>::max()
                                 ? " up"
                                 : " to " + std::to_string(bounds.most)) +
                            " without quotes";
  const auto* number = node->as_integer();
  if (number == nullptr) {
    wrong(key, "is " + kind_of(*node) + "; write " + write);
  } else if (number->get() < bounds.least || number->get() > bounds.most) {
    wrong(key, "is " + std::to_string(number->get()) + "; write " + write);
  } else {
    into = number->get();
  }
}

void Section::read(std::string_view key, double& into, Bounds<double> bounds) {
  const toml::node* node = get(key);
  if (node == nullptr) return;
  const std::string write = "a number from " + plain(bounds.least) + " to " + plain(bounds.most);
  const auto number = node->is_number() ? node->value<double>() : std::nullopt;
  if (!number) {
    wrong(key, "is " + kind_of(*node) + "; write " + write + " without quotes");
  } else if (!(*number >= bounds.least && *number <= bounds.most)) {
    wrong(key, "is " + plain(*number) + "; write " + write);
  } else {
    into = *number;
  }
}

std::optional<core::Duration> Section::duration_of(std::string_view key, const toml::node& node,
                                                   Bounds<core::Duration> bounds) {
  const auto text = text_of(key, node, "a duration in quotes, like \"90s\", \"15m\" or \"2h\"");
  if (!text) return std::nullopt;
  const auto duration = parse_duration(*text);
  if (!duration) {
    wrong(key, node.source().begin,
          "is " + quoted(*text) + ", no duration; write one like \"90s\", \"15m\" or \"2h\"");
    return std::nullopt;
  }
  if (*duration < bounds.least || *duration > bounds.most) {
    wrong(key, node.source().begin,
          "is " + quoted(*text) + "; write a duration from \"" + write_duration(bounds.least) +
              "\" to \"" + write_duration(bounds.most) + "\"");
    return std::nullopt;
  }
  return duration;
}

void Section::read(std::string_view key, core::Duration& into, Bounds<core::Duration> bounds) {
  const toml::node* node = get(key);
  if (node == nullptr) return;
  into = duration_of(key, *node, bounds).value_or(into);
}

void Section::read(std::string_view key, std::vector<core::Duration>& into,
                   Bounds<core::Duration> bounds) {
  const toml::node* node = get(key);
  if (node == nullptr) return;
  const toml::array* array = node->as_array();
  if (array == nullptr || array->size() > 50) {
    wrong(key, "is " + (array == nullptr ? kind_of(*node) : "too long") +
                   "; write an array of at most 50 durations, like [\"1m\", \"5m\", \"15m\"]");
    return;
  }
  std::vector<core::Duration> all;
  for (const toml::node& element : *array) {
    if (const auto duration = duration_of(key, element, bounds)) all.push_back(*duration);
  }
  into = std::move(all);
}

void Section::read(std::string_view key, Listen& into) {
  const toml::node* node = get(key);
  if (node == nullptr) return;
  const std::string write = "an IP address and a port, like \"127.0.0.1:8080\" or \"[::1]:8080\"";
  const auto text = text_of(key, *node, write);
  if (!text) return;
  if (auto listen = parse_listen(*text)) {
    into = std::move(*listen);
  } else {
    wrong(key, "is " + quoted(*text) + "; write " + write);
  }
}

void Section::read_size(std::string_view key, std::int64_t& into) {
  const toml::node* node = get(key);
  if (node == nullptr) return;
  const std::string write = "a size in quotes, like \"512MiB\" or \"2GiB\"";
  const auto text = text_of(key, *node, write);
  if (!text) return;
  const auto size = parse_size(*text);
  if (size) {
    into = *size;
  } else {
    wrong(key, "is " + quoted(*text) + ", no size; write " + write);
  }
}

void Section::read_path(std::string_view key, std::string& into) {
  std::string path;
  read(key, path);
  if (path.empty()) return;
  if (path.front() != '/' || path.find('\0') != std::string::npos) {
    wrong(key, "is " + quoted(path) + "; write the whole path, beginning with /");
    return;
  }
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  into = std::move(path);
}

void Section::read_word(std::string_view key, std::size_t& into,
                        const std::vector<std::string>& words) {
  const toml::node* node = get(key);
  if (node == nullptr) return;
  std::string write;
  for (std::size_t i = 0; i < words.size(); ++i) {
    write += (i == 0 ? "\"" : i + 1 == words.size() ? " or \"" : ", \"") + words[i] + "\"";
  }
  const auto text = text_of(key, *node, write);
  if (!text) return;
  const auto found = std::ranges::find(words, *text);
  if (found == words.end()) {
    wrong(key, "is " + quoted(*text) + "; write " + write);
  } else {
    into = static_cast<std::size_t>(found - words.begin());
  }
}

std::optional<SecretRef> Section::secret_of(std::string_view key, const toml::node& node) {
  const Place at = node.source().begin;
  const std::string write = "write " + std::string(key) + " = " + std::string(kSecretForms);
  if (node.is_string() || node.is_number()) {
    wrong(key, at,
          "is written in clear; " + write + ", and replace the secret if others saw this file");
    return std::nullopt;
  }
  const toml::table* table = node.as_table();
  if (table == nullptr || table->size() != 1) {
    wrong(key, at, "is no reference to one secret; " + write);
    return std::nullopt;
  }
  const auto first = table->begin();
  const toml::key& kind = first->first;
  const toml::node& value = first->second;
  SecretRef reference{.where = mistakes_.at(at)};
  const std::string_view word = kind.str();
  if (word == "env") {
    reference.kind = SecretRef::Kind::environment;
  } else if (word == "file") {
    reference.kind = SecretRef::Kind::file;
  } else if (word == "credential") {
    reference.kind = SecretRef::Kind::credential;
  } else if (word == "secret") {
    reference.kind = SecretRef::Kind::secret;
  } else if (word == "parameter") {
    reference.kind = SecretRef::Kind::parameter;
  } else {
    wrong(key, kind.source().begin,
          "is looked for in " + quoted(looks_secret(word) ? "?" : word) + "; " + write);
    return std::nullopt;
  }
  const std::string forms(kSecretForms);
  const auto text = text_of(key, value, forms);
  if (!text) return std::nullopt;
  if (!names_a_place(reference.kind, *text)) {
    wrong(key, value.source().begin,
          "does not say where the secret is; write " + what_to_write(reference.kind) +
              ", not the secret itself");
    return std::nullopt;
  }
  reference.name = *text;
  return reference;
}

void Section::read(std::string_view key, std::optional<SecretRef>& into) {
  const toml::node* node = get(key);
  if (node != nullptr) into = secret_of(key, *node);
}

void Section::read(std::string_view key, std::vector<SecretRef>& into) {
  const toml::node* node = get(key);
  if (node == nullptr) return;
  if (const toml::array* array = node->as_array()) {
    if (array->size() > 10) wrong(key, "has more than 10 secrets; remove those rotated out");
    for (const toml::node& element : *array) {
      if (auto reference = secret_of(key, element)) into.push_back(std::move(*reference));
    }
  } else if (auto reference = secret_of(key, *node)) {
    into.push_back(std::move(*reference));
  }
}

void Section::read(std::string_view key, std::map<std::string, std::string>& into) {
  const toml::node* node = get(key);
  if (node == nullptr) return;
  const toml::table* table = node->as_table();
  if (table == nullptr) {
    wrong(key, "is " + kind_of(*node) + "; write a table of strings: { NAME = \"value\" }");
    return;
  }
  for (const auto& [name, value] : *table) {
    const std::string path = inner(key) + "." + std::string(name.str());
    if (const auto text = text_of(path, value, "a string in quotes"))
      into.emplace(name.str(), *text);
  }
}

Section Section::table(std::string_view key) {
  const toml::node* node = get(key);
  const toml::table* found = node == nullptr ? nullptr : node->as_table();
  if (node != nullptr && found == nullptr) {
    wrong(key,
          node->is_array_of_tables()
              ? "stands there more than once; write one [" + inner(key) + "], in single brackets"
              : "is " + kind_of(*node) + "; write a table: [" + inner(key) + "]");
  }
  Section made(mistakes_, found, inner(key), node == nullptr ? place_ : node->source().begin);
  made.no_table_ = node != nullptr && found == nullptr;
  return made;
}

std::vector<Section> Section::tables(std::string_view key) {
  std::vector<Section> all;
  const toml::node* node = get(key);
  if (node == nullptr) return all;
  const toml::array* array = node->as_array();
  if (array == nullptr || !(array->empty() || array->is_homogeneous<toml::table>())) {
    wrong(key, "is " + kind_of(*node) + "; write [[" + inner(key) + "]], in double brackets");
    return all;
  }
  for (const toml::node& element : *array) {
    all.emplace_back(mistakes_, element.as_table(), inner(key), element.source().begin);
  }
  return all;
}

void Section::finish() {
  if (table_ == nullptr) return;
  for (const auto& [key, value] : *table_) {
    if (!asked_.contains(key.str())) {
      mistakes_.unknown(key.source().begin, name_, std::string(key.str()));
    }
  }
}

}  // namespace jitney::app
