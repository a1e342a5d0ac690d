// SPDX-License-Identifier: Apache-2.0
#include "apps/doctor/finding.hpp"

#include <utility>

namespace jitney::app {

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::ok:
      return "ok";
    case Verdict::warning:
      return "warning";
    case Verdict::failed:
      return "failed";
    case Verdict::skipped:
      return "skipped";
  }
  return "";
}

Finding ok(std::string check, std::string seen) {
  return {std::move(check), Verdict::ok, std::move(seen), ""};
}

Finding warning(std::string check, std::string seen, std::string todo) {
  return {std::move(check), Verdict::warning, std::move(seen), std::move(todo)};
}

Finding failed(std::string check, std::string seen, std::string todo) {
  return {std::move(check), Verdict::failed, std::move(seen), std::move(todo)};
}

Finding skipped(std::string check, std::string why) {
  return {std::move(check), Verdict::skipped, std::move(why), ""};
}

std::string some_of(const std::vector<std::string>& names, std::size_t most) {
  std::string text;
  for (std::size_t i = 0; i < names.size() && i < most; ++i) {
    text += (i == 0 ? "" : ", ") + names[i];
  }
  if (names.size() > most) text += " and " + std::to_string(names.size() - most) + " more";
  return text;
}

std::string counted(std::size_t n, const std::string& noun) {
  return std::to_string(n) + " " + noun + (n == 1 ? "" : "s");
}

}  // namespace jitney::app
