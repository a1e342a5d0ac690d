// SPDX-License-Identifier: Apache-2.0
#include "sim/github/github.hpp"

#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "net/http_server.hpp"
#include "sim/github/control.hpp"
#include "sim/github/rest.hpp"
#include "sim/github/runner_protocol.hpp"

namespace jitney::sim {
namespace {

constexpr std::chrono::milliseconds kTick{20};

struct Poll {
  net::Responder respond;
  Time until{};
};
struct Late {
  net::Responder respond;
  net::Response response;
};
// Answers are given after the lock is released.
using Answers = std::vector<std::pair<net::Responder, net::Response>>;

net::Response unicorn() {
  net::Response response;
  response.status = 503;
  response.headers.set("Content-Type", "text/html; charset=utf-8");
  response.body =
      "<html><body><p><strong>No server is currently available to service your "
      "request.</strong></p>"
      "</body></html>";
  return response;
}

void give(Answers& answers) {
  for (auto& [respond, response] : answers) respond(std::move(response));
  answers.clear();
}

core::Status apply_options(State& state, const SimOptions& options, Time now) {
  for (const std::string& name : options.repositories) {
    const std::size_t slash = name.find('/');
    if (slash == 0 || slash == std::string::npos || slash + 1 == name.size()) {
      return core::fail(core::Fault::invalid, "repository '" + name + "' is not owner/name");
    }
    state.world.add_repository(name, now);
  }
  for (const auto& [enterprise, organization] : options.enterprises) {
    state.world.add_organization(organization, enterprise, now);
  }
  state.accounts.apps = options.apps;
  state.accounts.installations = options.installations;
  state.accounts.personal_tokens = options.tokens;
  state.accounts.rate_limit = options.rate_limit;
  core::Result<RsaParams> key = generate_rsa();
  if (!key) return std::unexpected(key.error());
  core::Result<std::string> pem = public_pem(*key);
  if (!pem) return std::unexpected(pem.error());
  state.runner_key = std::move(*key);
  state.runner_public_pem = std::move(*pem);
  return {};
}

void add_hooks(State& state, const SimOptions& options, Time now) {
  if (options.webhook_url.empty()) return;
  Hook hook;
  hook.url = options.webhook_url;
  hook.secret = options.webhook_secret;
  for (const App& app : options.apps) {
    hook.kind = HookKind::app;
    hook.owner = std::to_string(app.id);
    ping(state, state.hooks.add(hook, now), now);
  }
  if (!options.apps.empty()) return;
  for (const Organization& organization : state.world.organizations()) {
    hook.kind = HookKind::organization;
    hook.owner = organization.login;
    ping(state, state.hooks.add(hook, now), now);
  }
}

}  // namespace

struct SimGithub::Impl {
  explicit Impl(SimOptions given) : options(std::move(given)), state(options.rules, options.seed) {}

  void handle(net::Request request, net::Responder respond, bool control_only);
  void answer_poll(std::int64_t session, net::Responder respond, Answers& answers);
  void catch_up(Time now, Answers& answers);  // after any change, under the lock
  void run(const std::stop_token& stop);
  void keep_listening();
  core::Status listen();

  const SimOptions options;
  std::mutex mutex;
  std::condition_variable_any changed;
  // Under the mutex.
  State state;
  std::map<std::int64_t, Poll> polls;  // by session
  std::multimap<Time, Late> late;
  bool refused = false;
  // Touched by start, then by the ticker only.
  std::unique_ptr<net::HttpServer> server;
  std::unique_ptr<net::HttpServer> control;
  std::uint16_t port = 0;
  std::unique_ptr<Senders> senders;
  std::jthread ticker;
};

void SimGithub::Impl::answer_poll(std::int64_t session, net::Responder respond, Answers& answers) {
  Poll& held = polls[session];
  if (held.respond) answers.emplace_back(std::move(held.respond), no_content(202));
  held = Poll{.respond = std::move(respond), .until = wall_clock() + options.poll_time};
}

void SimGithub::Impl::catch_up(Time now, Answers& answers) {
  state.world.tick(now);
  publish(state, now);
  for (auto at = polls.begin(); at != polls.end();) {
    std::optional<net::Response> answer = poll_answer(state, at->first, now);
    if (!answer && at->second.until <= now) {
      state.world.poll_ended(at->first, now);
      answer = no_content(202);
    }
    if (!answer) {
      ++at;
      continue;
    }
    answers.emplace_back(std::move(at->second.respond), std::move(*answer));
    at = polls.erase(at);
  }
  while (!late.empty() && late.begin()->first <= now) {
    Late& due = late.begin()->second;
    answers.emplace_back(std::move(due.respond), std::move(due.response));
    late.erase(late.begin());
  }
  Outage& outage = state.faults.outage;
  if (outage.until && *outage.until <= now) outage = Outage();
}

void SimGithub::Impl::handle(net::Request request, net::Responder respond, bool control_only) {
  Answers answers;
  {
    const std::scoped_lock lock(mutex);
    const Time now = wall_clock();
    const std::string_view path = request.path();
    const bool of_runner = path.starts_with("/_sim/runner/");
    const bool of_control = !of_runner && (path == "/_sim" || path.starts_with("/_sim/"));
    if (of_control) {
      answers.emplace_back(std::move(respond), answer_control(state, request, now));
    } else if (control_only) {
      answers.emplace_back(std::move(respond), not_found());
    } else if (state.faults.outage.kind != Outage::Kind::none) {
      answers.emplace_back(std::move(respond), unicorn());
    } else if (of_runner) {
      auto answer = answer_runner(state, request, now);
      if (const Hold* hold = std::get_if<Hold>(&answer)) {
        answer_poll(hold->session, std::move(respond), answers);
      } else {
        answers.emplace_back(std::move(respond), std::move(std::get<net::Response>(answer)));
      }
    } else {
      Answer answer = answer_rest(state, request, now);
      if (answer.delay > Duration(0)) {
        late.emplace(now + answer.delay,
                     Late{.respond = std::move(respond), .response = std::move(answer.response)});
      } else {
        answers.emplace_back(std::move(respond), std::move(answer.response));
      }
    }
    catch_up(now, answers);
  }
  changed.notify_all();
  senders->wake();
  give(answers);
}

core::Status SimGithub::Impl::listen() {
  net::ServerOptions wish;
  wish.port = port;
  wish.threads = 2;
  wish.limits.answer_time = std::chrono::minutes(10);
  auto made = net::HttpServer::listen(wish, [this](net::Request request, net::Responder respond) {
    handle(std::move(request), std::move(respond), false);
  });
  if (!made) return std::unexpected(made.error());
  server = std::move(*made);
  port = server->port();
  return {};
}

// Outages of the kind "refused" close the listener and open it again on the same port.
void SimGithub::Impl::keep_listening() {
  bool want_refused = false;
  {
    const std::scoped_lock lock(mutex);
    want_refused = state.faults.outage.kind == Outage::Kind::refused;
    if (want_refused && server != nullptr) {
      for (auto& [session, poll] : polls) state.world.poll_ended(session, wall_clock());
    }
  }
  if (want_refused && server != nullptr) {
    server.reset();
    const std::scoped_lock lock(mutex);
    polls.clear();
    late.clear();
  } else if (!want_refused && server == nullptr) {
    // Tried again at the next tick while the port is taken.
    if (const core::Status status = listen(); !status) server = nullptr;
  }
}

void SimGithub::Impl::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    Answers answers;
    {
      std::unique_lock lock(mutex);
      changed.wait_for(lock, stop, kTick, [] { return false; });
      catch_up(wall_clock(), answers);
    }
    senders->wake();
    give(answers);
    keep_listening();
  }
}

SimGithub::SimGithub(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

core::Result<std::unique_ptr<SimGithub>> SimGithub::start(SimOptions options) {
  auto impl = std::make_unique<Impl>(std::move(options));
  Impl& self = *impl;
  const Time now = wall_clock();
  if (const core::Status status = apply_options(self.state, self.options, now); !status) {
    return std::unexpected(status.error());
  }
  self.senders = std::make_unique<Senders>(self.mutex, self.state.hooks, self.options.senders,
                                           self.options.webhook_timeout);
  self.port = self.options.port;
  net::ServerOptions wish;
  wish.port = self.options.control_port;
  auto control =
      net::HttpServer::listen(wish, [&self](net::Request request, net::Responder respond) {
        self.handle(std::move(request), std::move(respond), true);
      });
  if (!control) return std::unexpected(control.error());
  self.control = std::move(*control);
  if (const core::Status status = self.listen(); !status) return std::unexpected(status.error());
  {
    const std::scoped_lock lock(self.mutex);
    self.state.base = "http://127.0.0.1:" + std::to_string(self.port);
    add_hooks(self.state, self.options, now);
  }
  self.ticker = std::jthread([&self](const std::stop_token& stop) { self.run(stop); });
  return std::unique_ptr<SimGithub>(new SimGithub(std::move(impl)));
}

SimGithub::~SimGithub() {
  impl_->ticker.request_stop();
  impl_->ticker.join();
  impl_->server.reset();
  impl_->control.reset();
  impl_->senders.reset();
}

std::string SimGithub::url() const { return impl_->state.base; }

std::string SimGithub::control_url() const {
  return "http://127.0.0.1:" + std::to_string(impl_->control->port());
}

void SimGithub::with(const std::function<void(State&, Time now)>& what) {
  Answers answers;
  {
    const std::scoped_lock lock(impl_->mutex);
    const Time now = wall_clock();
    what(impl_->state, now);
    impl_->catch_up(now, answers);
  }
  impl_->changed.notify_all();
  impl_->senders->wake();
  give(answers);
}

void SimGithub::add_hook(HookKind kind, const std::string& owner, const std::string& url,
                         const core::Secret& secret) {
  with([&](State& state, Time now) {
    Hook hook;
    hook.kind = kind;
    hook.owner = owner;
    hook.url = url;
    hook.secret = secret;
    ping(state, state.hooks.add(std::move(hook), now), now);
  });
}

core::Result<std::int64_t> SimGithub::queue(const WorkflowSpec& spec) {
  core::Result<std::int64_t> run = core::fail(core::Fault::transient, "not queued");
  with([&](State& state, Time now) { run = state.world.queue(spec, now); });
  return run;
}

bool SimGithub::wait_for(const std::function<bool(const State&)>& reached,
                         std::chrono::milliseconds within) {
  const auto until = std::chrono::steady_clock::now() + within;
  std::unique_lock lock(impl_->mutex);
  while (!reached(impl_->state)) {
    if (std::chrono::steady_clock::now() >= until) return false;
    impl_->changed.wait_for(lock, kTick);
  }
  return true;
}

}  // namespace jitney::sim
