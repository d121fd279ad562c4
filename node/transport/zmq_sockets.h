// The ZeroMQ sockets of one peer: opening, binding, connecting. The traffic on them is
// node/transport/zmq_transport.h.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>
#include <zmq.hpp>

#include "codes/base/result.h"
#include "node/transport/listed_addresses.h"
#include "node/transport/local_addresses.h"
#include "node/transport/peer_addresses.h"
#include "node/transport/zmq_transport.h"
#include "node/transport/zmq_watch.h"

namespace polydot::node {

// About what ZeroMQ itself needs for a queued message.
inline constexpr std::size_t kOverheadBytes = 256;
// The header of another version may be longer than ours, within reason.
inline constexpr std::size_t kMaxHeaderBytes = 1024;

// Bytes on their way to one receiver, given back by ZeroMQ's own thread when they are out.
using QueuedBytes = std::atomic<std::size_t>;

struct ZmqLink {
  zmq::socket_t dealer{};  // none to ourselves
  std::shared_ptr<QueuedBytes> queued = std::make_shared<QueuedBytes>(0);
  // Its configured address is one of this machine, and memory may be shared at all.
  bool on_this_host = false;
  int uninvited = 0;      // large payloads until it is invited to our shared memory again
  std::string dialled{};  // where the dealer connects to; empty: nowhere yet
};

// Closed from the last to the first: closing the context waits, at most linger_ms, until all is sent.
struct ZmqSockets {
  explicit ZmqSockets(PeerAddresses all) : addresses(std::move(all)) {}
  ZmqSockets(const ZmqSockets&) = delete;
  ZmqSockets& operator=(const ZmqSockets&) = delete;
  ~ZmqSockets();

  zmq::context_t context{};
  zmq::socket_t router{};
  std::vector<ZmqLink> links{};  // by peer
  std::string socket_file{};     // ipc: what libzmq would leave behind
  PeerAddresses addresses;
  ListedAddresses listed{};
  std::unique_ptr<ConnectionWatch> watch{};  // of the router
  LocalAddresses local{};
  bool listens_on_file = false;  // ipc: who comes is on this host
  bool shares_memory = false;
  Endpoint ours{};       // resolved
  bool adopted = false;  // the listening socket was inherited

  // Dials who has got another address. Now and then.
  void look_at_addresses();
  // Where this peer is heard from and dialled from now on.
  void set_address(int peer, const Resolved& at);
  // Whether the other end of this message's connection is on this host.
  bool came_from_this_host(const zmq::message_t& message) const;
};

// Failures as those of make_zmq_transport.
Result<std::unique_ptr<ZmqSockets>> open_sockets(const ZmqOptions& options);

}  // namespace polydot::node
