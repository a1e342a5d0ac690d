// SPDX-License-Identifier: Apache-2.0
// From request to route: faults, authentication, access, rate limit, then the route's function.
#include "sim/github/rest.hpp"

#include <algorithm>
#include <charconv>

#include "net/crypto.hpp"

namespace jitney::sim {
namespace {

constexpr std::string_view kGhesPrefix = "/api/v3";
constexpr std::string_view kDocumentation = "https://docs.github.com/rest";
constexpr std::size_t kCallsKept = 20'000;

std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    path.remove_prefix(1);  // the slash
    const std::size_t end = std::min(path.find('/'), path.size());
    parts.push_back(path.substr(0, end));
    path.remove_prefix(end);
  }
  return parts;
}

struct Found {
  const Route* route = nullptr;
  std::vector<std::string> vars;
  bool other_method = false;
};

Found find_route(const std::string& method, std::string_view path) {
  Found found;
  for (const auto* table : {&account_routes(), &runner_routes(), &run_routes(), &hook_routes()}) {
    for (const Route& route : *table) {
      std::optional<std::vector<std::string>> vars = match_path(route.pattern, path);
      if (!vars) continue;
      if (method != route.method) {
        found.other_method = true;
        continue;
      }
      found.route = &route;
      found.vars = std::move(*vars);
      return found;
    }
  }
  return found;
}

bool wants_jwt(std::string_view pattern) {
  return pattern.starts_with("/app") || pattern.ends_with("/installation");
}

// GitHub hides what a caller may not see: 404, not 403.
std::optional<net::Response> check_access(const Exchange& exchange, std::string_view pattern) {
  const Accounts& accounts = exchange.state.accounts;
  if (wants_jwt(pattern)) {
    if (exchange.who.kind == Identity::Kind::app) return std::nullopt;
    return refusal(401, "A JSON web token could not be decoded");
  }
  if (pattern == "/rate_limit") return std::nullopt;
  if (exchange.who.kind == Identity::Kind::app) {
    return refusal(403, "Resource not accessible by integration");
  }
  if (pattern.starts_with("/repos/{owner}/{repo}")) {
    const Repository* where = exchange.state.world.repository(exchange.full_name());
    if (where == nullptr || !accounts.sees_repository(exchange.who, where->full_name())) {
      return not_found();
    }
  } else if (pattern.starts_with("/orgs/") || pattern.starts_with("/enterprises/")) {
    const ScopeKind kind =
        pattern.starts_with("/orgs/") ? ScopeKind::organization : ScopeKind::enterprise;
    if (!exchange.state.world.has_scope(Scope{.kind = kind, .name = exchange.vars[0]})) {
      return not_found();
    }
    if (!accounts.sees_owner(exchange.who, exchange.vars[0])) {
      return exchange.who.kind == Identity::Kind::installation
                 ? refusal(403, "Resource not accessible by integration")
                 : refusal(403, "Must have admin rights to Repository.");
    }
  }
  return std::nullopt;
}

void add_budget(net::Response& response, const Budget& budget) {
  const std::int64_t remaining = std::max<std::int64_t>(0, budget.limit - budget.used);
  response.headers.set("X-RateLimit-Limit", std::to_string(budget.limit));
  response.headers.set("X-RateLimit-Remaining", std::to_string(remaining));
  response.headers.set("X-RateLimit-Used", std::to_string(budget.used));
  response.headers.set(
      "X-RateLimit-Reset",
      std::to_string(
          std::chrono::floor<std::chrono::seconds>(budget.resets_at).time_since_epoch().count()));
  response.headers.set("X-RateLimit-Resource", "core");
}

std::string words_for(int status) {
  switch (status) {
    case 401:
      return "Bad credentials";
    case 403:
      return "Resource not accessible by integration";
    case 404:
      return "Not Found";
    case 409:
      return "Conflict";
    case 422:
      return "Validation Failed";
    case 429:
      return "Too Many Requests";
    case 502:
    case 503:
    case 504:
      return "We couldn't respond to your request in time. Sorry about that.";
    default:
      return "Server Error";
  }
}

net::Response broken(const CallFault& fault, Time now) {
  const std::int64_t seconds = std::chrono::ceil<std::chrono::seconds>(fault.retry_after).count();
  switch (fault.kind) {
    case CallFault::Kind::primary: {
      net::Response response = refusal(403, "API rate limit exceeded for installation ID 1.");
      add_budget(response,
                 Budget{.limit = 5000, .used = 5000, .resets_at = now + fault.retry_after});
      return response;
    }
    case CallFault::Kind::secondary: {
      net::Response response = refusal(fault.status == 429 ? 429 : 403,
                                       "You have exceeded a secondary rate limit. Please wait a "
                                       "few minutes before you try again.");
      response.headers.set("Retry-After", std::to_string(seconds));
      return response;
    }
    case CallFault::Kind::status:
    case CallFault::Kind::lost:
    case CallFault::Kind::slow:
      break;
  }
  net::Response response =
      refusal(fault.status, fault.message.empty() ? words_for(fault.status) : fault.message);
  if (seconds > 0) response.headers.set("Retry-After", std::to_string(seconds));
  return response;
}

net::Response perform(State& state, const net::Request& request, std::string_view path,
                      const std::string& prefix, const Found& found, Time now) {
  if (!request.headers.get("user-agent")) {
    return refusal(403,
                   "Request forbidden by administrative rules. Please make sure your request has a "
                   "User-Agent header.");
  }
  const auto who =
      state.accounts.authenticate(request.headers.get("authorization").value_or(""), now);
  if (!who) return refusal(who.error().status, who.error().message);
  Exchange exchange{.state = state,
                    .request = request,
                    .now = now,
                    .who = *who,
                    .vars = found.vars,
                    .prefix = prefix,
                    .bodies = Bodies(state.world, state.accounts, state.base)};
  net::Response response;
  if (path != "/rate_limit" && !state.accounts.spend(*who, now)) {
    response = refusal(403, "API rate limit exceeded for " + who->key + ".");
  } else if (found.route == nullptr) {
    response = not_found();
  } else if (std::optional<net::Response> denied = check_access(exchange, found.route->pattern)) {
    response = std::move(*denied);
  } else {
    response = found.route->answer(exchange);
  }
  add_budget(response, state.accounts.budget(*who, now));
  return response;
}

void note(State& state, const net::Request& request, const Found& found, int status, Time now) {
  const std::string route = found.route != nullptr ? found.route->pattern : "?";
  ++state.counts[request.method + " " + route][status];
  const auto header = [&](std::string_view name) {
    return std::string(request.headers.get(name).value_or(""));
  };
  // A hook's body holds its secret.
  const bool has_secret = route.ends_with("/hooks") || route.ends_with("/hooks/{hook_id}") ||
                          route.ends_with("/hook/config");
  state.calls.push_back(Call{.at = now,
                             .method = request.method,
                             .target = request.target,
                             .route = route,
                             .content_type = header("content-type"),
                             .accept = header("accept"),
                             .body = has_secret ? "" : request.body,
                             .status = status});
  if (state.calls.size() > kCallsKept) state.calls.pop_front();
}

}  // namespace

std::int64_t Exchange::id(std::size_t index) const {
  const std::string& text = vars.at(index);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? number : 0;
}

std::optional<std::vector<std::string>> match_path(std::string_view pattern,
                                                   std::string_view path) {
  const std::vector<std::string_view> want = split(pattern);
  const std::vector<std::string_view> have = split(path);
  if (want.size() != have.size()) return std::nullopt;
  std::vector<std::string> vars;
  for (std::size_t i = 0; i < want.size(); ++i) {
    if (want[i].starts_with('{')) {
      std::optional<std::string> decoded = net::percent_decode(have[i]);
      if (!decoded || decoded->empty()) return std::nullopt;
      vars.push_back(std::move(*decoded));
    } else if (want[i] != have[i]) {
      return std::nullopt;
    }
  }
  return vars;
}

net::Response json_answer(int status, const json::value& body) {
  net::Response response;
  response.status = status;
  response.headers.set("Content-Type", "application/json; charset=utf-8");
  response.body = json::serialize(body);
  return response;
}

net::Response no_content(int status) {
  net::Response response;
  response.status = status;
  return response;
}

net::Response refusal(int status, const std::string& message) {
  return json_answer(status, json::object{{"message", message},
                                          {"documentation_url", kDocumentation},
                                          {"status", std::to_string(status)}});
}

net::Response not_found() { return refusal(404, "Not Found"); }

net::Response page_of(const Exchange& exchange, const std::string& key,
                      const std::vector<json::value>& items) {
  const auto number = [&](std::string_view name, std::size_t absent) {
    const std::string text = exchange.request.query(name).value_or("");
    std::size_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && value > 0 ? value : absent;
  };
  const std::size_t size = std::min<std::size_t>(number("per_page", 30), 100);
  const std::size_t page = number("page", 1);
  const std::size_t pages = std::max<std::size_t>(1, (items.size() + size - 1) / size);
  json::array shown;
  for (std::size_t i = std::min(page - 1, pages) * size; i < items.size() && shown.size() < size;
       ++i) {
    shown.push_back(items[i]);
  }
  net::Response response =
      key.empty() ? json_answer(200, shown)
                  : json_answer(200, json::object{{"total_count", items.size()}, {key, shown}});
  std::string query;  // what was asked, but for the page
  const std::size_t mark = exchange.request.target.find('?');
  std::string_view rest = mark == std::string::npos
                              ? std::string_view()
                              : std::string_view(exchange.request.target).substr(mark + 1);
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('&'), rest.size());
    if (!rest.substr(0, end).starts_with("page=")) query += std::string(rest.substr(0, end)) + "&";
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  std::string link;
  const auto add = [&](std::size_t to, const char* relation) {
    link += (link.empty() ? "<" : ", <") + exchange.state.base +
            std::string(exchange.request.path()) + "?" + query + "page=" + std::to_string(to) +
            ">; rel=\"" + relation + "\"";
  };
  if (page > 1) add(page - 1, "prev");
  if (page < pages) add(page + 1, "next");
  if (page < pages) add(pages, "last");
  if (page > 1) add(1, "first");
  if (!link.empty()) response.headers.set("Link", link);
  return response;
}

Placed scope_of(const Exchange& exchange) {
  std::string_view path = exchange.request.path();
  path.remove_prefix(exchange.prefix.size());
  if (path.starts_with("/repos/")) {
    return {Scope{.kind = ScopeKind::repository, .name = exchange.full_name()}, 2};
  }
  const ScopeKind kind =
      path.starts_with("/orgs/") ? ScopeKind::organization : ScopeKind::enterprise;
  return {Scope{.kind = kind, .name = exchange.vars[0]}, 1};
}

Answer answer_rest(State& state, const net::Request& request, Time now) {
  std::string_view path = request.path();
  std::string prefix;
  if (path.starts_with(kGhesPrefix)) {
    prefix = kGhesPrefix;
    path.remove_prefix(kGhesPrefix.size());
  }
  const Found found = path.starts_with('/') ? find_route(request.method, path) : Found();
  const std::optional<CallFault> fault =
      state.faults.on_call(request.method, std::string(path), state.random);
  Answer answer;
  if (fault) answer.delay = fault->delay;
  const bool does_it =
      !fault || fault->kind == CallFault::Kind::slow || fault->kind == CallFault::Kind::lost;
  if (does_it) answer.response = perform(state, request, path, prefix, found, now);
  if (fault && fault->kind != CallFault::Kind::slow) answer.response = broken(*fault, now);
  const std::string id = net::hex(net::random_bytes(8));
  answer.response.headers.set("X-GitHub-Request-Id",
                              id.substr(0, 4) + ":" + id.substr(4, 4) + ":" + id.substr(8));
  answer.response.headers.set("X-GitHub-Media-Type", "github.v3; format=json");
  answer.response.headers.set("Server", "github.com");
  if (!prefix.empty()) answer.response.headers.set("X-GitHub-Enterprise-Version", "3.17.0");
  note(state, request, found, answer.response.status, now);
  return answer;
}

}  // namespace jitney::sim
