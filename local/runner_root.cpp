// SPDX-License-Identifier: Apache-2.0
#include "local/runner_root.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <memory>
#include <string_view>

#include "local/file.hpp"

namespace jitney::local {

namespace {

constexpr int kTemplateDepth = 128;

// What a template that was once registered or used has lying about: credentials and other jobs'
// work.
constexpr std::array<std::string_view, 8> kLeftOut = {"_work",        "_diag",
                                                      "_home",        "_tmp",
                                                      ".runner",      ".runner_migrated",
                                                      ".credentials", ".credentials_rsaparams"};

class TemplateCopy {
 public:
  TemplateCopy(std::string runner_dir, const Account& account)
      : top_(std::move(runner_dir)), account_(account) {}

  // `inside` is the path below the template, "" for itself.
  core::Status folder(int from, int to, const std::string& inside, int depth) {
    if (depth > kTemplateDepth) return refuse(inside, "is nested too deep");
    const int again = ::openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const std::unique_ptr<DIR, int (*)(DIR*)> listing(again < 0 ? nullptr : ::fdopendir(again),
                                                      &::closedir);
    if (!listing) return system_failure("list " + top_ + inside, errno);
    while (const dirent* item = ::readdir(listing.get())) {
      const std::string name(item->d_name);
      if (name == "." || name == "..") continue;
      if (depth == 0 && std::ranges::find(kLeftOut, name) != kLeftOut.end()) continue;
      if (core::Status done = entry(from, to, name, inside, depth); !done) return done;
    }
    return {};
  }

 private:
  std::unexpected<core::Error> refuse(const std::string& inside, const std::string& why) const {
    return core::fail(core::Fault::invalid, "runner_dir: " + top_ + inside + " " + why);
  }

  core::Status entry(int from, int to, const std::string& name, const std::string& inside,
                     int depth) {
    const std::string path = inside + "/" + name;
    struct stat found{};
    if (::fstatat(from, name.c_str(), &found, AT_SYMLINK_NOFOLLOW) != 0) {
      return system_failure("read " + top_ + path, errno);
    }
    if (S_ISDIR(found.st_mode)) return directory(from, to, name, path, found, depth);
    if (S_ISREG(found.st_mode)) return file(from, to, name, path, found);
    if (S_ISLNK(found.st_mode)) return link(from, to, name, path, depth);
    return refuse(path, "is neither file, directory nor link; remove it");
  }

  core::Status directory(int from, int to, const std::string& name, const std::string& path,
                         const struct stat& found, int depth) {
    const Descriptor source(
        ::openat(from, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
    if (!source || ::mkdirat(to, name.c_str(), 0700) != 0) {
      return system_failure("copy " + top_ + path, errno);
    }
    const Descriptor target(
        ::openat(to, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
    if (!target) return system_failure("copy " + top_ + path, errno);
    if (core::Status done = folder(source.get(), target.get(), path, depth + 1); !done) return done;
    return own(target.get(), (found.st_mode & 0777) | 0700, path);
  }

  core::Status own(int target, mode_t mode, const std::string& path) const {
    if (account_.other && ::fchown(target, account_.uid, account_.gid) != 0) {
      return system_failure("give " + top_ + path + " to " + account_.name, errno);
    }
    if (::fchmod(target, mode) != 0) return system_failure("set the mode of " + path, errno);
    return {};
  }

  // Only what every job may read and none may write; the group bits also bound any ACL.
  [[nodiscard]] bool may_share(const struct stat& found) const {
    const bool readable =
        (found.st_mode & 0004) != 0 && ((found.st_mode & 0111) == 0 || (found.st_mode & 0001) != 0);
    const bool plain = (found.st_mode & (0022 | S_ISUID | S_ISGID)) == 0;
    return account_.other && account_.uid != 0 && found.st_uid != account_.uid && readable && plain;
  }

  core::Status file(int from, int to, const std::string& name, const std::string& path,
                    const struct stat& found) {
    if (may_share(found) && ::linkat(from, name.c_str(), to, name.c_str(), 0) == 0) return {};
    const Descriptor source(::openat(from, name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    const Descriptor target(
        ::openat(to, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!source || !target) return system_failure("copy " + top_ + path, errno);
    if (::ioctl(target.get(), FICLONE, source.get()) != 0) {
      for (;;) {
        const ssize_t got = ::copy_file_range(source.get(), nullptr, target.get(), nullptr,
                                              std::size_t{64} << 20, 0);
        if (got == 0) break;
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && (errno == EXDEV || errno == EINVAL || errno == EOPNOTSUPP)) {
          if (core::Status done = by_hand(source.get(), target.get(), path); !done) return done;
          break;
        }
        if (got < 0) return system_failure("copy " + top_ + path, errno);
      }
    }
    // Neither set-user-id nor anything for strangers passes on.
    return own(target.get(), found.st_mode & 0777, path);
  }

  core::Status by_hand(int source, int target, const std::string& path) const {
    std::array<char, 64u << 10> buffer;
    for (;;) {
      const ssize_t got = ::read(source, buffer.data(), buffer.size());
      if (got == 0) return {};
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 ||
          !write_all(target, std::string_view(buffer.data(), static_cast<std::size_t>(got)))) {
        return system_failure("copy " + top_ + path, errno);
      }
    }
  }

  core::Status link(int from, int to, const std::string& name, const std::string& path, int depth) {
    std::array<char, PATH_MAX> buffer;
    const ssize_t size = ::readlinkat(from, name.c_str(), buffer.data(), buffer.size());
    if (size < 0) return system_failure("read " + top_ + path, errno);
    const std::string leads_to(buffer.data(), static_cast<std::size_t>(size));
    if (!stays_inside(leads_to, depth)) {
      return refuse(path, "is a link that leads out of the directory, to " + leads_to +
                              "; replace it by what it names");
    }
    if (::symlinkat(leads_to.c_str(), to, name.c_str()) != 0 ||
        (account_.other &&
         ::fchownat(to, name.c_str(), account_.uid, account_.gid, AT_SYMLINK_NOFOLLOW) != 0)) {
      return system_failure("copy " + top_ + path, errno);
    }
    return {};
  }

  static bool stays_inside(std::string_view leads_to, int depth) {
    if (leads_to.starts_with('/')) return false;
    while (!leads_to.empty()) {
      const std::string_view part = leads_to.substr(0, leads_to.find('/'));
      leads_to.remove_prefix(std::min(part.size() + 1, leads_to.size()));
      if (part == "..") depth -= 1;
      if (depth < 0) return false;
      if (!part.empty() && part != "." && part != "..") depth += 1;
    }
    return true;
  }

  const std::string top_;
  const Account& account_;
};

}  // namespace

core::Status copy_runner(const std::string& runner_dir, const std::string& root,
                         const Account& account) {
  const Descriptor source(::open(runner_dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!source) {
    return core::fail(core::Fault::invalid,
                      system_error("runner_dir: open " + runner_dir, errno).what);
  }
  if (::mkdir(root.c_str(), 0700) != 0) return system_failure("make " + root, errno);
  const Descriptor target(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  if (!target) return system_failure("open " + root, errno);
  TemplateCopy copy(runner_dir, account);
  core::Status done = copy.folder(source.get(), target.get(), "", 0);
  for (const char* own : {"_home", "_tmp"}) {
    if (!done) break;
    if (::mkdirat(target.get(), own, 0700) != 0 ||
        ::fchownat(target.get(), own, account.uid, account.gid, AT_SYMLINK_NOFOLLOW) != 0) {
      done = system_failure("make " + root + "/" + own, errno);
    }
  }
  // Last, so that the account has no hand in it while it is made.
  if (done && account.other && ::fchown(target.get(), account.uid, account.gid) != 0) {
    done = system_failure("give " + root + " to " + account.name, errno);
  }
  if (!done) {
    const auto slash = root.rfind('/');
    remove_tree(root.substr(0, slash), root.substr(slash + 1));
  }
  return done;
}

}  // namespace jitney::local
