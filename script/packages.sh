# SPDX-License-Identifier: Apache-2.0
# What Debian 12 calls the things we need. Sourced by script/setup.
# shellcheck shell=bash disable=SC2034
run_packages=(
  ca-certificates ccache cmake g++ git libboost-context1.81-dev libboost-json1.81-dev
  libboost1.81-dev libcli11-dev libpugixml-dev libspdlog-dev libsqlite3-dev libssl-dev libtomlplusplus-dev
  make ninja-build prometheus-cpp-dev python3
)
dev_packages=(
  bats clang-19 clang-format-19 clang-tidy-19 curl libbenchmark-dev libclang-rt-19-dev libgmock-dev libgtest-dev
  librapidcheck-dev lld-19 nodejs npm openssl procps python3-venv shellcheck sqlite3 wrk
)
