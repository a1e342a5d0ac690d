// SPDX-License-Identifier: Apache-2.0
// The survey on moto, as far as moto plays what it asks: others' answers to our questions. It knows
// no EC2 quotas (survey_test.cpp).
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json/object.hpp>

#include "aws/dynamo_table.hpp"
#include "aws/survey.hpp"
#include "aws/xml.hpp"
#include "net/json.hpp"
#include "tests/aws/moto.hpp"

namespace jitney::aws {
namespace {

using boost::json::object;
using core::Fault;

constexpr const char* kBucketPlace =
    "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
    "<LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>";

class SurveyMoto : public testing::Test {
 protected:
  pugi::xml_document call(Service service, std::string_view operation,
                          const Parameters& parameters) {
    auto answer = client_->query(service, operation, parameters);
    EXPECT_TRUE(answer) << answer.error().what;
    return answer ? *std::move(answer) : pugi::xml_document{};
  }

  std::unique_ptr<Client> client_ = tests::Moto::shared().client();
};

TEST_F(SurveyMoto, KnowsTheCaller) {
  const auto identity = who_am_i(*client_);
  ASSERT_TRUE(identity) << identity.error().what;
  EXPECT_EQ(identity->account, "123456789012");
}

TEST_F(SurveyMoto, ReadsATemplateByNameAndById) {
  const std::string name = tests::Moto::fresh_name("cpu");
  const auto made = call(Service::ec2, "CreateLaunchTemplate",
                         {{"LaunchTemplateName", name},
                          {"LaunchTemplateData.ImageId", "ami-12c6146b"},
                          {"LaunchTemplateData.InstanceInitiatedShutdownBehavior", "terminate"},
                          {"LaunchTemplateData.MetadataOptions.HttpTokens", "required"},
                          {"LaunchTemplateData.IamInstanceProfile.Name", "machines"}});
  const std::string id = text_at(made.document_element(), {"launchTemplate", "launchTemplateId"});
  for (const std::string& key : {name, id}) {
    const auto data = template_data(*client_, key, "$Default");
    ASSERT_TRUE(data) << data.error().what;
    EXPECT_EQ(data->id, id);
    EXPECT_EQ(data->version, "1");
    EXPECT_EQ(data->image, "ami-12c6146b");
    EXPECT_EQ(data->shutdown, "terminate");
    EXPECT_EQ(data->tokens, "required");
    EXPECT_TRUE(data->has_profile);
  }
  const auto none = template_data(*client_, tests::Moto::fresh_name("no"), "$Default");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().fault, Fault::invalid) << none.error().what;
}

TEST_F(SurveyMoto, ReadsAnImageTypesZonesAndSubnets) {
  const auto seen = image(*client_, "ami-12c6146b");
  ASSERT_TRUE(seen) << seen.error().what;
  EXPECT_EQ(seen->state, "available");
  EXPECT_FALSE(seen->architecture.empty());
  const auto types = instance_types(*client_, {"m5.large", "m6g.large"});
  ASSERT_TRUE(types) << types.error().what;
  EXPECT_EQ(types->at("m5.large").vcpus, 2);
  EXPECT_TRUE(types->at("m5.large").spot);
  EXPECT_EQ(types->at("m6g.large").architectures, std::vector<std::string>{"arm64"});
  const auto zones = offerings(*client_, {"m5.large"});
  ASSERT_TRUE(zones) << zones.error().what;
  EXPECT_FALSE(zones->at("m5.large").empty());
  const auto listed = call(Service::ec2, "DescribeSubnets", {});
  const std::string id = text_at(listed.document_element(), {"subnetSet", "item", "subnetId"});
  const auto found = subnets(*client_, {id});
  ASSERT_TRUE(found) << found.error().what;
  EXPECT_TRUE(found->at(id).zone.starts_with("eu-west-1"));
  EXPECT_GT(found->at(id).free_addresses, 0);
  EXPECT_EQ(subnets(*client_, {"subnet-00000000"}).error().fault, Fault::invalid);
}

TEST_F(SurveyMoto, TheSpotRoleIsThereOnceItWasMade) {
  static_cast<void>(
      client_->query(Service::iam, "DeleteRole", {{"RoleName", "AWSServiceRoleForEC2Spot"}}));
  EXPECT_EQ(has_spot_role(*client_), false);
  call(Service::iam, "CreateServiceLinkedRole", {{"AWSServiceName", "spot.amazonaws.com"}});
  call(Service::iam, "CreateRole",
       {{"RoleName", "AWSServiceRoleForEC2Spot"}, {"AssumeRolePolicyDocument", "{}"}});
  EXPECT_EQ(has_spot_role(*client_), true);
}

TEST_F(SurveyMoto, ReadsTableQueueBucketAndScript) {
  const std::string table = tests::Moto::fresh_name("ledger");
  EXPECT_EQ(table_status(*client_, table).error().fault, Fault::invalid);
  ASSERT_TRUE(client_->json(Service::dynamodb, "CreateTable", table_definition(table)));
  EXPECT_EQ(table_status(*client_, table), "ACTIVE");

  const auto queue = client_->json(Service::sqs, "CreateQueue",
                                   object{{"QueueName", tests::Moto::fresh_name("q")}});
  ASSERT_TRUE(queue);
  const std::string url = net::get_string_or(*queue, "QueueUrl", "");
  ASSERT_TRUE(
      client_->json(Service::sqs, "SendMessage", object{{"QueueUrl", url}, {"MessageBody", "x"}}));
  const auto depth = queue_depth(*client_, url);
  ASSERT_TRUE(depth) << depth.error().what;
  EXPECT_EQ(depth->waiting, 1);
  EXPECT_EQ(depth->under_way, 0);

  const std::string bucket = tests::Moto::fresh_name("jit");
  EXPECT_EQ(versioning(*client_, bucket).error().fault, Fault::invalid);
  ASSERT_TRUE(client_->s3("PUT", bucket, "", {}, {}, kBucketPlace));
  EXPECT_EQ(versioning(*client_, bucket), "");
  EXPECT_EQ(has_object(*client_, bucket, "jitney-runner"), false);
  ASSERT_TRUE(client_->s3("PUT", bucket, "jitney-runner", {}, {}, "#!/bin/bash"));
  EXPECT_EQ(has_object(*client_, bucket, "jitney-runner"), true);
}

TEST_F(SurveyMoto, CountsWhatCloudWatchHas) {
  const std::string name = tests::Moto::fresh_name("sweep");
  const core::Time now =
      std::chrono::time_point_cast<core::Duration>(std::chrono::system_clock::now());
  const std::string member = "MetricData.member.1.";
  call(Service::cloudwatch, "PutMetricData",
       {{"Namespace", "AWS/Lambda"},
        {member + "MetricName", "Invocations"},
        {member + "Value", "3"},
        {member + "Dimensions.member.1.Name", "FunctionName"},
        {member + "Dimensions.member.1.Value", name}});
  // What is put now belongs to a period that has not ended: the question goes to the next one.
  const auto runs = function_runs(*client_, {name}, now + std::chrono::minutes(16));
  ASSERT_TRUE(runs) << runs.error().what;
  EXPECT_EQ(runs->at(name).runs, 3);
  EXPECT_EQ(runs->at(name).errors, 0);
  EXPECT_GT(runs->at(name).last_run, now - std::chrono::minutes(16));
}

}  // namespace
}  // namespace jitney::aws
