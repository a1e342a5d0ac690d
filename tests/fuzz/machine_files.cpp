// SPDX-License-Identifier: Apache-2.0
// What a machine's files hold (after a torn disk, say), taken for each of them, and for the order
// that a shim is given.
#include "local/machine_files.hpp"

#include <fcntl.h>

#include <boost/json/value.hpp>

#include "net/json.hpp"
#include "tests/fakes/temporary_directory.hpp"
#include "tests/fuzz/property.hpp"

namespace jitney::fuzz {
namespace {

// One file for all inputs, written again for each.
const std::string& path_of(std::string_view text) {
  static const fakes::TemporaryDirectory directory;
  static const std::string path = directory.path() + "/meta.json";
  const local::Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600));
  expect(file && local::write_all(file.get(), text), "the input can be written");
  return path;
}

void expect_meta(std::string_view input) {
  const auto meta = local::read_tombstone(path_of(input));
  expect(
      meta.has_value() == net::parse_json(input, 1u << 20).has_value() || input.size() > 1u << 20,
      "JSON is read, all else is an error");
  if (!meta || !*meta) return;
  const std::string written = local::to_json(**meta);
  const auto again = local::read_tombstone(path_of(written));
  expect(again && *again && local::to_json(**again) == written, "a file is read as it was written");
}

void expect_order(std::string_view input) {
  const auto order = local::parse_order(core::Secret(std::string(input)));
  if (!order) {
    expect(order.error().fault == core::Fault::invalid, "what is no order is invalid");
    expect(order.error().what.size() < 300, "a refusal quotes nothing");
    return;
  }
  expect(!order->root.empty() && !order->machine.empty(), "an order says where");
  const auto line = net::parse_json(input.substr(0, input.find('\n')));
  expect(net::get_int(*line, "uid") == static_cast<std::int64_t>(order->uid) &&
             net::get_int(*line, "gid") == static_cast<std::int64_t>(order->gid),
         "an order's user is the one that was named");
  const core::Secret written = local::serialize(*order);
  const auto again = local::parse_order(written);
  expect(again && local::serialize(*again).reveal() == written.reveal(),
         "an order is read as it was written");
}

}  // namespace

void target(std::string_view input) {
  expect_meta(input);
  expect_order(input);
}

}  // namespace jitney::fuzz
