// SPDX-License-Identifier: Apache-2.0
// The half of runner_root.hpp that meets what a hostile job left behind.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <optional>
#include <string_view>

#include "local/file.hpp"
#include "local/runner_root.hpp"

namespace jitney::local {

namespace {

// Deeper folders are first moved up to the top, so that neither stack nor descriptors run out.
constexpr int kDepth = 32;
constexpr int kKeptFiles = 64;

std::optional<std::uint64_t> mount_of(int folder) {
  struct statx found{};
  if (::statx(folder, "", AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, STATX_MNT_ID, &found) != 0) {
    return std::nullopt;
  }
  return found.stx_mnt_id;
}

using Listing = std::unique_ptr<DIR, int (*)(DIR*)>;

Listing list(int folder) {
  const int again = ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  return {again < 0 ? nullptr : ::fdopendir(again), &::closedir};
}

class Removal {
 public:
  // `kept` of the top folder stays.
  Removal(int top, std::uint64_t mount, std::string_view kept = "")
      : top_(top), mount_(mount), kept_(kept) {}

  // Empties the top folder. false: something stays.
  bool run() {
    bool all = false;
    do {
      moved_ = 0;
      all = empty(top_, 0);
    } while (moved_ > 0);
    return all;
  }

 private:
  // Empties the folder. false: something stays.
  bool empty(int folder, int depth) {
    bool all = true;
    Listing listing = list(folder);
    if (!listing) return false;
    while (const dirent* item = ::readdir(listing.get())) {
      const std::string_view name(item->d_name);
      if (name == "." || name == ".." || (depth == 0 && name == kept_)) continue;
      all = remove(folder, item->d_name, depth) && all;
    }
    return all;
  }

  bool remove(int folder, const char* name, int depth) {
    if (::unlinkat(folder, name, 0) == 0 || errno == ENOENT) return true;
    if (errno != EISDIR && errno != EPERM) return false;
    if (depth >= kDepth) return move_up(folder, name);
    // The job may have taken even its owner's rights away.
    Descriptor inner(::openat(folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
    if (!inner && errno == EACCES && ::fchmodat(folder, name, 0700, 0) == 0) {
      inner = Descriptor(::openat(folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
    }
    if (!inner || mount_of(inner.get()) != mount_) return false;
    if (::faccessat(inner.get(), ".", W_OK | X_OK, AT_EACCESS) != 0) {
      static_cast<void>(::fchmod(inner.get(), 0700));
    }
    return empty(inner.get(), depth + 1) && ::unlinkat(folder, name, AT_REMOVEDIR) == 0;
  }

  // true: it will be met again at the top. Names there may be taken.
  bool move_up(int folder, const char* name) {
    for (int tries = 0; tries < 100; ++tries) {
      const std::string fresh = ".up-" + std::to_string(next_++);
      if (::renameat2(folder, name, top_, fresh.c_str(), RENAME_NOREPLACE) == 0) {
        moved_ += 1;
        return true;
      }
      if (errno != EEXIST) return false;
    }
    return false;
  }

  const int top_;
  const std::uint64_t mount_;
  const std::string_view kept_;
  std::uint64_t next_ = 0;
  int moved_ = 0;
};

}  // namespace

bool remove_tree(const std::string& parent, const std::string& name) {
  const Descriptor above(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!above) return errno == ENOENT;
  const Descriptor top(
      ::openat(above.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  if (!top) return errno == ENOENT || ::unlinkat(above.get(), name.c_str(), 0) == 0;
  const auto mount = mount_of(top.get());
  if (!mount || mount != mount_of(above.get())) return false;
  return Removal(top.get(), *mount).run() &&
         ::unlinkat(above.get(), name.c_str(), AT_REMOVEDIR) == 0;
}

void empty_root(const std::string& root) {
  const Descriptor top(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  const auto mount = top ? mount_of(top.get()) : std::nullopt;
  if (mount) Removal(top.get(), *mount, kDiagnostics).run();
}

void keep_files(const std::string& from, const std::string& to, std::size_t max_bytes) {
  const Descriptor source(::open(from.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  if (!source || !make_directory(to, 0700)) return;
  Listing listing = list(source.get());
  int kept = 0;
  while (const dirent* item = listing ? ::readdir(listing.get()) : nullptr) {
    if (kept >= kKeptFiles || max_bytes == 0) return;
    // Neither a link nor a pipe that would hold us.
    const Descriptor file(::openat(source.get(), item->d_name,
                                   O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
    struct stat found{};
    if (!file || ::fstat(file.get(), &found) != 0 || !S_ISREG(found.st_mode)) continue;
    const std::string target = to + "/" + item->d_name;
    const Descriptor copy(
        ::open(target.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    std::array<char, 64u << 10> buffer;
    while (copy && max_bytes > 0) {
      const ssize_t got = ::read(file.get(), buffer.data(), std::min(buffer.size(), max_bytes));
      if (got <= 0) break;
      const auto size = static_cast<std::size_t>(got);
      if (!write_all(copy.get(), std::string_view(buffer.data(), size))) break;
      max_bytes -= size;
    }
    kept += 1;
  }
}

}  // namespace jitney::local
