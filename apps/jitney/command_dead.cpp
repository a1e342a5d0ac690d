// SPDX-License-Identifier: Apache-2.0
// Dead letters: jobs and wake-ups that were given up.
#include <algorithm>
#include <boost/json/object.hpp>

#include "apps/config/config_text.hpp"
#include "apps/jitney/commands.hpp"
#include "apps/serve/explain_job.hpp"
#include "apps/serve/render.hpp"
#include "core/functions.hpp"
#include "net/http_client.hpp"
#include "net/json.hpp"
#include "net/rfc3339.hpp"

namespace jitney::app {

namespace {

namespace json = boost::json;

constexpr std::size_t kMostLetters = 1000;
constexpr auto kAnswerTime = std::chrono::seconds(30);

using Letters = std::vector<core::DeadLetter>;

// By its own id, or by the job's, which may be given as an address.
const core::DeadLetter* find(const Letters& letters, const std::string& text) {
  const auto job = parse_job_id(text);
  const std::string key = job ? std::to_string(*job) : "";
  const auto found = std::ranges::find_if(letters, [&](const core::DeadLetter& letter) {
    const bool is_job = letter.message.kind == core::MessageKind::dead_job;
    return letter.id == text || (is_job && letter.message.key == key);
  });
  return found == letters.end() ? nullptr : &*found;
}

std::string name_of(const core::DeadLetter& letter) {
  return letter.message.kind == core::MessageKind::dead_job ? letter.message.key : letter.id;
}

std::string kind_of(const core::DeadLetter& letter) {
  if (letter.message.kind == core::MessageKind::dead_job) return "job";
  return std::string(core::to_string(letter.message.kind)) + " " + letter.message.key;
}

int unknown(const std::string& text) {
  return complain(kNotFound,
                  "no dead letter \"" + printable(text) + "\"; jitney dead list shows all");
}

// The running server: it wakes its workers at once, which another process cannot.
class Running {
 public:
  explicit Running(const Config& config) : config_(config), client_(net::ClientOptions{}) {
    base_.scheme = "http";
    base_.host = config.server.admin.address;
    if (base_.host == "0.0.0.0") base_.host = "127.0.0.1";
    if (base_.host == "::") base_.host = "::1";
    base_.port = config.server.admin.port;
  }

  [[nodiscard]] std::string address() const {
    const bool six = base_.host.find(':') != std::string::npos;
    return (six ? "[" + base_.host + "]" : base_.host) + ":" + std::to_string(base_.port);
  }
  // Whether a server of this very deployment answers there.
  bool answers() {
    const bool none = config_.ledger != LedgerKind::sqlite || base_.port == 0;
    if (none) return false;
    const auto response = send("GET", "/api/v1/version");
    if (!response || response->status != 200) return false;
    const auto body = net::parse_json(response->body, 1u << 16);
    return body && net::get_string(*body, "deployment") == config_.deployment.name;
  }
  core::Status redrive(const std::string& id) {
    auto response = send("POST", "/api/v1/dead/" + net::percent_encode(id) + "/redrive");
    if (!response) return std::unexpected(response.error());
    if (response->status == 200) return {};
    const auto body = net::parse_json(response->body, 1u << 16);
    const json::value* error = body ? net::get_object(*body, "error") : nullptr;
    const std::string told = error == nullptr ? "" : net::get_string_or(*error, "message", "");
    return core::fail(response->status == 404 ? core::Fault::not_found : core::Fault::transient,
                      told.empty() ? "the server at " + address() + " answered " +
                                         std::to_string(response->status)
                                   : told);
  }

 private:
  core::Result<net::Response> send(std::string method, std::string target) {
    net::Request request;
    request.method = std::move(method);
    request.target = std::move(target);
    request.headers = {{"X-Jitney", "1"}};
    return client_.send(base_, request, std::chrono::steady_clock::now() + kAnswerTime);
  }

  const Config& config_;
  net::Url base_;
  net::HttpClient client_;
};

// By this process: who takes the message is a function of AWS, or the next start of the server.
core::Status redrive_in(OpenLedger& file, const core::DeadLetter& letter, core::Time now) {
  const core::Message& message = letter.message;
  if (message.kind == core::MessageKind::dead_job) {
    const auto id = parse_job_id(message.key);
    if (!id) return std::unexpected(id.error());
    const auto job = core::redrive(file.ledger(), file.queue(), *id, now);
    return job ? core::Status() : std::unexpected(job.error());
  }
  if (auto sent = file.queue().push(message, core::Duration::zero(), now); !sent) return sent;
  return file.queue().forget(message.kind, message.key);
}

struct Redriven {
  std::vector<std::string> done;
  std::vector<std::pair<std::string, std::string>> failed;  // id, why
  std::size_t given_up = 0;                                 // wake-ups that SQS had given up
};

int report(const Asked& asked, const Redriven& redriven) {
  const int status = redriven.failed.empty() ? kOk : kFailed;
  if (asked.json) {
    json::array done;
    for (const std::string& id : redriven.done) done.emplace_back(id);
    json::array failed;
    for (const auto& [id, why] : redriven.failed) {
      failed.push_back(json::object{{"id", id}, {"error", why}});
    }
    const bool printed = print_json(json::object{{"redriven", std::move(done)},
                                                 {"failed", std::move(failed)},
                                                 {"given_up", redriven.given_up}});
    return printed ? status : answered(false);
  }
  std::string text;
  for (const std::string& id : redriven.done) text += "Redriven: " + id + "\n";
  if (redriven.given_up != 0) {
    text += "Sent back: " + std::to_string(redriven.given_up) + " wake-ups that SQS had given up\n";
  }
  if (text.empty() && redriven.failed.empty()) text = "No dead letters: nothing to redrive\n";
  if (!print(text)) return answered(false);
  for (const auto& [id, why] : redriven.failed) complain(kFailed, id + ": " + why);
  return status;
}

}  // namespace

int list_dead(const Asked& asked) {
  auto file = OpenLedger::read(asked.config);
  if (!file) return complain(file.error());
  const auto letters = file->queue().dead_letters(kMostLetters);
  if (!letters) return complain(letters.error());
  if (asked.json) {
    json::array list;
    for (const core::DeadLetter& letter : *letters) list.push_back(dead_letter_json(letter));
    return answered(print_json(json::object{{"dead", std::move(list)}}));
  }
  if (letters->empty()) return answered(print("No dead letters. Nothing was given up\n"));
  Table table({{"ID"}, {"WHAT", 10}, {"AGO"}, {"CAUSE", 20}});
  for (const core::DeadLetter& letter : *letters) {
    table.add({{name_of(letter)}, {kind_of(letter)}, {age(letter.at, asked.now)}, {letter.cause}});
  }
  return answered(print(table.text(asked.screen) +
                        "After mending the cause: jitney dead redrive ID, or --all\n"));
}

int show_dead(const Asked& asked, const std::string& text) {
  auto file = OpenLedger::read(asked.config);
  if (!file) return complain(file.error());
  const auto letters = file->queue().dead_letters(kMostLetters);
  if (!letters) return complain(letters.error());
  const core::DeadLetter* letter = find(*letters, text);
  if (letter == nullptr) return unknown(text);
  json::object all{
      {"dead", dead_letter_json(*letter)}, {"job", nullptr}, {"timeline", json::array{}}};
  std::string out = printable(letter->cause) + "\n\n  id      " + printable(name_of(*letter)) +
                    "\n  what    " + printable(kind_of(*letter)) + "\n  since   " +
                    net::format_rfc3339(letter->at) + ", " + age(letter->at, asked.now) + " ago\n";
  if (letter->message.kind == core::MessageKind::dead_job) {
    const auto id = parse_job_id(letter->message.key);
    const auto job = id ? find_job(file->ledger(), *id) : std::unexpected(id.error());
    if (job) {
      const auto story = tell_job(asked.config.deployment, file->ledger(), *job, asked.now);
      if (!story) return complain(story.error());
      all["job"] = job_json(*job);
      all["timeline"] = timeline_json(story->timeline);
      out += "  job     " + printable(job->name) + " in " + printable(job->repository) + "\n\n";
      Table table({{"TIME"}, {"AGO"}, {"WHAT", 20}});
      for (const core::TimelineEntry& entry : story->timeline) {
        table.add({{net::format_rfc3339(entry.at), Paint::faint},
                   {age(entry.at, asked.now)},
                   {entry.text}});
      }
      out += table.text(asked.screen);
    }
  }
  if (asked.json) return answered(print_json(all));
  return answered(print(out + "\nAfter mending the cause: jitney dead redrive " +
                        printable(name_of(*letter)) + "\n"));
}

int redrive_dead(const Asked& asked, const std::vector<std::string>& ids, bool all) {
  Letters chosen;
  {
    auto file = OpenLedger::read(asked.config);
    if (!file) return complain(file.error());
    auto letters = file->queue().dead_letters(kMostLetters);
    if (!letters) return complain(letters.error());
    if (all) chosen = *letters;
    for (const std::string& id : ids) {
      const core::DeadLetter* letter = find(*letters, id);
      if (letter == nullptr) return unknown(id);
      chosen.push_back(*letter);
    }
  }
  const bool on_aws = asked.config.ledger == LedgerKind::dynamodb;
  if (chosen.empty() && !on_aws) return report(asked, {});
  Running server(asked.config);
  std::optional<OpenLedger> mine;
  if (!server.answers()) {
    auto file = OpenLedger::write(asked.config);
    if (!file && file.error().fault == core::Fault::conflict) {
      return complain(kUnreachable, "a server runs, but does not answer at " + server.address() +
                                        " ([server] admin_listen); ask again when it does, or "
                                        "stop it: without a server this command works too");
    }
    if (!file) return complain(file.error());
    mine = std::move(*file);
  }
  Redriven redriven;
  for (const core::DeadLetter& letter : chosen) {
    const core::Status done =
        mine ? redrive_in(*mine, letter, asked.now) : server.redrive(name_of(letter));
    if (done) {
      redriven.done.push_back(name_of(letter));
    } else {
      redriven.failed.emplace_back(name_of(letter), done.error().what);
    }
  }
  if (mine && all) {
    const auto given_up = mine->redrive_given_up();
    if (given_up) {
      redriven.given_up = *given_up;
    } else {
      redriven.failed.emplace_back("SQS's dead-letter queue", given_up.error().what);
    }
  }
  return report(asked, redriven);
}

}  // namespace jitney::app
