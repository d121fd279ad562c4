// What a ZeroMQ transport refuses: strangers, garbage, and configurations that cannot work.
#include <gtest/gtest.h>
#include <sys/un.h>

#include <filesystem>
#include <zmq.hpp>

#include "node/config/endpoint.h"
#include "tests/node/zmq_peers.h"

namespace polydot::node {
namespace {

// A foreign socket that sends whatever it likes to `endpoint`.
class Stranger {
 public:
  Stranger(const std::string& endpoint, const std::string& routing_id,
           zmq::socket_type type = zmq::socket_type::dealer)
      : socket_(context_, type) {
    socket_.set(zmq::sockopt::linger, 0);
    if (!routing_id.empty()) socket_.set(zmq::sockopt::routing_id, routing_id);
    socket_.connect(endpoint);
  }
  void send(const std::vector<std::string>& parts) {
    for (std::size_t i = 0; i < parts.size(); ++i)
      socket_.send(zmq::buffer(parts[i]),
                   i + 1 < parts.size() ? zmq::send_flags::sndmore : zmq::send_flags::none);
  }

 private:
  zmq::context_t context_;
  zmq::socket_t socket_;
};

// Reads until `count` messages have been refused in all; nothing else may come.
void read_refusals(ZmqTransport& transport, std::uint64_t count) {
  while (transport.counters().frames_refused < count) {
    transport.wait(100);
    EXPECT_FALSE(transport.receive().has_value());
  }
  EXPECT_EQ(transport.counters().frames_refused, count);
}

// Peer 0 of three; the others are not there.
struct Lonely {
  std::vector<Listener> others{make_listener(), make_listener()};
  Transport peer = make({.cluster = kCluster,
                         .index = 0,
                         .endpoints = {"tcp://127.0.0.1:0", others[0].endpoint, others[1].endpoint},
                         .linger_ms = 0});
  Lonely() = default;
  Lonely(const Lonely&) = delete;
  Lonely& operator=(const Lonely&) = delete;
  ~Lonely() {
    for (const Listener& other : others) ::close(other.fd);
  }
};

const std::string kHeader(protocol::kHeaderBytes, 'h');

TEST(ZmqRefusal, StrangersAreNotHeard) {
  Lonely lonely;
  const std::string to = lonely.peer->bound_endpoint();
  const std::string own = routing_id_of(kCluster, 0, 7);
  const std::vector<std::string> ids{"",
                                     "stranger",
                                     own,
                                     routing_id_of(kCluster, 3, 7),
                                     routing_id_of(kCluster, -1, 7),
                                     routing_id_of({11, 23}, 1, 7),
                                     routing_id_of(kCluster, 1, 7) + "x",
                                     routing_id_of(kCluster, 1, 7).substr(0, 20),
                                     routing_id_of(kCluster, 1, 7).substr(0, 28)};
  std::uint64_t refused = 0;
  for (const std::string& id : ids) {
    Stranger stranger(to, id);
    for (int n = 0; n < 10; ++n) stranger.send({kHeader, "payload"});
    read_refusals(*lonely.peer, refused += 10);
  }
}

TEST(ZmqRefusal, MalformedMessagesOfAPeerAreDroppedAndTheNextIsHeard) {
  Lonely lonely;
  Stranger peer(lonely.peer->bound_endpoint(), routing_id_of(kCluster, 2, 7));
  const std::string long_header(5000, 'h');
  std::vector<std::string> many(1000, kHeader);
  for (const std::vector<std::string>& parts : {std::vector<std::string>{kHeader},
                                                {""},
                                                {kHeader, "a", "b"},
                                                {std::string(sizeof(SlabRef), '\x7f')},
                                                {kHeader + std::string(sizeof(SlabRef), '\x7f')},
                                                {kHeader, "a", "b", "c"},
                                                {long_header, "a"},
                                                many})
    peer.send(parts);
  read_refusals(*lonely.peer, 8);
  peer.send({kHeader, "payload"});
  const Received received = next(*lonely.peer);
  EXPECT_EQ(received.from, 2);
  EXPECT_EQ(received.payload.text(), "payload");
  // A header of another length is a message: the codec says what is wrong with it.
  peer.send({"short", ""});
  EXPECT_EQ(next(*lonely.peer).header.size(), 5U);
}

// Says that it is peer 1, and where in memory its payloads lie.
struct Referring {
  std::unique_ptr<SlabWriter> slab = SlabWriter::make({kCluster, 1}, 65536, 16, 2);
  Listener own = make_listener();
  Transport peer;
  Stranger one;
  std::uint64_t refused = 0;

  explicit Referring(const std::string& configured, bool share_memory)
      : peer(make({.cluster = kCluster,
                   .index = 0,
                   .endpoints = {own.endpoint, configured},
                   .listen_fd = own.fd,
                   .share_memory = share_memory,
                   .linger_ms = 0})),
        one(own.endpoint, routing_id_of(kCluster, 1, 7)) {}
  static std::string bytes_of(const SlabRef& ref) {
    return {reinterpret_cast<const char*>(&ref), sizeof ref};
  }
  // What is ordinary behind it is heard when it has been seen to.
  void send(const std::string& only) {
    one.send({only});
    one.send({kHeader, "payload"});
    EXPECT_EQ(next(*peer).payload.text(), "payload");
    refused = peer->counters().frames_refused;
  }
};

TEST(ZmqRefusal, ReferencesToMemoryAreTakenOnlyWhereMemoryIsShared) {
  const Listener here = make_listener();
  for (const bool taken : {true, false}) {
    SCOPED_TRACE(taken ? "shared" : "sockets only");
    Referring lab(here.endpoint, taken);
    lab.send(Referring::bytes_of(lab.slab->invitation()));
    EXPECT_EQ(lab.refused, 0u) << "who does not share may be invited";
    EXPECT_EQ(lab.slab->is_reading(0), taken);
    SlabRef ref = lab.slab->invitation();
    ref.bytes = 20'000;
    if (taken) {
      ref = *lab.slab->share(pattern(20'000, 1, 2, 3), 0);
      lab.one.send({kHeader + Referring::bytes_of(ref)});
      EXPECT_TRUE(same_bytes(next(*lab.peer).payload, pattern(20'000, 1, 2, 3)));
    } else {
      lab.send(kHeader + Referring::bytes_of(ref));
      EXPECT_EQ(lab.refused, 1u);
      EXPECT_FALSE(lab.slab->is_reading(0)) << "nothing of it was mapped";
    }
  }
  ::close(here.fd);
  // Listed elsewhere, though its connection comes from here.
  Referring lab("tcp://224.0.0.1:9", true);
  lab.one.send({Referring::bytes_of(lab.slab->invitation())});
  read_refusals(*lab.peer, 1);
  EXPECT_FALSE(lab.slab->is_reading(0));
}

TEST(ZmqRefusal, OversizedFramesCutTheConnectionOnly) {
  Lonely lonely;
  Stranger peer(lonely.peer->bound_endpoint(), routing_id_of(kCluster, 1, 7));
  peer.send({kHeader, std::string((1 << 20) + 1, 'x')});
  // The sender connects again; what it sends in between may be lost.
  for (bool heard = false; !heard;) {
    peer.send({kHeader, "payload"});
    lonely.peer->wait(20);
    while (const auto received = lonely.peer->receive()) {
      EXPECT_EQ(received->payload.text(), "payload");
      heard = true;
    }
  }
}

TEST(ZmqRefusal, GarbageAndSilenceOnTheSocketDisturbNobody) {
  std::vector<Transport> peers = make_peers(2);
  const Result<Endpoint> endpoint = parse_endpoint(peers[1]->bound_endpoint());
  std::vector<int> raw;
  for (int i = 0; i < 20; ++i) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(endpoint->port);
    raw.push_back(::socket(AF_INET, SOCK_STREAM, 0));
    ASSERT_EQ(::connect(raw.back(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    std::string bytes(static_cast<std::size_t>(i) * 37, static_cast<char>(0xff - i));
    if (i % 3 == 0) bytes = "GET / HTTP/1.1\r\n\r\n";
    ::send(raw.back(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }
  connect_all(peers);
  peers[0]->send(1, frames_of(0, 1, 5));
  while (name_of(next(*peers[1]))[2] != 5) continue;
  for (const int fd : raw) ::close(fd);
}

std::string failure_of(const ZmqOptions& options, FailureKind kind) {
  const auto transport = make_zmq_transport(options);
  EXPECT_FALSE(transport);
  if (transport) return {};
  EXPECT_EQ(transport.failure().kind, kind) << transport.failure().message;
  EXPECT_EQ(transport.failure().message.find('\n'), std::string::npos) << "one line";
  return transport.failure().message;
}

TEST(ZmqRefusal, NamesAnAddressInUse) {
  const Listener listener = make_listener();
  const std::string line = failure_of({.index = 0, .endpoints = {listener.endpoint}}, FailureKind::kNetwork);
  EXPECT_NE(line.find(listener.endpoint), std::string::npos) << line;
  EXPECT_NE(line.find("in use"), std::string::npos) << line;
  ::close(listener.fd);
}

TEST(ZmqRefusal, DoesNotTakeTheSocketFileOfAnother) {
  std::string folder = testing::TempDir() + "polydot-XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const std::vector<std::string> endpoints{"ipc://" + folder + "/0", "ipc://" + folder + "/1"};
  {
    const Transport first = make({.cluster = kCluster, .index = 0, .endpoints = endpoints});
    const std::string line =
        failure_of({.cluster = kCluster, .index = 0, .endpoints = endpoints}, FailureKind::kNetwork);
    EXPECT_NE(line.find("in use"), std::string::npos) << line;
    const Transport second = make({.cluster = kCluster, .index = 1, .endpoints = endpoints});
    connect(*second, 1, *first, 0);
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder)) << "a socket file was left behind";
  std::filesystem::remove_all(folder);
}

// Only one's own name has to be known at the start: there one listens.
TEST(ZmqRefusal, NamesTheOwnHostIfItCannotBeResolved) {
  // Longer than a name may be, so that no name server is asked.
  const std::string host(70, 'x');
  const std::string line =
      failure_of({.index = 0, .endpoints = {host + ":29400", "127.0.0.1:29401"}}, FailureKind::kNetwork);
  EXPECT_NE(line.find("cannot resolve host '" + host + "'"), std::string::npos) << line;
  EXPECT_NE(line.find("--bind"), std::string::npos) << line;
  make({.index = 0, .endpoints = {"127.0.0.1:0", host + ":29400"}});
}

TEST(ZmqRefusal, NamesAnAddressThatIsNoneOfThisMachine) {
  // TEST-NET-1, of no machine.
  const std::string line = failure_of({.index = 0, .endpoints = {"192.0.2.1:29400"}}, FailureKind::kNetwork);
  EXPECT_NE(line.find("192.0.2.1:29400"), std::string::npos) << line;
  EXPECT_NE(line.find("no such address"), std::string::npos) << line;
}

TEST(ZmqRefusal, DoesNotHideOnLoopbackFromOtherMachines) {
  const std::string line =
      failure_of({.index = 0, .endpoints = {"localhost:0", "192.0.2.1:29400"}}, FailureKind::kNetwork);
  EXPECT_NE(line.find("localhost"), std::string::npos) << line;
}

TEST(ZmqRefusal, NamesTheMalformedEndpointAndItsPeer) {
  const std::string line =
      failure_of({.index = 0, .endpoints = {"127.0.0.1:0", "nonsense"}}, FailureKind::kUsage);
  EXPECT_NE(line.find("peer 1: 'nonsense'"), std::string::npos) << line;
  failure_of({.index = 0, .endpoints = {"127.0.0.1:0", "127.0.0.1:0"}}, FailureKind::kUsage);
}

TEST(ZmqRefusal, AdoptsOnlyListeningSocketsAndClosesTheOthers) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  failure_of({.index = 0, .endpoints = {"127.0.0.1:29400"}, .listen_fd = fd}, FailureKind::kNetwork);
  EXPECT_FALSE(is_open(fd));
}

}  // namespace
}  // namespace polydot::node
