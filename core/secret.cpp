// SPDX-License-Identifier: Apache-2.0
#include "core/secret.hpp"

#include <utility>

namespace jitney::core {

Secret::Secret(std::string value) : value_(std::move(value)) {}

Secret::Secret(Secret&& other) noexcept : value_(other.value_) { other.wipe(); }

Secret& Secret::operator=(const Secret& other) {
  if (this != &other) {
    wipe();
    value_ = other.value_;
  }
  return *this;
}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this != &other) {
    wipe();
    value_ = other.value_;
    other.wipe();
  }
  return *this;
}

Secret::~Secret() { wipe(); }

void Secret::wipe() noexcept {
  // volatile: the compiler may not drop a store to memory that is about to be freed.
  volatile char* byte = value_.data();
  for (std::size_t i = 0; i < value_.size(); ++i) byte[i] = 0;
  value_.clear();
}

}  // namespace jitney::core
