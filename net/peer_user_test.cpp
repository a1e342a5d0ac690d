// SPDX-License-Identifier: Apache-2.0
#include "net/peer_user.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "net/test_server.hpp"
#include "net/test_socket.hpp"

namespace jitney::net {
namespace {

using boost::asio::ip::make_address;
using boost::asio::ip::tcp;

constexpr uid_t kSomeoneElse = 54'321;

// A listener and a client of it, here.
struct Pair {
  RawSocket listener = RawSocket::listen();
  RawSocket client = RawSocket::connect(listener.port());
  RawSocket accepted = listener.accept();
  TcpConnection connection{{make_address("127.0.0.1"), listener.port()},
                           {make_address("127.0.0.1"), client.port()}};
};

TEST(PeerUser, IsTheUserOfTheProcessAtTheOtherEnd) {
  const Pair pair;
  EXPECT_EQ(peer_user(pair.connection), geteuid());
  const std::array users{kSomeoneElse, geteuid()};
  EXPECT_TRUE(peer_may_be(pair.connection, users));
  EXPECT_FALSE(peer_may_be(pair.connection, std::span(users).first(1)));
  EXPECT_FALSE(peer_may_be(pair.connection, {})) << "nobody is refused";
}

// One that sends and leaves at once belongs to nobody in the kernel's table.
TEST(PeerUser, OneThatLetGoMayBeAnybody) {
  Pair pair;
  pair.client.send("POST");
  pair.client.close();
  EXPECT_EQ(peer_user(pair.connection), std::nullopt);
  EXPECT_TRUE(peer_may_be(pair.connection, std::array{kSomeoneElse}));
}

TEST(PeerUser, APeerOfAnotherMachineIsNoneOfOurUsers) {
  const TcpConnection connection{{make_address("192.0.2.1"), 8081},
                                 {make_address("192.0.2.2"), 4711}};
  EXPECT_EQ(peer_user(connection), std::nullopt);
  EXPECT_FALSE(peer_may_be(connection, std::array{kSomeoneElse}));
}

TEST(PeerUser, ASocketOfIPv6ThatSpeaksIPv4IsSeen) {
  RawSocket listener = RawSocket::listen();
  const RawSocket client(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in6 to{};
  to.sin6_family = AF_INET6;
  to.sin6_port = htons(listener.port());
  to.sin6_addr.s6_addr[10] = to.sin6_addr.s6_addr[11] = 0xff;
  to.sin6_addr.s6_addr[12] = 127;
  to.sin6_addr.s6_addr[15] = 1;
  if (client.fd() < 0) {
    ASSERT_EQ(errno, EAFNOSUPPORT);
    GTEST_SKIP() << "this kernel has no IPv6";
  }
  ASSERT_EQ(::connect(client.fd(), reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
  const RawSocket accepted = listener.accept();
  sockaddr_in6 from{};
  socklen_t size = sizeof from;
  ASSERT_EQ(::getsockname(client.fd(), reinterpret_cast<sockaddr*>(&from), &size), 0);
  const std::uint16_t port = ntohs(from.sin6_port);
  EXPECT_EQ(
      peer_user({{make_address("127.0.0.1"), listener.port()}, {make_address("127.0.0.1"), port}}),
      geteuid());
  EXPECT_EQ(peer_user({{make_address("::ffff:127.0.0.1"), listener.port()},
                       {make_address("::ffff:127.0.0.1"), port}}),
            geteuid())
      << "as a listener of both kinds sees it";
}

TEST(PeerUser, TheServerAnswersNobodyOfARefusedUser) {
  for (const bool refused : {true, false}) {
    const auto server =
        HttpServer::listen({.refused_users = {refused ? geteuid() : kSomeoneElse}}, echo);
    ASSERT_TRUE(server) << server.error().what;
    const std::string answer = talk(**server, get("/"));
    EXPECT_EQ(status_line(answer), refused ? "HTTP/1.1 403 Forbidden" : "HTTP/1.1 200 OK");
    EXPECT_EQ(answer.find("no job may ask here") != std::string::npos, refused) << answer;
  }
}

}  // namespace
}  // namespace jitney::net
