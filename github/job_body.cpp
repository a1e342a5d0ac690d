// SPDX-License-Identifier: Apache-2.0
#include "github/job_body.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/string.hpp>
#include <optional>

#include "net/json.hpp"
#include "net/rfc3339.hpp"

namespace jitney::github {
namespace {

namespace bj = boost::json;
using core::Fault;

constexpr std::size_t kMaxSlug = 100;

bool word_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

// Borrowed, so that no string is copied that is then thrown away.
std::string_view text_of(const bj::value& object, std::string_view key) {
  const bj::value* found = net::get_value(object, key);
  const bj::string* text = found == nullptr ? nullptr : found->if_string();
  return text == nullptr ? std::string_view() : std::string_view(text->data(), text->size());
}

core::Time time_of(const bj::value& object, std::string_view key) {
  return net::parse_rfc3339(text_of(object, key)).value_or(core::Time{});
}

core::Status read_labels(const bj::value& job, std::vector<std::string>& labels) {
  const bj::array* array = net::get_array(job, "labels");
  if (array == nullptr) {
    return core::fail(Fault::invalid, "the job's \"labels\" are missing or no array");
  }
  if (array->size() > kMaxLabels) {
    return core::fail(Fault::invalid, "the job has " + std::to_string(array->size()) +
                                          " labels; at most " + std::to_string(kMaxLabels) +
                                          " are allowed");
  }
  labels.reserve(array->size());
  for (const bj::value& element : *array) {
    const bj::string* label = element.if_string();
    if (label == nullptr) return core::fail(Fault::invalid, "a label of the job is no string");
    if (label->empty() || label->size() > kMaxLabelBytes) {
      return core::fail(Fault::invalid, "a label of the job has " + std::to_string(label->size()) +
                                            " bytes; 1 to " + std::to_string(kMaxLabelBytes) +
                                            " are allowed");
    }
    labels.emplace_back(label->data(), label->size());
  }
  return {};
}

}  // namespace

bool is_owner(std::string_view text) {
  return !text.empty() && text.size() <= kMaxSlug && std::ranges::all_of(text, word_character);
}

bool is_repository(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos || !is_owner(text.substr(0, slash))) return false;
  const std::string_view name = text.substr(slash + 1);
  return !name.empty() && name.size() <= kMaxSlug && name != "." && name != ".." &&
         std::ranges::all_of(name, [](char c) { return word_character(c) || c == '.'; });
}

std::string bounded(std::string_view text, std::size_t max) {
  if (text.size() > max) {
    std::size_t end = max;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
    text = text.substr(0, end);
  }
  return std::string(text);
}

core::Result<core::JobEvent> read_job(const bj::value& job, std::string_view repository) {
  if (!job.is_object()) return core::fail(Fault::invalid, "the job is no object");
  if (!is_repository(repository)) {
    return core::fail(Fault::invalid, "the repository is no \"owner/name\"");
  }
  core::JobEvent event;
  event.id = net::get_int(job, "id").value_or(0);
  if (event.id <= 0) return core::fail(Fault::invalid, "the job's \"id\" is no positive integer");
  event.run_id = net::get_int(job, "run_id").value_or(0);
  if (event.run_id <= 0) {
    return core::fail(Fault::invalid, "the job's \"run_id\" is no positive integer");
  }
  if (auto labels = read_labels(job, event.labels); !labels) {
    return std::unexpected(std::move(labels.error()));
  }
  event.status = core::parse_job_status(text_of(job, "status")).value_or(core::JobStatus::waiting);
  event.repository = repository;
  event.run_attempt = std::max<std::int64_t>(1, net::get_int(job, "run_attempt").value_or(1));
  event.name = bounded(text_of(job, "name"));
  event.workflow = bounded(text_of(job, "workflow_name"));
  event.runner_name = bounded(text_of(job, "runner_name"));
  event.runner_id = std::max<std::int64_t>(0, net::get_int(job, "runner_id").value_or(0));
  event.conclusion = bounded(text_of(job, "conclusion"), kMaxLabelBytes);
  event.created_at = time_of(job, "created_at");
  event.started_at = time_of(job, "started_at");
  event.completed_at = time_of(job, "completed_at");
  return event;
}

}  // namespace jitney::github
