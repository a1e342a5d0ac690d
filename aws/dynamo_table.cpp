// SPDX-License-Identifier: Apache-2.0
#include "aws/dynamo_table.hpp"

#include <algorithm>
#include <set>

#include "aws/backoff.hpp"
#include "net/crypto.hpp"

namespace jitney::aws {

namespace json = boost::json;
using core::Fault;

namespace {

constexpr std::size_t kReadsPerBatch = 100;  // BatchGetItem
constexpr std::size_t kWritesPerBatch = 25;  // BatchWriteItem
constexpr int kRests = 8;                    // how often an unprocessed rest is sent again

json::object key_item(const Key& key) {
  return {{"pk", string_value(key.pk)}, {"sk", string_value(key.sk)}};
}

const json::value* member(const json::object* object, std::string_view name) {
  return object != nullptr ? object->if_contains(name) : nullptr;
}

const json::array* array_in(const json::object* object, std::string_view name) {
  const json::value* found = member(object, name);
  return found != nullptr ? found->if_array() : nullptr;
}

const json::object* object_in(const json::object* object, std::string_view name) {
  const json::value* found = member(object, name);
  return found != nullptr ? found->if_object() : nullptr;
}

// Calls `take` with each object of the array; none when it is absent.
template <class Take>
void each_object(const json::array* array, Take&& take) {
  if (array == nullptr) return;
  for (const json::value& value : *array) {
    if (const json::object* object = value.if_object()) take(*object);
  }
}

core::Status finished(const core::Result<json::value>& answer) {
  if (!answer) return std::unexpected(answer.error());
  return {};
}

std::unexpected<core::Error> unprocessed(const std::string& table) {
  return core::fail(Fault::throttled, "DynamoDB table " + table +
                                          " keeps leaving part of each request unprocessed: "
                                          "it is throttled, or a partition is hot");
}

void add_condition(json::object& action, std::optional<std::int64_t> version) {
  if (!version) return;
  if (*version == 0) {
    action["ConditionExpression"] = "attribute_not_exists(pk)";
    return;
  }
  action["ConditionExpression"] = "v = :seen";
  action["ExpressionAttributeValues"] = json::object{{":seen", number_value(*version)}};
}

}  // namespace

Key key_of(const Item& item) { return {text_of(item, "pk"), text_of(item, "sk")}; }

json::value table_definition(std::string_view name) {
  const auto attribute = [](std::string_view attribute_name) {
    return json::object{{"AttributeName", attribute_name}, {"AttributeType", "S"}};
  };
  const auto keys = [](std::string_view hash, std::string_view range) {
    return json::array{json::object{{"AttributeName", hash}, {"KeyType", "HASH"}},
                       json::object{{"AttributeName", range}, {"KeyType", "RANGE"}}};
  };
  return json::object{
      {"TableName", name},
      {"BillingMode", "PAY_PER_REQUEST"},
      {"AttributeDefinitions",
       json::array{attribute("pk"), attribute("sk"), attribute("list"), attribute("list_at")}},
      {"KeySchema", keys("pk", "sk")},
      {"GlobalSecondaryIndexes",
       json::array{json::object{{"IndexName", "lists"},
                                {"KeySchema", keys("list", "list_at")},
                                {"Projection", json::object{{"ProjectionType", "KEYS_ONLY"}}}}}}};
}

core::Result<std::optional<Item>> Table::get(const Key& key) {
  const auto answer = client_.json(
      Service::dynamodb, "GetItem",
      json::object{{"TableName", name_}, {"Key", key_item(key)}, {"ConsistentRead", true}});
  if (!answer) return std::unexpected(answer.error());
  const json::object* item = object_in(answer->if_object(), "Item");
  if (item == nullptr) return std::nullopt;
  return *item;
}

core::Result<std::map<Key, Item>> Table::get(std::span<const Key> keys) {
  std::map<Key, Item> found;
  const std::set<Key> wanted(keys.begin(), keys.end());
  std::vector<Key> rest(wanted.begin(), wanted.end());
  Backoff backoff;
  for (int unlucky = 0; !rest.empty();) {
    const std::size_t count = std::min(rest.size(), kReadsPerBatch);
    json::array asked;
    for (std::size_t i = rest.size() - count; i < rest.size(); ++i) {
      asked.push_back(key_item(rest[i]));
    }
    rest.resize(rest.size() - count);
    const json::object request{{"Keys", std::move(asked)}, {"ConsistentRead", true}};
    const auto answer =
        client_.json(Service::dynamodb, "BatchGetItem",
                     json::object{{"RequestItems", json::object{{name_, request}}}});
    if (!answer) return std::unexpected(answer.error());
    each_object(array_in(object_in(answer->if_object(), "Responses"), name_),
                [&](const Item& item) { found.emplace(key_of(item), item); });
    const json::object* left = object_in(object_in(answer->if_object(), "UnprocessedKeys"), name_);
    const json::array* again = array_in(left, "Keys");
    if (again == nullptr || again->empty()) continue;
    if (++unlucky > kRests) return unprocessed(name_);
    each_object(again, [&](const Item& key) { rest.push_back(key_of(key)); });
    backoff.pause();
  }
  return found;
}

core::Result<std::vector<Item>> Table::query(const Range& range) {
  json::object values{{":pk", string_value(range.pk)}};
  std::string condition = "pk = :pk";
  if (!range.prefix.empty()) {
    values[":prefix"] = string_value(range.prefix);
    condition += " AND begins_with(sk, :prefix)";
  }
  json::object input{{"TableName", name_},
                     {"KeyConditionExpression", condition},
                     {"ExpressionAttributeValues", std::move(values)},
                     {"ScanIndexForward", !range.newest_first},
                     {"ConsistentRead", true}};
  if (range.limit != 0) input["Limit"] = range.limit;
  std::vector<Item> found;
  while (true) {
    const auto answer = client_.json(Service::dynamodb, "Query", input);
    if (!answer) return std::unexpected(answer.error());
    each_object(array_in(answer->if_object(), "Items"),
                [&](const Item& item) { found.push_back(item); });
    const json::object* next = object_in(answer->if_object(), "LastEvaluatedKey");
    if (next == nullptr || next->empty()) return found;
    if (range.limit != 0 && found.size() >= range.limit) return found;
    input["ExclusiveStartKey"] = *next;
  }
}

core::Result<std::vector<Key>> Table::list(std::string_view list, std::string_view before,
                                           bool newest_first, std::size_t limit) {
  json::object values{{":list", string_value(list)}};
  std::string condition = "#list = :list";
  if (!before.empty()) {
    values[":before"] = string_value(before);
    condition += " AND list_at < :before";
  }
  json::object input{{"TableName", name_},
                     {"IndexName", "lists"},
                     {"KeyConditionExpression", condition},
                     {"ExpressionAttributeNames", json::object{{"#list", "list"}}},
                     {"ExpressionAttributeValues", std::move(values)},
                     {"ScanIndexForward", !newest_first},
                     {"Limit", limit}};
  std::vector<Key> found;
  while (true) {
    const auto answer = client_.json(Service::dynamodb, "Query", input);
    if (!answer) return std::unexpected(answer.error());
    each_object(array_in(answer->if_object(), "Items"),
                [&](const Item& item) { found.push_back(key_of(item)); });
    const json::object* next = object_in(answer->if_object(), "LastEvaluatedKey");
    if (next == nullptr || next->empty() || found.size() >= limit) return found;
    input["ExclusiveStartKey"] = *next;
  }
}

core::Status Table::put(const Item& item) {
  return finished(client_.json(Service::dynamodb, "PutItem",
                               json::object{{"TableName", name_}, {"Item", item}}));
}

core::Status Table::erase(const Key& key) {
  return finished(client_.json(Service::dynamodb, "DeleteItem",
                               json::object{{"TableName", name_}, {"Key", key_item(key)}}));
}

core::Status Table::put_all(std::span<const Item> items) {
  if (items.size() == 1) return put(items.front());
  json::array requests;
  for (const Item& item : items) {
    requests.push_back(json::object{{"PutRequest", json::object{{"Item", item}}}});
  }
  return write_batches(requests);
}

core::Status Table::erase_all(std::span<const Key> keys) {
  if (keys.size() == 1) return erase(keys.front());
  json::array requests;
  for (const Key& key : keys) {
    requests.push_back(json::object{{"DeleteRequest", json::object{{"Key", key_item(key)}}}});
  }
  return write_batches(requests);
}

core::Status Table::write_batches(const json::array& requests) {
  std::vector<json::value> rest(requests.rbegin(), requests.rend());
  Backoff backoff;
  for (int unlucky = 0; !rest.empty();) {
    json::array some;
    for (; !rest.empty() && some.size() < kWritesPerBatch; rest.pop_back()) {
      some.push_back(std::move(rest.back()));
    }
    const auto answer =
        client_.json(Service::dynamodb, "BatchWriteItem",
                     json::object{{"RequestItems", json::object{{name_, std::move(some)}}}});
    if (!answer) return std::unexpected(answer.error());
    const json::array* again = array_in(object_in(answer->if_object(), "UnprocessedItems"), name_);
    if (again == nullptr || again->empty()) continue;
    if (++unlucky > kRests) return unprocessed(name_);
    rest.insert(rest.end(), again->begin(), again->end());
    backoff.pause();
  }
  return {};
}

core::Status Table::transact(const json::array& actions) {
  const auto answer =
      client_.json(Service::dynamodb, "TransactWriteItems",
                   json::object{{"TransactItems", actions},
                                {"ClientRequestToken", net::hex(net::random_bytes(16))}});
  return finished(answer);
}

json::value Table::put_action(const Item& item, std::optional<std::int64_t> version) const {
  json::object put{{"TableName", name_}, {"Item", item}};
  add_condition(put, version);
  return json::object{{"Put", std::move(put)}};
}

json::value Table::erase_action(const Key& key, std::optional<std::int64_t> version) const {
  json::object erase{{"TableName", name_}, {"Key", key_item(key)}};
  add_condition(erase, version);
  return json::object{{"Delete", std::move(erase)}};
}

json::value Table::erase_listed_action(const Key& key, std::string_view list,
                                       std::string_view before) const {
  return json::object{
      {"Delete", json::object{{"TableName", name_},
                              {"Key", key_item(key)},
                              {"ConditionExpression", "#list = :list AND list_at < :before"},
                              {"ExpressionAttributeNames", json::object{{"#list", "list"}}},
                              {"ExpressionAttributeValues",
                               json::object{{":list", string_value(list)},
                                            {":before", string_value(before)}}}}}};
}

json::value Table::add_action(const Key& key, const std::map<std::string, std::int64_t>& amounts,
                              std::string_view name, json::value value) const {
  std::string expression = "SET #set = :set ADD ";
  json::object names{{"#set", name}};
  json::object values{{":set", std::move(value)}};
  int count = 0;
  for (const auto& [each, amount] : amounts) {
    const std::string n = std::to_string(count);
    expression += std::string(count++ == 0 ? "" : ", ").append("#n").append(n).append(" :a") + n;
    names["#n" + n] = each;
    values[":a" + n] = number_value(amount);
  }
  return json::object{{"Update", json::object{{"TableName", name_},
                                              {"Key", key_item(key)},
                                              {"UpdateExpression", expression},
                                              {"ExpressionAttributeNames", std::move(names)},
                                              {"ExpressionAttributeValues", std::move(values)}}}};
}

}  // namespace jitney::aws
