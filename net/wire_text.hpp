// SPDX-License-Identifier: Apache-2.0
// What may stand in the head of an HTTP message: guards against response splitting and request
// smuggling, shared by server and client. Pure functions.
#pragma once

#include <string_view>

namespace jitney::net {

bool is_token(std::string_view text);        // RFC 9110 token: methods and field names
bool is_field_value(std::string_view text);  // no CR, LF, NUL or other control, save tab
bool is_target(std::string_view text);       // no blank, control or non-ASCII byte; not empty
bool same_text(std::string_view a, std::string_view b);  // without case, ASCII
std::string_view reason(int status);                     // "Not Found"; "Unknown" for the rare ones

}  // namespace jitney::net
