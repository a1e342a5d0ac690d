// SPDX-License-Identifier: Apache-2.0
#include "local/cgroup.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>
#include <sstream>
#include <thread>

#include "local/file.hpp"

namespace jitney::local {

namespace {

constexpr std::string_view kServeLeaf = "/jitney-serve";
constexpr int kDepth = 32;

std::vector<std::string> words(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> out;
  for (std::string word; in >> word;) out.push_back(word);
  return out;
}

std::string read_or_empty(const std::string& path) {
  const auto text = read_small_file(path);
  return text && *text ? **text : std::string();
}

bool put(const std::string& path, std::string_view text) {
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  return file && write_all(file.get(), text);
}

std::string own_group() {
  std::istringstream lines(read_or_empty("/proc/self/cgroup"));
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("0::")) return line == "0::/" ? "" : line.substr(3);
  }
  return "";
}

void move_processes(const std::string& from, const std::string& to) {
  for (const std::string& pid : words(read_or_empty(from + "/cgroup.procs"))) {
    put(to + "/cgroup.procs", pid);
  }
}

void hand_down(const std::string& path, std::string_view controller) {
  put(path + "/cgroup.subtree_control", "+" + std::string(controller));
}

std::vector<std::string> wanted_in(const std::string& path, const char* file) {
  std::vector<std::string> have = words(read_or_empty(path + "/" + file));
  std::erase_if(have, [](const std::string& name) {
    return name != "memory" && name != "cpu" && name != "pids";
  });
  return have;
}

bool remove_groups(const std::string& path, int depth) {
  if (depth < kDepth) {
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(path.c_str()), &::closedir);
    while (const dirent* entry = folder ? ::readdir(folder.get()) : nullptr) {
      const std::string_view name(entry->d_name);
      if (entry->d_type != DT_DIR || name == "." || name == "..") continue;
      remove_groups(path + "/" + std::string(name), depth + 1);
    }
  }
  return ::rmdir(path.c_str()) == 0 || errno == ENOENT;
}

}  // namespace

std::string cgroup_mount() {
  std::istringstream lines(read_or_empty("/proc/self/mountinfo"));
  for (std::string line; std::getline(lines, line);) {
    const auto dash = line.find(" - cgroup2 ");
    if (dash == std::string::npos) continue;
    const auto fields = words(line.substr(0, dash));
    if (fields.size() >= 5) return fields[4];
  }
  return "";
}

CgroupParent prepare_cgroups(const std::string& parent, const std::string& name) {
  CgroupParent made;
  std::string base = parent;
  if (base.empty()) {
    const std::string mount = cgroup_mount();
    if (mount.empty()) {
      made.why_not = "no cgroup2 file system is mounted";
      return made;
    }
    base = mount + own_group();
    // Where an earlier call moved us.
    if (base.ends_with(kServeLeaf)) base.resize(base.size() - kServeLeaf.size());
  }
  const std::string ours = base + "/" + name;
  if (::mkdir(ours.c_str(), 0755) != 0 && errno != EEXIST) {
    made.why_not = system_error("make the control group " + ours, errno).what;
    return made;
  }
  if (!exists(ours + "/cgroup.kill")) {
    made.why_not = base + " has no cgroup.kill (it needs cgroup2 on Linux 5.14 or newer)";
    return made;
  }
  const std::vector<std::string> offered = wanted_in(base, "cgroup.controllers");
  if (wanted_in(base, "cgroup.subtree_control").size() < offered.size()) {
    const std::string leaf = base + std::string(kServeLeaf);
    if (exists(base + "/cgroup.type") && (::mkdir(leaf.c_str(), 0755) == 0 || errno == EEXIST)) {
      move_processes(base, leaf);
    }
    for (const std::string& controller : offered) hand_down(base, controller);
  }
  for (const std::string& controller : wanted_in(ours, "cgroup.controllers")) {
    hand_down(ours, controller);
  }
  made.controllers = wanted_in(ours, "cgroup.subtree_control");
  made.path = ours;
  return made;
}

core::Result<std::string> make_cgroup(const std::string& parent, const std::string& name,
                                      const Limits& limits,
                                      const std::vector<std::string>& controllers) {
  const std::string path = parent + "/" + name;
  if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) {
    return system_failure("make the control group " + path, errno);
  }
  const auto limit = [&](std::string_view controller, const std::string& file,
                         const std::string& value) -> bool {
    if (std::ranges::find(controllers, controller) == controllers.end()) return true;
    return put(path + "/" + file, value);
  };
  constexpr int kPeriod = 100'000;  // microseconds
  bool held = true;
  if (limits.memory > 0) {
    held = limit("memory", "memory.max", std::to_string(limits.memory)) && held;
  }
  if (limits.cpu > 0) {
    const auto quota = static_cast<std::int64_t>(limits.cpu * kPeriod);
    held = limit("cpu", "cpu.max", std::to_string(quota) + " " + std::to_string(kPeriod)) && held;
  }
  if (limits.tasks > 0) held = limit("pids", "pids.max", std::to_string(limits.tasks)) && held;
  if (!held) return system_failure("set the limits of the control group " + path, errno);
  return path;
}

bool enter_cgroup(const std::string& path, std::int64_t pid) {
  return put(path + "/cgroup.procs", std::to_string(pid));
}

bool end_cgroup(const std::string& path, std::chrono::milliseconds patience) {
  if (path.empty()) return true;
  const auto until = std::chrono::steady_clock::now() + patience;
  for (;;) {
    put(path + "/cgroup.kill", "1");
    if (remove_groups(path, 0)) return true;
    if (std::chrono::steady_clock::now() >= until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

}  // namespace jitney::local
