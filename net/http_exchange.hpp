// SPDX-License-Identifier: Apache-2.0
// One request and its answer on an open connection. Private to the client; one thread at a time.
#pragma once

#include <cstddef>
#include <string>

#include "net/http.hpp"
#include "net/wire.hpp"

namespace jitney::net {

struct Exchange {
  Wire::Error error;          // success: `response` is whole
  const char* step = "send";  // or "receive": where it failed
  bool any_answer = false;    // a byte of the answer was read
  bool reusable = false;      // the connection may carry another request
  Response response;
};

// `head` is the request's head as on the wire. An answer that comes although the request could not
// be sent to its end (413, say) counts. `skip_body`: the answer to HEAD has none.
Exchange exchange(Wire& wire, const std::string& head, const std::string& body, bool skip_body,
                  std::size_t answer_bytes);

// CONNECT: reads the head of a proxy's answer only. `response.body` stays empty.
Exchange exchange_head(Wire& wire, const std::string& head);

}  // namespace jitney::net
