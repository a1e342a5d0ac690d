// SPDX-License-Identifier: Apache-2.0
#include "apps/doctor/machine_facts.hpp"

#include <arpa/inet.h>
#include <grp.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <sstream>

#include "apps/doctor/permission.hpp"
#include "apps/doctor/runner_version.hpp"
#include "local/cgroup.hpp"
#include "local/file.hpp"
#include "local/isolation.hpp"
#include "net/http_client.hpp"
#include "net/json.hpp"

namespace jitney::app {

namespace {

constexpr std::chrono::seconds kAnswerTime{3};

// find_account of local/ refuses what only root may do; here it is only asked about.
std::optional<local::Account> account_of(const std::string& name) {
  std::array<char, 16u << 10> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (found == nullptr) return std::nullopt;
  local::Account account{found->pw_name, found->pw_uid, found->pw_gid, {}, true};
  int count = 256;
  account.groups.resize(static_cast<std::size_t>(count));
  if (getgrouplist(found->pw_name, found->pw_gid, account.groups.data(), &count) < 0) count = 0;
  account.groups.resize(static_cast<std::size_t>(count));
  return account;
}

std::string runners_dir(const Config& config) {
  return config.process.runners_dir.empty() ? config.server.state_dir + "/runners"
                                            : config.process.runners_dir;
}

// What a job must not read: where secrets are, and what the server remembers.
std::vector<std::string> closed_files(const Config& config) {
  std::vector<std::string> files{config.database(), config.database() + "-wal"};
  const auto add = [&](const SecretRef& reference) {
    if (reference.kind == SecretRef::Kind::file) files.push_back(reference.name);
  };
  for (const GithubScope& scope : config.github) {
    for (const auto* reference : {&scope.token, &scope.private_key, &scope.proxy_secret}) {
      if (*reference) add(**reference);
    }
    for (const SecretRef& reference : scope.webhook_secrets) add(reference);
  }
  std::ranges::sort(files);
  files.erase(std::ranges::unique(files).begin(), files.end());
  return files;
}

UserFacts look_at_user(const Config& config, const std::string& name,
                       std::vector<std::string> pools) {
  UserFacts facts;
  facts.name = name;
  facts.pools = std::move(pools);
  if (name.empty()) return facts;
  const auto account = account_of(name);
  facts.there = account.has_value();
  if (!account) return facts;
  facts.uid = account->uid;
  std::vector<std::string> files = closed_files(config);
  for (const std::string& file : files) {
    if (may(*account, file, Wish::read)) facts.may_read.push_back(file);
  }
  files.push_back(config.path);
  for (const std::string& file : files) {
    if (may(*account, file, Wish::write)) facts.may_write.push_back(file);
  }
  facts.stuck_at = stuck_on_the_way(*account, runners_dir(config) + "/").value_or("");
  return facts;
}

void look_at_pools(const Config& config, MachineFacts& facts) {
  std::map<std::string, std::vector<std::string>> dirs;
  std::map<std::string, std::vector<std::string>> users;
  std::map<std::string, std::vector<std::string>> users_of_dir;
  for (const core::Pool& pool : config.deployment.pools) {
    const ProcessPool& process = config.process_pools.at(pool.name);
    dirs[process.runner_dir].push_back(pool.name);
    users[process.runner_user].push_back(pool.name);
    users_of_dir[process.runner_dir].push_back(process.runner_user);
  }
  for (const auto& [path, pools] : dirs) {
    RunnerDirFacts dir{.path = path, .pools = pools, .trouble = "", .version = "", .open_to = {}};
    const std::string listener = path + "/bin/Runner.Listener";
    if (access(listener.c_str(), X_OK) != 0) {
      dir.trouble = std::strerror(errno);
    } else {
      dir.version = package_version(path).value_or("");
    }
    for (const std::string& name : users_of_dir[path]) {
      const auto account = name.empty() ? std::nullopt : account_of(name);
      if (!account || account->uid == 0) continue;
      const bool open = may(*account, path, Wish::write) ||
                        may(*account, path + "/bin", Wish::write) ||
                        may(*account, listener, Wish::write);
      if (open && std::ranges::find(dir.open_to, name) == dir.open_to.end()) {
        dir.open_to.push_back(name);
      }
    }
    facts.runner_dirs.push_back(std::move(dir));
  }
  for (const auto& [name, pools] : users) facts.users.push_back(look_at_user(config, name, pools));
}

CgroupFacts look_at_cgroups() {
  CgroupFacts facts;
  const std::string mount = local::cgroup_mount();
  if (mount.empty()) return facts;
  const auto text = local::read_small_file(mount + "/cgroup.controllers");
  if (!text || !*text) return facts;
  facts.mounted = true;
  std::istringstream words(**text);
  for (std::string word; words >> word;) facts.controllers.push_back(word);
  return facts;
}

StateFacts look_at_state(const Config& config) {
  StateFacts facts;
  facts.path = config.server.state_dir;
  struct stat found = {};
  if (stat(facts.path.c_str(), &found) != 0) {
    if (errno != ENOENT) facts.trouble = std::strerror(errno);
    return facts;
  }
  facts.there = true;
  if (!S_ISDIR(found.st_mode)) {
    facts.trouble = "is no directory";
    return facts;
  }
  if (access(facts.path.c_str(), W_OK | X_OK) != 0) {
    facts.trouble = std::string("this user cannot write there: ") + std::strerror(errno);
    return facts;
  }
  if (stat(config.database().c_str(), &found) == 0) {
    facts.database = true;
    facts.database_mode = found.st_mode & 07777U;
  }
  return facts;
}

std::string name_of(const Listen& listen) {
  const bool six = listen.address.find(':') != std::string::npos;
  return (six ? "[" + listen.address + "]" : listen.address) + ":" + std::to_string(listen.port);
}

// Why the port could not be bound, in errno's words; nullopt: it could. It is not kept, and nobody
// can connect to it meanwhile: it does not listen.
std::optional<int> why_not_bindable(const Listen& listen) {
  sockaddr_storage address{};
  socklen_t size = 0;
  if (auto* four = reinterpret_cast<sockaddr_in*>(&address);
      inet_pton(AF_INET, listen.address.c_str(), &four->sin_addr) == 1) {
    four->sin_family = AF_INET;
    four->sin_port = htons(listen.port);
    size = sizeof(sockaddr_in);
  } else if (auto* six = reinterpret_cast<sockaddr_in6*>(&address);
             inet_pton(AF_INET6, listen.address.c_str(), &six->sin6_addr) == 1) {
    six->sin6_family = AF_INET6;
    six->sin6_port = htons(listen.port);
    size = sizeof(sockaddr_in6);
  } else {
    return EADDRNOTAVAIL;
  }
  const local::Descriptor trial(socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!trial) return errno;
  const int on = 1;
  setsockopt(trial.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(trial.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0) return {};
  return errno;
}

// Where a listener of that address is reached from here.
net::Url near(const Listen& listen) {
  std::string host = listen.address;
  if (host == "0.0.0.0") host = "127.0.0.1";
  if (host == "::") host = "::1";
  return {.scheme = "http", .host = host, .port = listen.port, .path = "/"};
}

core::Result<net::Response> ask(const Listen& listen, const std::string& target) {
  net::HttpClient client({.connections_per_host = 1, .answer_bytes = 64u << 10});
  net::Request request;
  request.target = target;
  return client.send(near(listen), request, std::chrono::steady_clock::now() + kAnswerTime);
}

void read_health(const net::Response& health, ListenerFacts& facts) {
  const auto body = net::parse_json(health.body);
  if (body) facts.no_namespaces = net::get_string(*body, "no_namespaces");
  if (facts.state != ListenerFacts::State::unwell) return;
  const auto* list = body ? net::get_object(*body, "reasons") : nullptr;
  std::string& text = facts.detail;
  if (list != nullptr) {
    for (const auto& [name, why] : list->get_object()) {
      text += (text.empty() ? "" : "; ") + std::string(name) + ": ";
      if (why.is_string()) text += std::string(why.get_string());
    }
  }
  if (text.empty()) text = "status " + std::to_string(health.status);
}

ListenerFacts look_at_listener(const Listen& listen, bool admin) {
  ListenerFacts facts;
  facts.address = name_of(listen);
  using State = ListenerFacts::State;
  if (const auto answer = ask(listen, admin ? "/healthz" : "/webhook")) {
    // Ours refuses a GET of /webhook with 405.
    const bool ours = admin ? answer->body.starts_with("{\"ok\":") : answer->status == 405;
    facts.state = !ours                            ? State::taken
                  : admin && answer->status != 200 ? State::unwell
                                                   : State::ours;
    if (admin && ours) read_health(*answer, facts);
    return facts;
  }
  const auto why = why_not_bindable(listen);
  if (!why) {
    facts.state = State::free;
  } else if (*why == EADDRINUSE) {
    facts.state = State::taken;
    facts.detail = "it does not answer as Jitney does";
  } else {
    facts.detail = std::strerror(*why);
  }
  return facts;
}

// Of the nearest directory that is there.
DiskFacts look_at_disk(const Config& config) {
  DiskFacts facts;
  facts.path = runners_dir(config);
  facts.floor = config.process.min_free_disk;
  std::string path = facts.path;
  struct statvfs found = {};
  while (statvfs(path.c_str(), &found) != 0) {
    const auto slash = path.rfind('/');
    if (errno != ENOENT || slash == std::string::npos || path == "/") {
      facts.trouble = std::strerror(errno);
      return facts;
    }
    path = slash == 0 ? "/" : path.substr(0, slash);
  }
  facts.free =
      static_cast<std::int64_t>(found.f_bavail) * static_cast<std::int64_t>(found.f_frsize);
  return facts;
}

}  // namespace

MachineFacts look_at_machine(const Config& config) {
  MachineFacts facts;
  facts.root = geteuid() == 0;
  if (config.fleet == FleetKind::process) {
    look_at_pools(config, facts);
    facts.cgroups = look_at_cgroups();
    facts.no_namespaces = local::why_no_namespaces();
    facts.disk = look_at_disk(config);
  }
  facts.state = look_at_state(config);
  facts.admin = look_at_listener(config.server.admin, true);
  if (config.ingress == IngressKind::webhook) {
    facts.webhook = look_at_listener(config.server.webhook, false);
  }
  return facts;
}

}  // namespace jitney::app
