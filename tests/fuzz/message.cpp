// SPDX-License-Identifier: Apache-2.0
// The body of an SQS message.
#include "aws/message_text.hpp"

#include "tests/fuzz/property.hpp"

namespace jitney::fuzz {

void target(std::string_view input) {
  const auto read = aws::parse_message(input);
  if (!read) {
    expect(read.error().fault == core::Fault::invalid, "what is no message is invalid");
    expect(read.error().what.size() < 200, "a refusal quotes nothing");
    return;
  }
  expect(!read->message.key.empty(), "a message has a key");
  expect(read->tries >= 0 && read->tries <= 1'000'000, "tries are bounded");
  const std::string written = aws::write_message(read->message, read->tries);
  const auto again = aws::parse_message(written);
  expect(again && again->message == read->message && again->tries == read->tries,
         "a message is read as it was written");
  expect(aws::write_message(again->message, again->tries) == written, "it is written alike");
}

}  // namespace jitney::fuzz
