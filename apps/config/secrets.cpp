// SPDX-License-Identifier: Apache-2.0
#include "apps/config/secrets.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace jitney::app {

namespace {

constexpr std::size_t kLargest = 64u << 10;

std::unexpected<core::Error> missing(const SecretRef& reference, std::string_view why) {
  return core::fail(core::Fault::unauthorized, reference.where + ": the secret in the " +
                                                   reference.text() + " " + std::string(why));
}

std::optional<std::string> path_of(const SecretRef& reference) {
  if (reference.kind == SecretRef::Kind::file) return reference.name;
  if (reference.kind != SecretRef::Kind::credential) return std::nullopt;
  const char* directory = std::getenv("CREDENTIALS_DIRECTORY");
  if (directory == nullptr || *directory == '\0') return std::nullopt;
  return std::string(directory) + "/" + reference.name;
}

core::Result<core::Secret> finish(const SecretRef& reference, std::string value) {
  if (value.ends_with('\n')) value.pop_back();
  if (value.ends_with('\r')) value.pop_back();
  core::Secret secret(std::move(value));
  if (secret.empty()) return missing(reference, "is empty");
  return secret;
}

core::Result<core::Secret> read_file(const SecretRef& reference, const std::string& path) {
  // O_NONBLOCK: a FIFO put there by mistake must not hang the start.
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    return missing(reference, "cannot be read: " + path + ": " + std::strerror(errno));
  }
  struct stat status = {};
  if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
    close(fd);
    return missing(reference, "cannot be read: " + path + " is not a regular file");
  }
  std::string value(kLargest + 1, '\0');
  std::size_t size = 0;
  ssize_t got = 0;
  while (size < value.size() && (got = read(fd, value.data() + size, value.size() - size)) > 0) {
    size += static_cast<std::size_t>(got);
  }
  const int error = got < 0 ? errno : 0;
  close(fd);
  // The buffer becomes the secret itself: no copy is left behind unwiped.
  value.resize(size);
  if (size > kLargest) {
    const core::Secret wiped(std::move(value));
    return missing(reference, "is longer than 64 KiB: is " + path + " the right file?");
  }
  if (error != 0)
    return missing(reference, "cannot be read: " + path + ": " + std::strerror(error));
  return finish(reference, std::move(value));
}

}  // namespace

std::string SecretRef::text() const {
  switch (kind) {
    case Kind::environment:
      return "environment variable " + name;
    case Kind::file:
      return "file " + name;
    case Kind::credential:
      return "systemd credential " + name;
    case Kind::secret:
      return "AWS secret " + name;
    case Kind::parameter:
      return "AWS parameter " + name;
  }
  return name;
}

core::Result<core::Secret> load_secret(const SecretRef& reference) {
  if (reference.remote()) {
    return core::fail(core::Fault::invalid,
                      reference.where + ": the " + reference.text() +
                          " is kept by AWS and cannot be read from this machine alone");
  }
  if (reference.kind == SecretRef::Kind::environment) {
    const char* value = std::getenv(reference.name.c_str());
    if (value == nullptr) return missing(reference, "is not there: the variable is not set");
    return finish(reference, value);
  }
  const auto path = path_of(reference);
  if (!path) {
    return missing(reference,
                   "is not there: $CREDENTIALS_DIRECTORY is not set, which systemd does for a "
                   "service with LoadCredential=" +
                       reference.name + ":/path/to/file");
  }
  return read_file(reference, *path);
}

std::optional<std::string> exposure(const SecretRef& reference) {
  // systemd keeps its own credentials closed; files are a person's doing.
  if (reference.kind != SecretRef::Kind::file) return std::nullopt;
  struct stat status = {};
  if (stat(reference.name.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  const char* who = (status.st_mode & (S_IROTH | S_IWOTH)) != 0 ? "every user"
                    : (status.st_mode & S_IWGRP) != 0           ? "its group"
                                                                : nullptr;
  if (who == nullptr) return std::nullopt;
  return reference.where + ": the secret in the file " + reference.name + " is open to " + who +
         " of this machine, jobs included; run: chmod 600 " + reference.name;
}

}  // namespace jitney::app
