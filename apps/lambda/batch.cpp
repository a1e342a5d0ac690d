// SPDX-License-Identifier: Apache-2.0
#include "apps/lambda/batch.hpp"

#include <algorithm>
#include <exception>
#include <set>
#include <utility>
#include <variant>

#include "net/log.hpp"

namespace jitney::lambda {

namespace {

// Records that one call answers: equal wake-ups, or one notice.
struct Group {
  aws::Notice notice;
  core::Delivery delivery;  // of the first; without a message for notices
  std::vector<const aws::SqsRecord*> records;
};

const core::Message* message_of(const aws::Notice& notice) {
  const auto* text = std::get_if<aws::MessageText>(&notice);
  return text == nullptr ? nullptr : &text->message;
}

class Batch {
 public:
  Batch(const core::Context& context, const BatchOptions& options)
      : context_(context), options_(options) {}

  std::vector<std::string> run(const aws::SqsEvent& event) {
    std::vector<Group> groups;
    for (const aws::SqsRecord& record : event.records) sort_in(record, groups);
    for (const Group& group : groups) {
      if (context_.out_of_time() || !carried_out(group)) {
        for (const auto* record : group.records) failed_.push_back(record->id);
      }
    }
    return std::move(failed_);
  }

 private:
  void sort_in(const aws::SqsRecord& record, std::vector<Group>& groups) {
    auto notice = aws::parse_notice(record.body);
    if (!notice) {
      // It stays until it has been taken too often, and then lies among the dead letters.
      net::log(net::LogLevel::error, "a message cannot be read",
               {{"message_id", record.id}, {"error", notice.error().what}});
      failed_.push_back(record.id);
      return;
    }
    Group group{.notice = *std::move(notice), .delivery = {}, .records = {&record}};
    group.delivery.handle = record.handle;
    group.delivery.receives = record.receives;
    if (const auto* text = std::get_if<aws::MessageText>(&group.notice)) {
      group.delivery.message = text->message;
      group.delivery.receives += text->tries;
      const auto same = std::ranges::find_if(groups, [&](const Group& other) {
        const auto* message = message_of(other.notice);
        return message != nullptr && message->kind == text->message.kind &&
               message->key == text->message.key;
      });
      if (same != groups.end()) {
        same->records.push_back(&record);
        return;
      }
    }
    groups.push_back(std::move(group));
  }

  // True: SQS may delete the group's messages.
  bool carried_out(const Group& group) {
    if (message_of(group.notice) == nullptr) return noticed(group);
    const core::Status outcome =
        app::carry_out(context_, group.delivery, options_.settle, carry_out_once_);
    return outcome || settled(group.delivery, outcome.error());
  }

  bool noticed(const Group& group) {
    Noticed outcome;
    try {
      outcome = on_notice(group.notice);
    } catch (const std::exception& bug) {
      outcome.status = core::fail(core::Fault::transient, std::string("exception: ") + bug.what());
    }
    if (outcome.status) return true;
    if (outcome.instead) {
      return settled({.message = *outcome.instead,
                      .handle = group.delivery.handle,
                      .receives = group.delivery.receives},
                     outcome.status.error());
    }
    net::log(net::LogLevel::warning, "news of a machine could not be acted upon; it comes again",
             {{"fault", core::to_string(outcome.status.error().fault)},
              {"error", outcome.status.error().what}});
    return false;
  }

  Noticed on_notice(const aws::Notice& notice) {
    return std::visit(
        [&](const auto& one) -> Noticed {
          using Kind = std::decay_t<decltype(one)>;
          if constexpr (std::is_same_v<Kind, aws::MessageText>) {
            return {};
          } else if constexpr (std::is_same_v<Kind, aws::Scheduled>) {
            net::log(net::LogLevel::warning, "a schedule is no message for this function",
                     {{"rule", one.rule}});
            return {};
          } else if constexpr (std::is_same_v<Kind, aws::Unknown>) {
            net::log(net::LogLevel::info, "an event that means nothing here",
                     {{"source", one.source}, {"detail_type", one.detail_type}});
            return {};
          } else {
            return on_machine(context_, one, carry_out_once_);
          }
        },
        notice);
  }

  bool settled(const core::Delivery& delivery, const core::Error& error) {
    return app::settle(context_, delivery, error, options_.settle, options_.spread()).has_value();
  }

  // Machines of one pool that begin to run come in dozens. All of a batch happened before it began,
  // so one look at the pool is for all of them.
  const CarryOut carry_out_once_ = [this](const core::Context& context,
                                          const core::Message& message) -> core::Status {
    const bool of_pool = message.kind == core::MessageKind::create_runner;
    if (of_pool && looked_at_.contains(message.key)) return {};
    core::Status outcome = options_.carry_out(context, message);
    if (of_pool && outcome) looked_at_.insert(message.key);
    return outcome;
  };
  const core::Context& context_;
  const BatchOptions& options_;
  std::set<std::string> looked_at_;
  std::vector<std::string> failed_;
};

}  // namespace

std::vector<std::string> carry_out_batch(const core::Context& context, const aws::SqsEvent& event,
                                         const BatchOptions& options) {
  return Batch(context, options).run(event);
}

}  // namespace jitney::lambda
