// SPDX-License-Identifier: Apache-2.0
// The client through TLS and proxies, against a certificate authority made for the test.
#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "net/http_client.hpp"
#include "net/test_socket.hpp"

namespace jitney::net {
namespace {

using namespace std::chrono_literals;
using core::Fault;
using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
using Context = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;
using Session = std::unique_ptr<SSL, decltype(&SSL_free)>;

std::chrono::steady_clock::time_point soon() { return std::chrono::steady_clock::now() + 10s; }

Key make_key() { return {EVP_EC_gen("P-256"), EVP_PKEY_free}; }

void extend(X509* certificate, X509* issuer, int what, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, what, value);
  ASSERT_NE(extension, nullptr);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

Certificate make_certificate(const char* name, EVP_PKEY* key, X509* issuer, EVP_PKEY* issuer_key,
                             const char* alternative_names, long seconds_valid = 3600) {
  static long serial = 1;
  Certificate out(X509_new(), X509_free);
  X509_set_version(out.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(out.get()), serial++);
  X509_gmtime_adj(X509_getm_notBefore(out.get()), -7200);
  X509_gmtime_adj(X509_getm_notAfter(out.get()), seconds_valid);
  X509_set_pubkey(out.get(), key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(out.get()), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
  X509* by = issuer == nullptr ? out.get() : issuer;
  X509_set_issuer_name(out.get(), X509_get_subject_name(by));
  if (issuer == nullptr) extend(out.get(), by, NID_basic_constraints, "critical,CA:TRUE");
  if (alternative_names != nullptr) {
    extend(out.get(), by, NID_subject_alt_name, alternative_names);
  }
  X509_sign(out.get(), issuer_key, EVP_sha256());
  return out;
}

// A certificate authority, in a file and in a hashed directory.
class Authority {
 public:
  Authority() {
    std::string path = (std::filesystem::temp_directory_path() / "jitney-tls-XXXXXX").string();
    root_ = mkdtemp(path.data());
    const auto name = X509_NAME_hash_ex(X509_get_subject_name(root_certificate_.get()), nullptr,
                                        nullptr, nullptr);
    char hashed[16];
    std::snprintf(hashed, sizeof hashed, "%08lx.0", name);
    std::filesystem::create_directory(dir());
    for (const std::string& file : {this->file(), dir() + "/" + hashed}) {
      FILE* out = std::fopen(file.c_str(), "w");
      PEM_write_X509(out, root_certificate_.get());
      std::fclose(out);
    }
  }
  ~Authority() { std::filesystem::remove_all(root_); }
  Authority(const Authority&) = delete;
  Authority& operator=(const Authority&) = delete;

  [[nodiscard]] std::string file() const { return root_ + "/ca.pem"; }
  [[nodiscard]] std::string dir() const { return root_ + "/certs"; }

  // A server's side, with a certificate for the given names.
  Context server(const char* names, long seconds_valid = 3600, int max_version = TLS1_3_VERSION) {
    const auto key = make_key();
    const auto certificate = make_certificate("server", key.get(), root_certificate_.get(),
                                              root_key_.get(), names, seconds_valid);
    Context context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
    SSL_CTX_use_certificate(context.get(), certificate.get());
    SSL_CTX_use_PrivateKey(context.get(), key.get());
    SSL_CTX_set_min_proto_version(context.get(), TLS1_VERSION);
    SSL_CTX_set_max_proto_version(context.get(), max_version);
    if (max_version < TLS1_2_VERSION) SSL_CTX_set_security_level(context.get(), 0);
    return context;
  }

 private:
  Key root_key_ = make_key();
  Certificate root_certificate_ =
      make_certificate("Jitney test root", root_key_.get(), nullptr, root_key_.get(), nullptr);
  std::string root_;
};

std::string read_head(SSL* ssl) {
  std::string head;
  char byte = 0;
  while (!head.ends_with("\r\n\r\n") && SSL_read(ssl, &byte, 1) == 1) head += byte;
  return head;
}

// Answers every request on every connection with what `answer` makes of its head; one connection at
// a time.
class TlsServer {
 public:
  using Answer = std::function<std::string(const std::string& head)>;
  TlsServer(Context context, int connections, Answer answer, bool polite = true)
      : context_(std::move(context)),
        listener_(RawSocket::listen()),
        thread_([this, connections, polite, answer = std::move(answer)] {
          for (int i = 0; i < connections; ++i) serve(listener_.accept(), answer, polite);
        }) {}

  [[nodiscard]] std::uint16_t port() const { return listener_.port(); }
  [[nodiscard]] int handshakes() const { return handshakes_; }
  void join() { thread_.join(); }

 private:
  void serve(const RawSocket& socket, const Answer& answer, bool polite) {
    if (socket.fd() < 0) return;
    const Session ssl(SSL_new(context_.get()), SSL_free);
    SSL_set_fd(ssl.get(), socket.fd());
    if (SSL_accept(ssl.get()) != 1) {
      ERR_clear_error();
      return;
    }
    ++handshakes_;
    for (std::string head = read_head(ssl.get()); head.ends_with("\r\n\r\n");
         head = read_head(ssl.get())) {
      const std::string text = answer(head);
      SSL_write(ssl.get(), text.data(), static_cast<int>(text.size()));
      if (text.find("Content-Length") == std::string::npos) break;
    }
    if (polite) SSL_shutdown(ssl.get());
    ERR_clear_error();
  }

  Context context_;
  RawSocket listener_;
  std::atomic<int> handshakes_ = 0;
  std::jthread thread_;
};

std::string ok(const std::string& head) {
  const std::string body = head.substr(0, head.find("\r\n"));
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

Url https(std::string host, std::uint16_t port) {
  return {.scheme = "https", .host = std::move(host), .port = port, .path = "/"};
}

TEST(HttpClientTls, TrustsTheGivenAuthorityAndKeepsTheConnection) {
  Authority authority;
  TlsServer server(authority.server("DNS:localhost"), 1, ok);
  HttpClient client({.ca_file = authority.file()});
  for (int i = 0; i < 3; ++i) {
    const auto answer = client.send(https("localhost", server.port()), {.target = "/x"}, soon());
    ASSERT_TRUE(answer) << answer.error().what;
    EXPECT_EQ(answer->body, "GET /x HTTP/1.1");
  }
  EXPECT_EQ(server.handshakes(), 1);
}

TEST(HttpClientTls, SpeaksTls12) {
  Authority authority;
  TlsServer server(authority.server("DNS:localhost", 3600, TLS1_2_VERSION), 1, ok);
  HttpClient client({.ca_file = authority.file()});
  EXPECT_TRUE(client.send(https("localhost", server.port()), {}, soon()));
}

TEST(HttpClientTls, RefusesTls11) {
  Authority authority;
  TlsServer server(authority.server("DNS:localhost", 3600, TLS1_1_VERSION), 1, ok);
  HttpClient client({.ca_file = authority.file()});
  const auto answer = client.send(https("localhost", server.port()), {}, soon());
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().what.substr(0, 4), "TLS:");
}

TEST(HttpClientTls, FindsTheAuthorityInAHashedDirectory) {
  Authority authority;
  TlsServer server(authority.server("IP:127.0.0.1"), 1, ok);
  HttpClient client({.ca_dir = authority.dir()});
  const auto answer = client.send(https("127.0.0.1", server.port()), {}, soon());
  EXPECT_TRUE(answer) << answer.error().what;
}

TEST(HttpClientTls, TrustsTheSystemsDirectoryByDefault) {
  Authority authority;
  setenv("SSL_CERT_DIR", authority.dir().c_str(), 1);
  TlsServer server(authority.server("DNS:localhost"), 1, ok);
  HttpClient client;
  const auto answer = client.send(https("localhost", server.port()), {}, soon());
  unsetenv("SSL_CERT_DIR");
  EXPECT_TRUE(answer) << answer.error().what;
}

TEST(HttpClientTls, RefusesAnotherHostsCertificate) {
  Authority authority;
  TlsServer server(authority.server("DNS:other.example,IP:127.0.0.2"), 2, ok);
  HttpClient client({.ca_file = authority.file()});
  for (const char* host : {"localhost", "127.0.0.1"}) {
    const auto answer = client.send(https(host, server.port()), {}, soon());
    ASSERT_FALSE(answer) << host;
    EXPECT_EQ(answer.error().fault, Fault::transient);
    EXPECT_NE(answer.error().what.find("mismatch"), std::string::npos) << answer.error().what;
  }
  server.join();
}

TEST(HttpClientTls, RefusesAnUnknownAuthority) {
  Authority theirs;
  Authority ours;
  TlsServer server(theirs.server("DNS:localhost"), 2, ok);
  HttpClient client({.ca_file = ours.file()});
  HttpClient with_system_roots;
  for (HttpClient* each : {&client, &with_system_roots}) {
    const auto answer = each->send(https("localhost", server.port()), {}, soon());
    ASSERT_FALSE(answer);
    EXPECT_NE(answer.error().what.find("certificate"), std::string::npos) << answer.error().what;
  }
}

TEST(HttpClientTls, RefusesAnExpiredCertificate) {
  Authority authority;
  TlsServer server(authority.server("DNS:localhost", -3600), 1, ok);
  HttpClient client({.ca_file = authority.file()});
  const auto answer = client.send(https("localhost", server.port()), {}, soon());
  ASSERT_FALSE(answer);
  EXPECT_NE(answer.error().what.find("expired"), std::string::npos) << answer.error().what;
}

TEST(HttpClientTls, SaysWhichAuthoritiesCannotBeRead) {
  for (const ClientOptions& options :
       {ClientOptions{.ca_file = "/no/such/ca.pem"}, ClientOptions{.ca_dir = "/no/such/dir"}}) {
    HttpClient client(options);
    const auto answer = client.send(https("localhost", 1), {}, soon());
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().fault, Fault::invalid);
    EXPECT_NE(answer.error().what.find("/no/such"), std::string::npos);
  }
}

TEST(HttpClientTls, DoesNotTakeAConnectionCutShortForAnAnswersEnd) {
  Authority authority;
  const auto unframed = [](const std::string&) { return "HTTP/1.1 200 OK\r\n\r\npart of it"; };
  {
    TlsServer server(authority.server("DNS:localhost"), 1, unframed, true);
    HttpClient client({.ca_file = authority.file()});
    const auto answer = client.send(https("localhost", server.port()), {}, soon());
    ASSERT_TRUE(answer) << answer.error().what;
    EXPECT_EQ(answer->body, "part of it");
  }
  TlsServer server(authority.server("DNS:localhost"), 1, unframed, false);
  HttpClient client({.ca_file = authority.file()});
  const auto answer = client.send(https("localhost", server.port()), {}, soon());
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().fault, Fault::transient);
}

TEST(HttpClientTls, OpensAnotherConnectionWhenTheKeptOneIsClosed) {
  Authority authority;
  const auto once = [](const std::string& head) {
    std::string text = ok(head);
    return text.replace(text.find("Content-Length"), 14, "content-length");  // server then hangs up
  };
  TlsServer server(authority.server("DNS:localhost"), 2, once);
  HttpClient client({.ca_file = authority.file()});
  for (int i = 0; i < 2; ++i) {
    const auto answer = client.send(https("localhost", server.port()), {}, soon());
    ASSERT_TRUE(answer) << answer.error().what;
  }
  server.join();
  EXPECT_EQ(server.handshakes(), 2);
}

TEST(HttpClientTls, EndsAHandshakeThatHangs) {
  const auto listener = RawSocket::listen();  // accepts in the kernel, never speaks
  HttpClient client({.connect_time = 2s});
  const auto patient = client.send(https("127.0.0.1", listener.port()), {}, soon());
  ASSERT_FALSE(patient);
  EXPECT_EQ(patient.error().fault, Fault::transient) << patient.error().what;
  const auto hasty =
      client.send(https("127.0.0.1", listener.port()), {}, std::chrono::steady_clock::now() + 1s);
  ASSERT_FALSE(hasty);
  EXPECT_EQ(hasty.error().fault, Fault::cancelled);
  EXPECT_EQ(hasty.error().what.substr(0, 4), "TLS:");
}

// A proxy for one connection: answers CONNECT and then carries bytes both ways, or answers what it
// is told.
class TinyProxy {
 public:
  explicit TinyProxy(std::uint16_t to, std::string answer = "HTTP/1.1 200 Established\r\n\r\n")
      : listener_(RawSocket::listen()), thread_([this, to, answer = std::move(answer)] {
          RawSocket client = listener_.accept();
          head_ = client.read_until("\r\n\r\n");
          client.send(answer);
          if (to == 0) return;
          RawSocket server = RawSocket::connect(to);
          std::jthread back([&] { carry(server, client); });
          carry(client, server);
        }) {}

  [[nodiscard]] std::string url(const std::string& credentials = "") const {
    return "http://" + credentials + "127.0.0.1:" + std::to_string(listener_.port());
  }
  [[nodiscard]] std::uint16_t port() const { return listener_.port(); }
  std::string head() {
    thread_.join();
    return head_;
  }

 private:
  static void carry(const RawSocket& from, const RawSocket& to) {
    char chunk[4096];
    for (;;) {
      const auto got = recv(from.fd(), chunk, sizeof chunk, 0);
      if (got <= 0) break;
      if (send(to.fd(), chunk, static_cast<std::size_t>(got), MSG_NOSIGNAL) != got) break;
    }
    shutdown(to.fd(), SHUT_WR);
  }

  RawSocket listener_;
  std::string head_;
  std::jthread thread_;
};

TEST(HttpClientProxy, TunnelsHttpsAndVerifiesTheHostNotTheProxy) {
  Authority authority;
  TlsServer server(authority.server("DNS:forge.invalid"), 1, ok);
  TinyProxy proxy(server.port());
  {
    HttpClient client({.ca_file = authority.file(), .proxy = proxy.url("us%40er:p%3Ass@")});
    // The proxy resolves the name, so it need not exist here.
    for (const char* target : {"/1", "/2"}) {
      const auto answer =
          client.send(https("forge.invalid", 8443),
                      {.target = target, .headers = {{"Authorization", "token t"}}}, soon());
      ASSERT_TRUE(answer) << answer.error().what;
      EXPECT_EQ(answer->body, "GET " + std::string(target) + " HTTP/1.1");
    }
  }
  const auto head = proxy.head();
  EXPECT_EQ(head.substr(0, head.find("\r\n")), "CONNECT forge.invalid:8443 HTTP/1.1");
  EXPECT_NE(head.find("Proxy-Authorization: Basic dXNAZXI6cDpzcw==\r\n"), std::string::npos)
      << head;
  EXPECT_EQ(head.find("token"), std::string::npos);
}

TEST(HttpClientProxy, SendsHttpInAbsoluteForm) {
  TinyProxy proxy(0, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  HttpClient client({.proxy = proxy.url("u:p@")});
  const auto answer =
      client.send({.scheme = "http", .host = "forge.invalid", .port = 80, .path = "/"},
                  {.target = "/a?b"}, soon());
  ASSERT_TRUE(answer) << answer.error().what;
  const auto head = proxy.head();
  EXPECT_EQ(head.substr(0, head.find("\r\n")), "GET http://forge.invalid/a?b HTTP/1.1");
  EXPECT_NE(head.find("\r\nHost: forge.invalid\r\n"), std::string::npos);
  EXPECT_NE(head.find("Proxy-Authorization: Basic dTpw\r\n"), std::string::npos);
}

TEST(HttpClientProxy, SaysWhatTheProxyRefuses) {
  for (const auto& [answer, fault] :
       {std::pair("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
                  Fault::unauthorized),
        std::pair("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 4\r\n\r\noops", Fault::transient),
        std::pair("", Fault::transient)}) {
    TinyProxy proxy(0, answer);
    HttpClient client({.proxy = proxy.url("user:hunter2@")});
    const auto result = client.send(https("forge.invalid", 443), {}, soon());
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().fault, fault) << result.error().what;
    EXPECT_NE(result.error().what.find("proxy 127.0.0.1"), std::string::npos);
    EXPECT_EQ(result.error().what.find("hunter2"), std::string::npos);
  }
}

TEST(HttpClientProxy, GoesAroundTheProxyForListedHosts) {
  Authority authority;
  TlsServer server(authority.server("IP:127.0.0.1"), 1, ok);
  HttpClient client({.ca_file = authority.file(),
                     .proxy = "http://127.0.0.1:1",
                     .no_proxy = "example.com, 127.0.0.1"});
  const auto answer = client.send(https("127.0.0.1", server.port()), {}, soon());
  EXPECT_TRUE(answer) << answer.error().what;
}

TEST(HttpClientProxy, RefusesAMalformedProxyWithoutQuotingIt) {
  for (const char* bad : {"socks5://user:hunter2@a:1", "user:hunter2@a:1", "http://u:hunter2@a:x",
                          "http://u:hunter2%zz@a:1"}) {
    HttpClient client({.proxy = bad});
    const auto answer = client.send(https("127.0.0.1", 1), {}, soon());
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().fault, Fault::invalid);
    EXPECT_EQ(answer.error().what.find("hunter2"), std::string::npos);
  }
}

}  // namespace
}  // namespace jitney::net
