// SPDX-License-Identifier: Apache-2.0
#include "net/tls.hpp"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <new>

namespace jitney::net {
namespace {

using core::Fault;

// OpenSSL's own socket BIO writes without MSG_NOSIGNAL, and a peer that hangs up would kill the
// process.
int socket_of(BIO* bio) {
  return static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio)));
}

bool would_block() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

int write_socket(BIO* bio, const char* data, int length) {
  BIO_clear_retry_flags(bio);
  const auto sent = send(socket_of(bio), data, static_cast<std::size_t>(length), MSG_NOSIGNAL);
  if (sent < 0 && would_block()) BIO_set_retry_write(bio);
  return static_cast<int>(sent);
}

int read_socket(BIO* bio, char* data, int length) {
  BIO_clear_retry_flags(bio);
  const auto got = recv(socket_of(bio), data, static_cast<std::size_t>(length), 0);
  if (got < 0 && would_block()) BIO_set_retry_read(bio);
  if (got == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
  return static_cast<int>(got);
}

long control_socket(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_EOF) return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

const BIO_METHOD* socket_method() {
  static const BIO_METHOD* const kMethod = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "jitney socket");
    if (made == nullptr) throw std::bad_alloc();
    BIO_meth_set_write(made, write_socket);
    BIO_meth_set_read(made, read_socket);
    BIO_meth_set_ctrl(made, control_socket);
    return made;
  }();
  return kMethod;
}

bool is_numeric(const std::string& host) {
  std::array<unsigned char, 16> buffer{};
  return inet_pton(AF_INET, host.c_str(), buffer.data()) == 1 ||
         inet_pton(AF_INET6, host.c_str(), buffer.data()) == 1;
}

}  // namespace

core::Result<SslContext> make_tls_context(const ClientOptions& options) {
  SslContext context(SSL_CTX_new(TLS_client_method()));
  if (!context) throw std::bad_alloc();
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_AUTO_RETRY);
  // Loading the whole bundle costs 25 to 40 ms; the hashed directory is read one root at a time.
  if (options.ca_file.empty() && options.ca_dir.empty()) {
    SSL_CTX_set_default_verify_dir(context.get());
    return context;
  }
  if (!options.ca_file.empty() &&
      SSL_CTX_load_verify_file(context.get(), options.ca_file.c_str()) != 1) {
    return core::fail(Fault::invalid, "TLS: no certificates could be read from " + options.ca_file +
                                          ": " + tls_failure(nullptr));
  }
  // OpenSSL itself takes any name for a directory and finds nothing in it later.
  struct stat status{};
  if (!options.ca_dir.empty() &&
      (stat(options.ca_dir.c_str(), &status) != 0 || !S_ISDIR(status.st_mode) ||
       SSL_CTX_load_verify_dir(context.get(), options.ca_dir.c_str()) != 1)) {
    return core::fail(Fault::invalid,
                      "TLS: " + options.ca_dir + " is no directory of certificates (see c_rehash)");
  }
  return context;
}

SslSession make_tls_session(SSL_CTX* context, int socket, const std::string& host) {
  SslSession session(SSL_new(context));
  BIO* bio = session ? BIO_new(socket_method()) : nullptr;
  if (bio == nullptr) throw std::bad_alloc();
  BIO_set_data(bio, reinterpret_cast<void*>(static_cast<std::intptr_t>(socket)));
  BIO_set_init(bio, 1);
  SSL_set_bio(session.get(), bio, bio);
  SSL_set_hostflags(session.get(), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  bool bound = false;
  if (is_numeric(host)) {
    bound = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session.get()), host.c_str()) == 1;
  } else {
    bound = SSL_set1_host(session.get(), host.c_str()) == 1 &&
            SSL_set_tlsext_host_name(session.get(), host.c_str()) == 1;
  }
  // Without the name bound any certificate would do: never go on.
  if (!bound) throw std::bad_alloc();
  constexpr std::array<unsigned char, 9> kHttp11{8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  SSL_set_alpn_protos(session.get(), kHttp11.data(), kHttp11.size());
  SSL_set_connect_state(session.get());
  return session;
}

std::string tls_failure(const SSL* ssl) {
  std::string text;
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  const long verdict = ssl == nullptr ? X509_V_OK : SSL_get_verify_result(ssl);
  if (verdict != X509_V_OK) {
    return std::string("the certificate is not accepted: ") +
           X509_verify_cert_error_string(verdict);
  }
  const char* why = code == 0 ? nullptr : ERR_reason_error_string(code);
  return why == nullptr ? "unknown TLS error" : why;
}

}  // namespace jitney::net
