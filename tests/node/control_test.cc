// Orders to a running peer, over real sockets: taken from their own kind of sender only, answered, and kept
// apart from the protocol.
#include "node/transport/control.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <zmq.hpp>

#include "node/transport/zmq_control.h"
#include "tests/node/zmq_peers.h"

namespace polydot::node {
namespace {

Outcome of_three(const InjectSpec& spec) { return check_fault_peers({spec}, 3); }

constexpr int kLongMs = 20'000, kShortMs = 300;

// A peer that answers orders until it is told to stop.
class Answering {
 public:
  Answering(ZmqTransport& transport, Injector* injector)
      : thread_([this, &transport, injector] {
          while (!stop_) {
            transport.wait(20);
            while (transport.receive()) ++messages_;
            while (const auto request = transport.receive_control())
              transport.reply_control(*request, answer_control(request->text, of_three, injector));
          }
        }) {}
  ~Answering() {
    stop_ = true;
    thread_.join();
  }
  int messages() const { return messages_; }

 private:
  std::atomic<bool> stop_ = false;
  std::atomic<int> messages_ = 0;
  std::thread thread_;
};

std::unique_ptr<Injector> make_injector() { return Injector::make({}, 1, 0, "").value(); }

TEST(Control, WhatIsTextAndWhoGivesOrders) {
  EXPECT_TRUE(is_control_text("inject product:bitflip:rate=1"));
  EXPECT_TRUE(is_control_text(std::string(kMaxControlBytes, 'x')));
  EXPECT_FALSE(is_control_text(std::string(kMaxControlBytes + 1, 'x')));
  for (const std::string text : {"", "a\nb", "a\tb", "\x7f", "\xc3\xa9"})
    EXPECT_FALSE(is_control_text(text)) << text;
  EXPECT_FALSE(is_control_text(std::string(1, '\0')));
  EXPECT_TRUE(is_control_id(control_id_of(kCluster, 77), kCluster));
  EXPECT_FALSE(is_control_id(control_id_of({11, 23}, 77), kCluster));
  EXPECT_FALSE(is_control_id(routing_id_of(kCluster, 1, 2), kCluster));
  EXPECT_FALSE(is_control_id(control_id_of(kCluster, 77) + "x", kCluster));
}

TEST(Control, AnOrderIsObeyedWhereItIsAllowedAndIsWellFormed) {
  const auto injector = make_injector();
  EXPECT_EQ(answer_control("inject product:bitflip:rate=1", of_three, injector.get()), "ok");
  EXPECT_TRUE(injector->aims_at(0, codes::Stage::kProduct));
  EXPECT_EQ(answer_control("inject product:bitflip:rate=1", of_three, nullptr),
            "refused: this peer's [local] allow_injection is off");
  EXPECT_NE(answer_control("inject prodct:bitflip:rate=1", of_three, injector.get())
                .find("refused: --inject prodct"),
            std::string::npos);
  EXPECT_NE(answer_control("inject loss:nan:rate=1:peer=3", of_three, injector.get())
                .find("no peer 3, only 0 to 2"),
            std::string::npos);
  EXPECT_NE(answer_control("reboot", of_three, injector.get()).find("refused: no such order"),
            std::string::npos);
  EXPECT_LE(answer_control("inject " + std::string(4000, 'x'), of_three, injector.get()).size(),
            kMaxControlBytes);
}

TEST(Control, PeersAnswerAndWhoIsNotThereDoesNot) {
  std::vector<Transport> peers = make_peers(2);
  const Listener nobody = make_listener();
  ::close(nobody.fd);
  const auto injector = make_injector();
  const Answering willing(*peers[0], injector.get()), unwilling(*peers[1], nullptr);
  const auto answers = ask_peers(kCluster, {peers[0]->bound_endpoint(), peers[1]->bound_endpoint()},
                                 "inject product:bitflip:rate=1", kLongMs);
  ASSERT_TRUE(answers);
  EXPECT_EQ((*answers)[0], "ok");
  EXPECT_EQ((*answers)[1], "refused: this peer's [local] allow_injection is off");
  const auto other = ask_peers({1, 2}, {peers[0]->bound_endpoint(), nobody.endpoint},
                               "inject product:bitflip:rate=1", kShortMs);
  ASSERT_TRUE(other);
  EXPECT_FALSE((*other)[0]);
  EXPECT_FALSE((*other)[1]);
  EXPECT_EQ(willing.messages() + unwilling.messages(), 0);
  EXPECT_FALSE(ask_peers(kCluster, {"nonsense"}, "inject x", kShortMs));
}

TEST(Control, WhatIsNoOrderIsRefusedAndTheQueueIsShort) {
  std::vector<Transport> peers = make_peers(2);
  ZmqTransport& peer = *peers[0];
  zmq::context_t context;
  zmq::socket_t socket(context, zmq::socket_type::dealer);
  socket.set(zmq::sockopt::linger, 0);
  socket.set(zmq::sockopt::routing_id, control_id_of(kCluster, 5));
  socket.connect(peer.bound_endpoint());
  socket.send(zmq::str_buffer("two"), zmq::send_flags::sndmore);
  socket.send(zmq::str_buffer("parts"), zmq::send_flags::none);
  socket.send(zmq::message_t(), zmq::send_flags::none);
  socket.send(zmq::str_buffer("line\nbreak"), zmq::send_flags::none);
  const std::string too_long(kMaxControlBytes + 1, 'x');
  socket.send(zmq::buffer(too_long), zmq::send_flags::none);
  for (std::size_t i = 0; i < kMaxControlQueue + 3; ++i)
    socket.send(zmq::buffer("order " + std::to_string(i)), zmq::send_flags::none);
  while (peer.counters().frames_refused < 7) {
    peer.wait(100);
    EXPECT_FALSE(peer.receive());
  }
  for (std::size_t i = 0; i < kMaxControlQueue; ++i) {
    const auto request = peer.receive_control();
    ASSERT_TRUE(request);
    EXPECT_EQ(request->text, "order " + std::to_string(i));
  }
  EXPECT_FALSE(peer.receive_control());
  EXPECT_EQ(peer.counters().frames_refused, 7U);
  // The protocol goes on.
  connect(*peers[1], 1, *peers[0], 0);
  peer.reply_control({control_id_of(kCluster, 99), ""}, "ok");  // to nobody
}

}  // namespace
}  // namespace polydot::node
