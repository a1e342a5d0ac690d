// SPDX-License-Identifier: Apache-2.0
// The client's side of TLS on OpenSSL: who is trusted, and sessions bound to a host name. Private
// to the client.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "core/result.hpp"
#include "net/http_client.hpp"

namespace jitney::net {

struct FreeSsl {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using SslContext = std::unique_ptr<SSL_CTX, FreeSsl>;
using SslSession = std::unique_ptr<SSL, FreeSsl>;

// TLS 1.2 at least; peers must prove themselves. `invalid`: the CA file or directory cannot be
// read.
core::Result<SslContext> make_tls_context(const ClientOptions& options);

// A client session on a non-blocking socket that stays the caller's. The peer must hold a
// certificate for `host`, a name or a numeric address.
SslSession make_tls_session(SSL_CTX* context, int socket, const std::string& host);

// Why the last call on this thread failed: the certificate's verdict, or OpenSSL's oldest error.
// Empties the error queue.
std::string tls_failure(const SSL* ssl);

}  // namespace jitney::net
