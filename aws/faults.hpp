// SPDX-License-Identifier: Apache-2.0
// What AWS's error codes mean for a caller: the one table. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "aws/service.hpp"
#include "core/result.hpp"
#include "net/http.hpp"

namespace jitney::aws {

// A stranger's words for a log or a row: control characters become blanks; at most `longest` bytes,
// and no half of a UTF-8 character at the end, which DynamoDB would refuse with the whole row.
std::string printable(std::string_view text, std::size_t longest);

// An answer that is no 2xx, or an error inside one, in any of AWS's formats.
struct VendorError {
  std::string code;        // without namespace, "Client." or URL; empty when there is none
  std::string message;     // printable, bounded
  std::string request_id;  // may be empty
  std::string reasons;  // of a cancelled DynamoDB transaction, each once: "ConditionalCheckFailed"
};

// JSON (whatever the service), EC2's, STS's and S3's XML. What cannot be read leaves fields empty.
VendorError read_error(const net::Response& response);

// A code as it stands in an answer or in an error set of CreateFleet. nullopt: in no table.
std::optional<core::Fault> known_fault(Service service, std::string_view code);

// The same, by status where there is no code (HEAD). A code in no table is `transient`, so that
// retries are bounded and it is never taken for a success.
core::Fault fault_of(Service service, int status, const VendorError& error);

// For a tired person: "dynamodb PutItem: ConditionalCheckFailedException (HTTP 400): The ...
// [request 7AB]". A code in no table is called so.
core::Error to_error(Service service, std::string_view operation, const net::Response& response);

}  // namespace jitney::aws
