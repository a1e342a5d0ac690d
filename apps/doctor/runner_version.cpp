// SPDX-License-Identifier: Apache-2.0
#include "apps/doctor/runner_version.hpp"

#include <charconv>
#include <fstream>

namespace jitney::app {

namespace {

constexpr std::size_t kMostBytes = 16u << 20;
// GitHub's registration floor (docs: changelog of self-hosted runners' minimum version).
constexpr RunnerVersionNumber kFloor{2, 329, 0};
// A version is refused thirty days after a newer one came; they come every two to four weeks, so
// the last but one still has time, and older ones hardly.
constexpr int kReleasesToFail = 3;

constexpr const char* kCheck = "runner version";

bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

std::optional<RunnerVersionNumber> parse_runner_version(std::string_view text) {
  RunnerVersionNumber version;
  const char* at = text.data();
  const char* end = text.data() + text.size();
  for (int* part : {&version.major, &version.minor, &version.patch}) {
    if (part != &version.major) {
      if (at == end || *at != '.') return std::nullopt;
      ++at;
    }
    if (at == end || !is_digit(*at)) return std::nullopt;
    const auto [next, error] = std::from_chars(at, end, *part);
    if (error != std::errc()) return std::nullopt;
    at = next;
  }
  if (at != end) return std::nullopt;
  return version;
}

// Text constants of .NET stand one after the other: a length of one byte (twice the characters,
// and one), UTF-16, and a byte of flags. The runner has one that is nothing but its version.
std::optional<std::string> version_in(std::string_view dll) {
  std::optional<std::string> found;
  std::optional<RunnerVersionNumber> best;
  for (std::size_t i = 1; i + 2 < dll.size(); ++i) {
    if (dll[i] != '2' || dll[i + 1] != '\0' || dll[i + 2] != '.') continue;
    std::string text;
    std::size_t at = i;
    while (at + 1 < dll.size() && dll[at + 1] == '\0' && (is_digit(dll[at]) || dll[at] == '.')) {
      text += dll[at];
      at += 2;
    }
    const auto version = parse_runner_version(text);
    const auto length = static_cast<unsigned char>(dll[i - 1]);
    if (!version || version->minor < 100 || length != 2 * text.size() + 1) continue;
    if (best && *version <= *best) continue;
    best = version;
    found = std::move(text);
  }
  return found;
}

std::optional<std::string> package_version(const std::string& runner_dir) {
  std::ifstream file(runner_dir + "/bin/Runner.Listener.dll", std::ios::binary);
  if (!file) return std::nullopt;
  std::string bytes(kMostBytes, '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<std::size_t>(file.gcount()));
  return version_in(bytes);
}

Finding check_runner_version(const std::string& of, const std::string& have,
                             const std::string& newest) {
  const auto version = parse_runner_version(have);
  if (!version) {
    return skipped(kCheck, of + ": it does not tell its version" +
                               (newest.empty() ? "" : "; GitHub offers " + newest));
  }
  const std::string seen = of + ": " + have + (newest.empty() ? "" : "; GitHub offers " + newest);
  const std::string todo =
      "put GitHub's newest actions-runner there: it refuses a version thirty "
      "days after the next one came, and jobs then wait";
  if (*version < kFloor)
    return failed(kCheck, seen + ", and refuses what is older than 2.329.0", todo);
  const auto offered = parse_runner_version(newest);
  if (!offered || *version >= *offered) return ok(kCheck, seen);
  const int behind =
      offered->major == version->major ? offered->minor - version->minor : kReleasesToFail;
  if (behind >= kReleasesToFail) return failed(kCheck, seen, todo);
  return warning(kCheck, seen, todo);
}

}  // namespace jitney::app
