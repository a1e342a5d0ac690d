// SPDX-License-Identifier: Apache-2.0
#include "aws/faults.hpp"

#include <gtest/gtest.h>

#include <set>

#include "aws/fault_table.hpp"

namespace jitney::aws {
namespace {

using core::Fault;

net::Response ec2_error(int status, const std::string& code) {
  return {.status = status,
          .body = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>" +
                  code +
                  "</Code><Message>as told</Message></Error></Errors><RequestID>ea-1"
                  "</RequestID></Response>"};
}
net::Response s3_error(int status, const std::string& code) {
  return {.status = status,
          .body = "<?xml version=\"1.0\"?><Error><Code>" + code +
                  "</Code><Message>as told</Message><RequestId>4442</RequestId></Error>"};
}
net::Response sts_error(int status, const std::string& code) {
  return {.status = status,
          .body =
              "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>"
              "Sender</Type><Code>" +
              code +
              "</Code><Message>as told</Message></Error><RequestId>c6-1</RequestId>"
              "</ErrorResponse>"};
}
net::Response json_error(int status, const std::string& code) {
  net::Response out{.status = status,
                    .body = R"({"__type":"com.amazonaws.x#)" + code + R"(","message":"as told"})"};
  out.headers.add("x-amzn-RequestId", "77");
  return out;
}
net::Response error_of(Service service, int status, const std::string& code) {
  switch (service) {
    case Service::ec2:
      return ec2_error(status, code);
    case Service::s3:
      return s3_error(status, code);
    case Service::sts:
    case Service::iam:
    case Service::cloudwatch:
      return sts_error(status, code);
    case Service::dynamodb:
    case Service::sqs:
    case Service::ssm:
    case Service::secretsmanager:
    case Service::servicequotas:
      return json_error(status, code);
  }
  return {};
}

// The decisions themselves, one code for each that callers depend on.
struct Decision {
  Service service;
  std::string code;
  Fault fault;
};
const std::vector<Decision>& decisions() {
  static const std::vector<Decision> kAll{
      {Service::dynamodb, "ConditionalCheckFailedException", Fault::conflict},
      {Service::dynamodb, "TransactionConflictException", Fault::conflict},
      {Service::dynamodb, "ProvisionedThroughputExceededException", Fault::throttled},
      {Service::dynamodb, "TransactionInProgressException", Fault::transient},
      {Service::dynamodb, "ResourceNotFoundException", Fault::invalid},
      {Service::secretsmanager, "ResourceNotFoundException", Fault::not_found},
      {Service::ec2, "InsufficientInstanceCapacity", Fault::no_capacity},
      {Service::ec2, "MaxSpotInstanceCountExceeded", Fault::no_capacity},
      {Service::ec2, "VcpuLimitExceeded", Fault::no_capacity},
      {Service::ec2, "SpotMaxPriceTooLow", Fault::no_capacity},
      {Service::ec2, "UnfulfillableCapacity", Fault::no_capacity},
      {Service::ec2, "InsufficientFreeAddressesInSubnet", Fault::no_capacity},
      {Service::ec2, "Unsupported", Fault::no_capacity},
      {Service::ec2, "RequestLimitExceeded", Fault::throttled},
      {Service::ec2, "PendingVerification", Fault::not_ready},
      {Service::ec2, "IdempotentInstanceTerminated", Fault::conflict},
      {Service::ec2, "InvalidInstanceID.NotFound", Fault::not_found},
      {Service::ec2, "InvalidLaunchTemplateName.NotFoundException", Fault::invalid},
      {Service::ec2, "InvalidLaunchTemplateId.NotFound", Fault::invalid},
      {Service::ec2, "IdempotentParameterMismatch", Fault::invalid},
      {Service::ec2, "UnauthorizedOperation", Fault::unauthorized},
      {Service::ec2, "AuthFailure", Fault::unauthorized},
      {Service::ec2, "InternalError", Fault::transient},
      {Service::ec2, "DryRunOperation", Fault::conflict},
      {Service::sqs, "QueueDoesNotExist", Fault::invalid},
      {Service::sqs, "AWS.SimpleQueueService.NonExistentQueue", Fault::invalid},
      {Service::sqs, "ReceiptHandleIsInvalid", Fault::not_found},
      {Service::sqs, "OverLimit", Fault::throttled},
      {Service::ssm, "InvalidInstanceId", Fault::not_ready},
      {Service::ssm, "InvocationDoesNotExist", Fault::not_ready},
      {Service::ssm, "ThrottlingException", Fault::throttled},
      {Service::ssm, "ParameterNotFound", Fault::not_found},
      {Service::ssm, "InvalidDocument", Fault::invalid},
      {Service::s3, "NoSuchKey", Fault::not_found},
      {Service::s3, "NoSuchBucket", Fault::invalid},
      {Service::s3, "PreconditionFailed", Fault::conflict},
      {Service::s3, "SlowDown", Fault::throttled},
      {Service::s3, "AccessDenied", Fault::unauthorized},
      {Service::sts, "InvalidIdentityToken", Fault::unauthorized},
      {Service::sts, "IDPCommunicationError", Fault::transient},
      {Service::iam, "NoSuchEntity", Fault::not_found},
      {Service::cloudwatch, "InternalServiceFault", Fault::transient},
      {Service::servicequotas, "NoSuchResourceException", Fault::not_found},
      {Service::ec2, "InvalidInstanceType", Fault::invalid},
  };
  return kAll;
}

TEST(Faults, EachDecisionHoldsInItsServicesOwnFormat) {
  for (const auto& [service, code, fault] : decisions()) {
    const auto error = to_error(service, "Do", error_of(service, 400, code));
    EXPECT_EQ(error.fault, fault) << error.what;
    EXPECT_NE(error.what.find(code + " (HTTP 400): as told [request "), std::string::npos)
        << error.what;
    EXPECT_TRUE(known_fault(service, code)) << code;
  }
}

TEST(Faults, EveryRowIsReadAsItStands) {
  const auto check = [](Service service, std::span<const FaultRow> rows) {
    for (const FaultRow& row : rows) {
      const auto error = to_error(service, "Do", error_of(service, 400, std::string(row.code)));
      EXPECT_EQ(error.fault, row.fault) << error.what;
      EXPECT_EQ(error.what.find("not known"), std::string::npos) << error.what;
    }
  };
  for (const Service service : kServices) {
    check(service, fault_rows(service));
    check(service, common_fault_rows());
  }
}

TEST(Faults, NoCodeStandsTwice) {
  for (const Service service : kServices) {
    std::set<std::string_view> seen;
    for (const auto rows : {fault_rows(service), common_fault_rows()}) {
      for (const auto& row : rows) EXPECT_TRUE(seen.insert(row.code).second) << row.code;
    }
  }
}

TEST(Faults, ACodeInNoTableIsTransientAndCalledUnknown) {
  for (const Service service : kServices) {
    const auto error = to_error(service, "Do", error_of(service, 400, "BrandNewException"));
    EXPECT_EQ(error.fault, Fault::transient);
    EXPECT_NE(error.what.find("BrandNewException (HTTP 400, a code not known here)"),
              std::string::npos)
        << error.what;
    EXPECT_FALSE(known_fault(service, "BrandNewException"));
  }
}

TEST(Faults, WithoutACodeTheStatusDecides) {
  const auto fault = [](int status) {
    return to_error(Service::s3, "HEAD b/k", {.status = status}).fault;
  };
  EXPECT_EQ(fault(404), Fault::not_found);
  EXPECT_EQ(fault(403), Fault::unauthorized);
  EXPECT_EQ(fault(401), Fault::unauthorized);
  EXPECT_EQ(fault(412), Fault::conflict);
  EXPECT_EQ(fault(409), Fault::conflict);
  EXPECT_EQ(fault(503), Fault::throttled);
  EXPECT_EQ(fault(429), Fault::throttled);
  EXPECT_EQ(fault(301), Fault::invalid);
  EXPECT_EQ(fault(500), Fault::transient);
  EXPECT_EQ(fault(400), Fault::transient);
}

net::Response cancelled(const std::string& reasons) {
  return {.status = 400,
          .body = R"({"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException",)"
                  R"("message":"Transaction cancelled","CancellationReasons":[)" +
                  reasons + "]}"};
}

TEST(Faults, ACancelledTransactionIsJudgedByItsReasons) {
  const auto judged = [](const std::string& reasons) {
    return to_error(Service::dynamodb, "TransactWriteItems", cancelled(reasons));
  };
  const std::string none = R"({"Code":"None"})";
  const std::string condition = R"({"Code":"ConditionalCheckFailed","Message":"no"})";
  const std::string rival = R"({"Code":"TransactionConflict"})";
  const std::string slow = R"({"Code":"ThrottlingError"})";
  const std::string bad = R"({"Code":"ValidationError"})";
  EXPECT_EQ(judged(none + "," + condition).fault, Fault::conflict);
  EXPECT_EQ(judged(rival).fault, Fault::conflict);
  EXPECT_EQ(judged(slow).fault, Fault::throttled);
  EXPECT_EQ(judged(R"({"Code":"ProvisionedThroughputExceeded"})").fault, Fault::throttled);
  EXPECT_EQ(judged(R"({"Code":"ItemCollectionSizeLimitExceeded"})").fault, Fault::invalid);
  EXPECT_EQ(judged(R"({"Code":"DuplicateItem"})").fault, Fault::conflict);
  EXPECT_EQ(judged(slow + "," + condition).fault, Fault::conflict);
  EXPECT_EQ(judged(condition + "," + bad).fault, Fault::invalid);
  EXPECT_EQ(judged(none).fault, Fault::transient);
  EXPECT_EQ(judged(R"({"Code":"SomethingNew"})").fault, Fault::transient);
  const auto text = judged(condition + "," + condition + "," + rival).what;
  EXPECT_NE(text.find("(reasons: ConditionalCheckFailed, TransactionConflict)"), std::string::npos)
      << text;
}

TEST(Faults, CodesAreReadFromWhereverTheyStand) {
  const auto code = [](net::Response response) { return read_error(response).code; };
  EXPECT_EQ(code({.status = 400, .body = R"({"__type":"a.b#C:http://x"})"}), "C");
  EXPECT_EQ(code({.status = 400, .body = R"({"code":"C"})"}), "C");
  EXPECT_EQ(code({.status = 400, .headers = {{"x-amzn-ErrorType", "C:http://x"}}, .body = "{}"}),
            "C");
  EXPECT_EQ(
      code({.status = 400, .headers = {{"x-amzn-query-error", "AWS.SimpleQueueService.X;Sender"}}}),
      "AWS.SimpleQueueService.X");
  EXPECT_EQ(code(ec2_error(503, "Server.InsufficientInstanceCapacity")),
            "InsufficientInstanceCapacity");
  // Authentication errors of JSON services have been seen as XML.
  EXPECT_EQ(to_error(Service::sqs, "Do", sts_error(403, "SignatureDoesNotMatch")).fault,
            Fault::unauthorized);
}

TEST(Faults, WhatCannotBeReadIsStillAnError) {
  for (const auto* body : {"", "<html>Oops</html>", "<unclosed", "{", "null", "[1]", "\xff\xfe",
                           R"({"__type":7,"message":{}})"}) {
    const auto error = to_error(Service::sqs, "Do", {.status = 500, .body = body});
    EXPECT_EQ(error.fault, Fault::transient) << body;
    EXPECT_EQ(error.what, "sqs Do: HTTP 500 without an error code") << body;
  }
}

TEST(Faults, TextsAreBoundedAndPrintable) {
  const auto error = read_error(
      {.status = 400,
       .body = R"({"__type":"C","message":"a\nb\u001b[31m)" + std::string(5000, 'x') + "\"}"});
  EXPECT_EQ(error.message.substr(0, 9), "a b [31mx");
  EXPECT_EQ(error.message.size(), 300U);
  std::string wide;
  for (int i = 0; i < 400; ++i) wide += "é";
  const auto cut =
      read_error({.status = 400, .body = R"({"__type":"C","message":"x)" + wide + "\"}"});
  EXPECT_EQ(cut.message.size(), 299U);  // no half of a character
}

TEST(Faults, WaitsAreBoundedWhateverAwsSays) {
  const auto wait = [](const std::string& after) {
    return to_error(Service::s3, "GET b/k", {.status = 503, .headers = {{"Retry-After", after}}})
        .retry_after;
  };
  EXPECT_EQ(wait("7"), std::chrono::seconds(7));
  EXPECT_EQ(wait("0"), std::chrono::seconds(1));
  EXPECT_EQ(wait("99999"), std::chrono::seconds(300));
  EXPECT_EQ(wait("99999999999999999999"), std::nullopt);
  EXPECT_EQ(wait("Sat, 28 Nov 2026 13:33:38 GMT"), std::nullopt);
}

}  // namespace
}  // namespace jitney::aws
