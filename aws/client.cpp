// SPDX-License-Identifier: Apache-2.0
#include "aws/client.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <utility>

#include "aws/faults.hpp"
#include "aws/retry.hpp"
#include "aws/signer.hpp"
#include "aws/xml.hpp"
#include "net/http_date.hpp"
#include "net/json.hpp"
#include "net/url.hpp"

namespace jitney::aws {
namespace {

using core::Fault;
using Steady = std::chrono::steady_clock;

// Codes that a wrong clock may be behind; AWS names it plainly in some services only.
constexpr std::array<std::string_view, 6> kClockCodes{
    "AuthFailure",        "InvalidSignatureException", "RequestExpired",
    "RequestInTheFuture", "RequestTimeTooSkewed",      "SignatureDoesNotMatch"};
constexpr core::Duration kSkewThatMatters = std::chrono::minutes(1);
constexpr std::array<std::string_view, 3> kExpiredCodes{"ExpiredToken", "ExpiredTokenException",
                                                        "TokenRefreshRequired"};

template <std::size_t N>
bool among(const std::array<std::string_view, N>& codes, std::string_view code) {
  return std::ranges::find(codes, code) != codes.end();
}

struct Call {
  Service service;
  std::string operation;
  net::Url url;
  net::Request request;
  std::string region;  // that signatures name

  [[nodiscard]] std::string title() const {
    return std::string(names_of(service).name) + " " + operation + ": ";
  }
};

// One try: an answer, or an error and what may be done about it.
struct Attempt {
  core::Result<net::Response> answer;
  std::string code;  // the vendor's; empty: no answer
  core::Time signed_at{};
  std::string access_key_id;
  std::optional<core::Time> their_time;
};

std::string path_prefix(const net::Url& url) {
  std::string prefix = url.path.substr(0, url.path.find('?'));
  while (prefix.ends_with('/')) prefix.pop_back();
  return prefix;
}

std::string encoded_key(std::string_view key) {
  std::string out;
  while (true) {
    const auto slash = key.find('/');
    out += net::percent_encode(key.substr(0, slash));
    if (slash == std::string_view::npos) return out;
    out += '/';
    key.remove_prefix(slash + 1);
  }
}

// Nobody refused it, so there is no code.
std::unexpected<CallError> no_call(Fault fault, std::string what) {
  return std::unexpected(CallError(core::Error{fault, std::move(what)}));
}

core::Error within(const Call& call, core::Error error) {
  error.what = call.title() + error.what;
  return error;
}

}  // namespace

struct Client::Impl {
  Impl(ClientOptions given, std::shared_ptr<CredentialsProvider> provider)
      : options(std::move(given)), credentials(std::move(provider)), http(options.http) {
    if (!options.now) {
      options.now = [] {
        return std::chrono::floor<core::Duration>(std::chrono::system_clock::now());
      };
    }
    options.http = {};  // a proxy's password lives on in the HTTP client only
  }

  CallResult<net::Response> send(Call call);
  Attempt attempt(Call& call, Steady::time_point give_up);
  bool mend(const Attempt& failed, bool& clock_mended, bool& credentials_mended);
  core::Error out_of_time(const Call& call, core::Error error);
  bool pause(std::chrono::milliseconds wait, Steady::time_point give_up);
  Steady::time_point current_deadline() {
    const std::lock_guard lock(mutex);
    return deadline;
  }

  ClientOptions options;  // constant once constructed
  const std::shared_ptr<CredentialsProvider> credentials;
  net::HttpClient http;
  std::array<RetryBudget, kServices.size()> budgets;  // by service
  std::atomic<std::int64_t> skew_millis{0};           // AWS's clock less ours
  std::mutex mutex;                                   // of the deadline
  std::condition_variable deadline_moved;
  Steady::time_point deadline = Steady::time_point::max();
};

// Waits, unless the time would run out first, or does meanwhile: false.
bool Client::Impl::pause(std::chrono::milliseconds wait, Steady::time_point give_up) {
  const auto until = Steady::now() + wait;
  if (until >= give_up) return false;
  std::unique_lock lock(mutex);
  deadline_moved.wait_until(lock, until, [&] { return deadline <= until; });
  return deadline > until;
}

core::Error Client::Impl::out_of_time(const Call& call, core::Error error) {
  // What only our own limits ended may be tried again later; what the host's deadline ended is
  // over.
  if (error.fault == Fault::cancelled && Steady::now() < current_deadline()) {
    error.fault = Fault::transient;
  }
  return within(call, std::move(error));
}

Attempt Client::Impl::attempt(Call& call, Steady::time_point give_up) {
  Attempt out;
  const auto signer = credentials->get();
  if (!signer) {
    out.answer = std::unexpected(within(call, signer.error()));
    return out;
  }
  out.access_key_id = signer->access_key_id;
  out.signed_at = options.now() + core::Duration(skew_millis.load());
  const SigningScope scope{.region = call.region,
                           .service = std::string(names_of(call.service).name),
                           .host = net::host_header(call.url),
                           .now = out.signed_at};
  if (auto signed_it = sign(call.request, *signer, scope); !signed_it) {
    out.answer = std::unexpected(within(call, std::move(signed_it).error()));
    return out;
  }
  const auto until = std::min(give_up, Steady::now() + options.try_time);
  auto answer = http.send(call.url, call.request, until);
  if (!answer) {
    out.answer = std::unexpected(out_of_time(call, std::move(answer).error()));
    return out;
  }
  if (answer->status >= 200 && answer->status < 300) {
    out.answer = *std::move(answer);
    return out;
  }
  if (const auto date = answer->headers.get("Date")) out.their_time = net::parse_http_date(*date);
  out.code = read_error(*answer).code;
  out.answer = std::unexpected(to_error(call.service, call.operation, *answer));
  return out;
}

// Whether something was put right that the failure may have come from.
bool Client::Impl::mend(const Attempt& failed, bool& clock_mended, bool& credentials_mended) {
  if (!credentials_mended && among(kExpiredCodes, failed.code)) {
    credentials_mended = true;
    credentials->expired(failed.access_key_id);
    return true;
  }
  if (clock_mended || !failed.their_time || !among(kClockCodes, failed.code)) return false;
  const core::Duration off = *failed.their_time - failed.signed_at;
  if (std::chrono::abs(off) < kSkewThatMatters) return false;
  clock_mended = true;
  skew_millis.store((*failed.their_time - options.now()).count());
  return true;
}

CallResult<net::Response> Client::Impl::send(Call call) {
  const auto call_end = Steady::now() + options.call_time;
  RetryBudget& budget = budgets.at(static_cast<std::size_t>(call.service));
  bool clock_mended = false;
  bool credentials_mended = false;
  int cost = 0;  // of the last retry
  for (int tries = 1;; ++tries) {
    const auto give_up = std::min(call_end, current_deadline());
    Attempt made = attempt(call, give_up);
    if (made.answer) {
      budget.give_back(cost);
      return *std::move(made.answer);
    }
    if (mend(made, clock_mended, credentials_mended)) {
      --tries;  // each once a call, so this ends
      continue;
    }
    core::Error& error = made.answer.error();
    const bool passing = error.fault == Fault::throttled || error.fault == Fault::transient;
    if (!passing) return std::unexpected(CallError(std::move(error), std::move(made.code)));
    cost = made.code.empty() ? RetryBudget::kRetryAfterSilence : RetryBudget::kRetry;
    const auto wait = std::max(error.retry_after.value_or(core::Duration::zero()),
                               jittered(options.first_wait, options.longest_wait, tries));
    if (tries >= options.max_tries || !budget.take(cost) || !pause(wait, give_up)) {
      if (tries > 1) error.what += ", the last of " + std::to_string(tries) + " tries";
      return std::unexpected(CallError(std::move(error), std::move(made.code)));
    }
  }
}

Client::Client(ClientOptions options, std::shared_ptr<CredentialsProvider> credentials)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(credentials))) {}
Client::~Client() = default;

void Client::set_deadline(Steady::time_point deadline) {
  const std::lock_guard lock(impl_->mutex);
  impl_->deadline = deadline;
  impl_->deadline_moved.notify_all();
}

CallResult<boost::json::value> Client::json(Service service, std::string_view operation,
                                            const boost::json::value& input) {
  const ServiceNames names = names_of(service);
  if (names.target.empty()) {
    return no_call(Fault::invalid, std::string(names.name) + " speaks no JSON");
  }
  auto endpoint = endpoint_of(service, impl_->options.region, impl_->options.endpoints);
  if (!endpoint) return std::unexpected(CallError(std::move(endpoint).error()));
  Call call{.service = service, .operation = std::string(operation), .url = endpoint->url};
  call.region = endpoint->region;
  call.request.method = "POST";
  call.request.target = path_prefix(call.url) + "/";
  call.request.headers.add("Content-Type", "application/x-amz-json-" + std::string(names.json));
  call.request.headers.add("X-Amz-Target", std::string(names.target) + "." + call.operation);
  call.request.body = boost::json::serialize(input);
  const std::string title = call.title();
  const auto answer = impl_->send(std::move(call));
  if (!answer) return std::unexpected(answer.error());
  if (answer->body.empty()) return boost::json::object{};
  auto output = net::parse_json(answer->body);
  if (!output) return no_call(Fault::transient, title + "the answer is " + output.error().what);
  return *std::move(output);
}

CallResult<pugi::xml_document> Client::query(Service service, std::string_view operation,
                                             const Parameters& parameters) {
  const ServiceNames names = names_of(service);
  if (names.version.empty()) {
    return no_call(Fault::invalid, std::string(names.name) + " takes no queries");
  }
  auto endpoint = endpoint_of(service, impl_->options.region, impl_->options.endpoints);
  if (!endpoint) return std::unexpected(CallError(std::move(endpoint).error()));
  Call call{.service = service, .operation = std::string(operation), .url = endpoint->url};
  Parameters all = parameters;
  all["Action"] = call.operation;
  all["Version"] = names.version;
  call.region = endpoint->region;
  call.request.method = "POST";
  call.request.target = path_prefix(call.url) + "/";
  call.request.headers.add("Content-Type", kFormType);
  call.request.body = form(all);
  const std::string title = call.title();
  const auto answer = impl_->send(std::move(call));
  if (!answer) return std::unexpected(answer.error());
  auto document = parse_xml(answer->body);
  if (!document) {
    return no_call(Fault::transient, title + "the answer is " + document.error().what);
  }
  return *std::move(document);
}

CallResult<net::Response> Client::s3(std::string_view method, std::string_view bucket,
                                     std::string_view key, const Parameters& query,
                                     const net::Headers& headers, std::string_view body) {
  const std::string operation =
      std::string(method) + " " + std::string(bucket) + "/" + std::string(key);
  if (bucket.empty() || bucket.find_first_of("/?#@:%") != std::string_view::npos) {
    return no_call(Fault::invalid, "s3 " + operation + ": this is no bucket name");
  }
  auto endpoint = endpoint_of(Service::s3, impl_->options.region, impl_->options.endpoints);
  if (!endpoint) return std::unexpected(CallError(std::move(endpoint).error()));
  Call call{.service = Service::s3, .operation = operation, .url = endpoint->url};
  call.region = endpoint->region;
  std::string path = path_prefix(call.url);
  // A dot in the name is no match for the certificate's wildcard.
  if (endpoint->overridden || bucket.find('.') != std::string_view::npos) {
    path += "/" + std::string(bucket);
  } else {
    call.url.host = std::string(bucket) + "." + call.url.host;
  }
  call.request.method = method;
  call.request.target = path + "/" + encoded_key(key);
  if (!query.empty()) call.request.target += "?" + query_string(query);
  call.request.headers = headers;
  call.request.body = body;
  return impl_->send(std::move(call));
}

}  // namespace jitney::aws
