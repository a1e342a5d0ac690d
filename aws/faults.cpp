// SPDX-License-Identifier: Apache-2.0
#include "aws/faults.hpp"

#include <algorithm>
#include <charconv>
#include <span>

#include "aws/fault_table.hpp"

namespace jitney::aws {
namespace {

using core::Fault;

// What a table says of a code, in that table only.
const FaultRow* find(std::span<const FaultRow> rows, std::string_view code) {
  const auto found = std::ranges::find(rows, code, &FaultRow::code);
  return found == rows.end() ? nullptr : &*found;
}

// The gravest reason decides: a condition that did not hold needs a new read whatever else was
// wrong, but an action that can never work is told first.
Fault fault_of_reasons(std::string_view reasons) {
  for (const FaultRow& row : cancellation_reasons()) {
    if (reasons.find(row.code) != std::string_view::npos) return row.fault;
  }
  return Fault::transient;
}

Fault fault_of_status(int status) {
  if (status == 401 || status == 403) return Fault::unauthorized;
  if (status == 404) return Fault::not_found;
  if (status == 409 || status == 412) return Fault::conflict;
  if (status == 429 || status == 503) return Fault::throttled;
  if (status >= 300 && status < 400) return Fault::invalid;
  return Fault::transient;
}

// Seconds; a stranger's number, so bounded.
std::optional<core::Duration> asked_wait(const net::Headers& headers) {
  const auto text = headers.get("Retry-After");
  if (!text) return std::nullopt;
  int seconds = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), seconds);
  if (error != std::errc{} || end != text->data() + text->size()) return std::nullopt;
  return std::chrono::seconds(std::clamp(seconds, 1, 300));
}

}  // namespace

std::optional<Fault> known_fault(Service service, std::string_view code) {
  if (const auto* row = find(fault_rows(service), code)) return row->fault;
  if (const auto* row = find(common_fault_rows(), code)) return row->fault;
  return std::nullopt;
}

Fault fault_of(Service service, int status, const VendorError& error) {
  if (error.code.empty()) return fault_of_status(status);
  if (service == Service::dynamodb && error.code == "TransactionCanceledException") {
    return fault_of_reasons(error.reasons);
  }
  return known_fault(service, error.code).value_or(Fault::transient);
}

core::Error to_error(Service service, std::string_view operation, const net::Response& response) {
  const VendorError error = read_error(response);
  core::Error out{.fault = fault_of(service, response.status, error)};
  const std::string status = "HTTP " + std::to_string(response.status);
  out.what = std::string(names_of(service).name) + " " + std::string(operation) + ": ";
  if (error.code.empty()) {
    out.what += status + " without an error code";
  } else {
    const bool known = known_fault(service, error.code) || !error.reasons.empty();
    out.what += error.code + " (" + status + (known ? ")" : ", a code not known here)");
  }
  if (!error.message.empty()) out.what += ": " + error.message;
  if (!error.reasons.empty()) out.what += " (reasons: " + error.reasons + ")";
  if (!error.request_id.empty()) out.what += " [request " + error.request_id + "]";
  if (out.fault == Fault::throttled || out.fault == Fault::transient) {
    out.retry_after = asked_wait(response.headers);
  }
  return out;
}

}  // namespace jitney::aws
