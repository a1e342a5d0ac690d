// SPDX-License-Identifier: Apache-2.0
// What the table's calls do when DynamoDB answers in parts; and that the table is what is written
// of it.
#include "aws/dynamo_table.hpp"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_to.hpp>
#include <fstream>
#include <iterator>
#include <sstream>

#include "aws/scripted_test.hpp"
#include "net/json.hpp"

namespace jitney::aws {
namespace {

namespace json = boost::json;
using core::Fault;

std::string read(const std::string& path) {
  std::ifstream in(JITNEY_SOURCE_DIR "/" + path, std::ios::binary);
  EXPECT_TRUE(in) << path;
  return {std::istreambuf_iterator<char>(in), {}};
}

json::value asked(ScriptedAws& aws, std::size_t call) {
  return json::parse(aws.asked().at(call).body);
}

Item row(const std::string& pk, const std::string& sk) {
  return {{"pk", string_value(pk)}, {"sk", string_value(sk)}};
}

std::string page(std::initializer_list<const char*> sort_keys, const char* rest = "") {
  json::array items;
  for (const char* sk : sort_keys) items.push_back(row("p", sk));
  return R"({"Items":)" + json::serialize(items) + rest + "}";
}

class TableTest : public ::testing::Test {
 protected:
  ScriptedAws aws_;
  Client client_{aws_.options(), fixed_credentials(test_keys())};
  Table table_{client_, "t"};
};

TEST(TableDefinition, IsWhatTheDocumentationSays) {
  const std::string text = read("docs/formats.md");
  const std::size_t begin = text.find(R"({"TableName":"jitney-ledger")");
  ASSERT_NE(begin, std::string::npos);
  const std::string block = text.substr(begin, text.find("\n```", begin) - begin);
  EXPECT_EQ(json::parse(block), table_definition("jitney-ledger"));
}

// The file's words, one space between any two.
std::string squeezed(const std::string& text) {
  std::istringstream in(text);
  std::string all;
  for (std::string word; in >> word;) all += word + " ";
  return all;
}

TEST(TableDefinition, IsWhatTheTerraformModuleMakes) {
  const std::string made = squeezed(read("terraform/modules/jitney/table.tf"));
  const auto told = table_definition("t");
  const auto name_at = [](const json::value& keys, std::size_t i) {
    return json::value_to<std::string>(keys.at(i).at("AttributeName"));
  };
  const auto says = [&](const std::string& words) {
    EXPECT_NE(made.find(words), std::string::npos) << words;
  };
  const json::value& index = told.at("GlobalSecondaryIndexes").at(0);
  says("hash_key = \"" + name_at(told.at("KeySchema"), 0) + "\"");
  says("range_key = \"" + name_at(told.at("KeySchema"), 1) + "\"");
  says("global_secondary_index { name = \"" + json::value_to<std::string>(index.at("IndexName")) +
       "\" hash_key = \"" + name_at(index.at("KeySchema"), 0) + "\" range_key = \"" +
       name_at(index.at("KeySchema"), 1) + "\" projection_type = \"" +
       json::value_to<std::string>(index.at("Projection").at("ProjectionType")) + "\" }");
  std::string attributes;
  for (const json::value& attribute : told.at("AttributeDefinitions").as_array()) {
    attributes += (attributes.empty() ? "\"" : ", \"") +
                  json::value_to<std::string>(attribute.at("AttributeName")) + "\"";
    EXPECT_EQ(attribute.at("AttributeType"), "S");
  }
  says("for_each = [" + attributes + "]");
  says("type = \"S\"");
  says("billing_mode = \"" + json::value_to<std::string>(told.at("BillingMode")) + "\"");
  says("ttl { attribute_name = \"ttl\" enabled = true }");
  says("point_in_time_recovery { enabled = true }");
}

TEST_F(TableTest, AQueryFollowsEveryPage) {
  aws_.then(
      answer(200, page({"a", "b"}, R"(,"LastEvaluatedKey":{"pk":{"S":"p"},"sk":{"S":"b"}})")));
  aws_.then(answer(200, page({}, R"(,"LastEvaluatedKey":{"pk":{"S":"p"},"sk":{"S":"c"}})")));
  aws_.then(answer(200, page({"d"})));
  const auto found = table_.query({.pk = "p", .prefix = "x#"});
  ASSERT_TRUE(found) << found.error().what;
  EXPECT_EQ(found->size(), 3U);
  EXPECT_EQ(aws_.calls(), 3U);
  EXPECT_EQ(asked(aws_, 2).at("ExclusiveStartKey"),
            json::parse(R"({"pk":{"S":"p"},"sk":{"S":"c"}})"));
  EXPECT_EQ(asked(aws_, 0).at("ConsistentRead"), true);
}

TEST_F(TableTest, KeysThatWereLeftOutAreAskedForAgain) {
  const std::vector<Key> keys{{"p", "a"}, {"p", "b"}};
  aws_.then(answer(200, R"({"Responses":{"t":[{"pk":{"S":"p"},"sk":{"S":"a"}}]},
    "UnprocessedKeys":{"t":{"Keys":[{"pk":{"S":"p"},"sk":{"S":"b"}}]}}})"));
  aws_.then(answer(200, R"({"Responses":{"t":[{"pk":{"S":"p"},"sk":{"S":"b"}}]}})"));
  const auto found = table_.get(keys);
  ASSERT_TRUE(found) << found.error().what;
  EXPECT_TRUE(found->contains(keys[0]) && found->contains(keys[1]));
  EXPECT_EQ(asked(aws_, 1).at("RequestItems").at("t").at("Keys").as_array().size(), 1U);
}

TEST_F(TableTest, MoreKeysThanOneCallHoldsAreReadInSeveral) {
  std::vector<Key> keys;
  for (int i = 0; i < 150; ++i) keys.push_back({"p", std::to_string(i)});
  aws_.otherwise(answer(200, R"({"Responses":{"t":[]}})"));
  EXPECT_TRUE(table_.get(keys));
  ASSERT_EQ(aws_.calls(), 2U);
  for (std::size_t call = 0; call < 2; ++call) {
    EXPECT_LE(asked(aws_, call).at("RequestItems").at("t").at("Keys").as_array().size(), 100U);
  }
}

TEST_F(TableTest, WritesThatWereLeftOutAreSentAgain) {
  std::vector<Item> items;
  for (int i = 0; i < 30; ++i) items.push_back(row("p", std::to_string(i)));
  aws_.then(answer(200, R"({"UnprocessedItems":{"t":[{"DeleteRequest":{"Key":{}}}]}})"));
  aws_.otherwise(answer(200));
  EXPECT_TRUE(table_.put_all(items));
  EXPECT_EQ(aws_.calls(), 2U);
  const auto second = asked(aws_, 1).at("RequestItems").at("t").as_array();
  EXPECT_EQ(second.size(), 30U - 25U + 1U);
}

TEST_F(TableTest, AnEndlessRestIsAThrottleAndNoSuccess) {
  aws_.otherwise(answer(200, R"({"UnprocessedItems":{"t":[{"PutRequest":{"Item":{}}}]}})"));
  const std::vector<Item> items{row("p", "a"), row("p", "b")};
  const auto put = table_.put_all(items);
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().fault, Fault::throttled);
  EXPECT_LT(aws_.calls(), 20U);
}

TEST_F(TableTest, ATransactionKeepsItsTokenThroughRetries) {
  aws_.then(refusal(500, "InternalServerError"));
  aws_.then(refusal(400, "ThrottlingException"));
  aws_.then(answer(200));
  const json::array actions{table_.put_action(row("p", "a"), 0)};
  EXPECT_TRUE(table_.transact(actions));
  ASSERT_EQ(aws_.calls(), 3U);
  const auto token = asked(aws_, 0).at("ClientRequestToken");
  EXPECT_EQ(asked(aws_, 1).at("ClientRequestToken"), token);
  EXPECT_EQ(asked(aws_, 2).at("ClientRequestToken"), token);
  aws_.then(answer(200));
  EXPECT_TRUE(table_.transact(actions));
  EXPECT_NE(asked(aws_, 3).at("ClientRequestToken"), token) << "another transaction";
}

TEST_F(TableTest, ACancelledTransactionIsAConflictOnlyForConflicts) {
  const json::array actions{table_.put_action(row("p", "a"), 3)};
  const auto cancelled = [&](const std::string& code) {
    aws_.then(
        answer(400, R"({"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException",)"
                    R"("Message":"Transaction cancelled [)" +
                        code +
                        R"(, None]",)"
                        R"("CancellationReasons":[{"Code":")" +
                        code + R"("},{"Code":"None"}]})"));
    const auto done = table_.transact(actions);
    EXPECT_FALSE(done);
    return done ? Fault::cancelled : done.error().fault;
  };
  EXPECT_EQ(cancelled("ConditionalCheckFailed"), Fault::conflict);
  EXPECT_EQ(cancelled("TransactionConflict"), Fault::conflict);
  EXPECT_EQ(cancelled("ValidationError"), Fault::invalid);
}

}  // namespace
}  // namespace jitney::aws
