// SPDX-License-Identifier: Apache-2.0
// A status and header lines, an empty line, and the body of an AWS service's answer; or what gives
// credentials.
#include <algorithm>
#include <charconv>

#include "aws/credentials_sources.hpp"
#include "aws/faults.hpp"
#include "tests/fuzz/property.hpp"
#include "tests/fuzz/utf8.hpp"

namespace jitney::fuzz {
namespace {

constexpr aws::Service kServices[] = {aws::Service::dynamodb, aws::Service::ec2,
                                      aws::Service::s3,       aws::Service::sqs,
                                      aws::Service::ssm,      aws::Service::secretsmanager,
                                      aws::Service::sts};

net::Response read_answer(std::string_view input) {
  Lines lines(input);
  net::Response answer;
  const std::string_view status = lines.take();
  std::from_chars(status.data(), status.data() + status.size(), answer.status);
  for (auto line = lines.take(); !line.empty(); line = lines.take()) {
    const std::size_t colon = std::min(line.find(": "), line.size());
    answer.headers.add(std::string(line.substr(0, colon)),
                       std::string(line.substr(std::min(line.size(), colon + 2))));
  }
  answer.body = lines.rest();
  return answer;
}

void expect_credentials(std::string_view body) {
  const auto credentials = aws::parse_credentials(body, "the fuzzer");
  if (!credentials) {
    expect(credentials.error().what.size() < 200, "a refusal quotes nothing");
    return;
  }
  expect(!credentials->access_key_id.empty() && !credentials->secret_access_key.empty(),
         "credentials have both parts");
}

}  // namespace

void target(std::string_view input) {
  const net::Response answer = read_answer(input);
  expect_credentials(answer.body);
  for (const aws::Service service : kServices) {
    const core::Error error = aws::to_error(service, "DoSomething", answer);
    expect(error.what.size() < 1500, "an error's text is bounded");
    expect(std::ranges::none_of(error.what,
                                [](char c) { return static_cast<unsigned char>(c) < ' '; }),
           "an error's text is one line");
    if (is_utf8(input)) expect(is_utf8(error.what), "an error's text can be stored");
    if (error.retry_after) {
      expect(*error.retry_after > core::Duration(0) && *error.retry_after <= std::chrono::hours(1),
             "patience has an end");
    }
  }
}

}  // namespace jitney::fuzz
