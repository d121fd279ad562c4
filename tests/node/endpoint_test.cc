#include "node/config/endpoint.h"

#include <gtest/gtest.h>

#include <tuple>

namespace polydot::node {
namespace {

TEST(Endpoint, ReadsEveryForm) {
  for (const auto& [text, host, port, canonical] :
       {std::tuple{"tcp://10.0.0.7:29400", "10.0.0.7", 29400, "tcp://10.0.0.7:29400"},
        std::tuple{"node-3.lan:1", "node-3.lan", 1, "tcp://node-3.lan:1"},
        std::tuple{"[fe80::1%eth0]:65535", "fe80::1%eth0", 65535, "tcp://[fe80::1%eth0]:65535"},
        std::tuple{"tcp://[::1]:0", "::1", 0, "tcp://[::1]:0"}}) {
    const Result<Endpoint> endpoint = parse_endpoint(text);
    ASSERT_TRUE(endpoint) << endpoint.failure().message;
    EXPECT_EQ(endpoint->host, host);
    EXPECT_EQ(endpoint->port, port);
    EXPECT_EQ(to_string(*endpoint), canonical);
    EXPECT_EQ(*parse_endpoint(canonical), *endpoint);
  }
  const Result<Endpoint> ipc = parse_endpoint("ipc:///run/polydot/0");
  ASSERT_TRUE(ipc);
  EXPECT_EQ(ipc->path, "/run/polydot/0");
  EXPECT_EQ(to_string(*ipc), "ipc:///run/polydot/0");
}

TEST(Endpoint, RefusesEveryOtherFormByName) {
  for (const std::string text :
       {"",      "host",  "host:",      "host:x", "host:-1",       "host:65536",      "host:80 ",
        ":80",   "*:80",  "tcp://*:80", "tcp://", "udp://host:80", "http://host:80/", "fe80::1:80",
        "[]:80", "[::1]", "a b:80",     "ipc://", "ipc://*",       "ipc://@x",        "eth0;10.0.0.1:80"}) {
    const Result<Endpoint> endpoint = parse_endpoint(text);
    ASSERT_FALSE(endpoint) << text;
    EXPECT_EQ(endpoint.failure().kind, FailureKind::kUsage);
    EXPECT_NE(endpoint.failure().message.find("'" + text + "'"), std::string::npos)
        << endpoint.failure().message;
  }
  EXPECT_FALSE(parse_endpoint("ipc://" + std::string(200, 'x')));
}

TEST(Endpoint, ResolvesToANumericAddress) {
  const Result<Endpoint> localhost = resolve({.host = "localhost", .port = 5});
  ASSERT_TRUE(localhost);
  EXPECT_TRUE(localhost->host == "127.0.0.1" || localhost->host == "::1") << localhost->host;
  EXPECT_EQ(localhost->port, 5);
  EXPECT_EQ(resolve({.host = "10.1.2.3", .port = 5})->host, "10.1.2.3");
  EXPECT_EQ(resolve({.host = "::1", .port = 5})->host, "::1");
}

}  // namespace
}  // namespace polydot::node
