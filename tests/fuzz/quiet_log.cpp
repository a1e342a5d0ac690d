// SPDX-License-Identifier: Apache-2.0
// The log of fuzz targets goes nowhere: a line for each of a million inputs tells nobody anything,
// and spdlog alone would take as long to build as all parsers of net/ together.
#include "net/log.hpp"

namespace jitney::net {

void set_log_level(LogLevel) {}
void log(LogLevel, std::string_view, std::initializer_list<LogField>) {}

}  // namespace jitney::net
