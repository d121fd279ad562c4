// protocol::Transport over ZeroMQ: one bound ROUTER that receives from all, one DEALER per other peer to
// send.
//
// A DEALER's routing id names its sender; the ROUTER hands it over with every message, so a sender is known
// by its connection, never by what a payload says: which peer, and which process of it. Frames of strangers,
// and messages of any other form than header + payload, are refused and counted. Orders
// (node/transport/control.h) wait in a queue of their own. Nothing is authenticated or encrypted: trusted
// networks only.
//
// To a peer on the same host large payloads go through shared memory (node/transport/shared_slab.h), if it
// can map ours: then the message is one part, the header and behind it where the payload lies. The first of
// them that is large is preceded by an invitation: the same without a header. Such a message is taken only
// where memory is shared at all, of a peer that is configured on this host, through a connection that comes
// from there.
//
// Other payloads are sent, and above 8 KiB received, without a copy. Nothing blocks and nothing queues for a
// peer that is not connected: what cannot be queued is dropped and counted, so the caller repeats what
// matters.
//
// For one thread (the owner of the sent payloads may be released on another). Not for use across fork().
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "codes/base/result.h"
#include "node/transport/control.h"
#include "node/transport/shared_slab.h"
#include "protocol/wire/transport.h"

namespace polydot::node {

struct ZmqOptions {
  protocol::ClusterId cluster{};
  int index = 0;                  // of this peer, 0 <= index < endpoints.size()
  std::uint64_t incarnation = 0;  // of this process
  std::vector<std::string>
      endpoints{};  // of all peers by index, see node/config/endpoint.h; ours is listened on
  // A TCP socket that is listening already, instead of endpoints[index]. The transport owns and closes it,
  // also when it cannot be made. -1: none.
  int listen_fd = -1;
  // What may wait in this process for one receiver, and from one sender, kernel buffers apart: a peer that
  // needs more is too slow to be waited for. Bytes of payloads that receivers share count once for each.
  std::size_t max_queue_bytes = std::size_t{64} << 20;
  std::size_t max_payload_bytes = std::size_t{1} << 20;  // of a frame; a connection that brings more is cut
  bool share_memory = true;                              // with peers on this host
  int linger_ms = 1000;  // how long closing may take to get out what is queued, goodbyes above all
};

struct ZmqSockets;  // node/transport/zmq_sockets.h; keeps ZeroMQ out of this header

class ZmqTransport final : public protocol::Transport {
 public:
  ~ZmqTransport() override;  // takes up to linger_ms

  // to: another peer's index; payload: at most max_payload_bytes.
  void send(int to, const protocol::WireFrames& frames) override;
  std::optional<protocol::Received> receive() override;
  // Also returns early when a signal was caught.
  void wait(std::int64_t timeout_ms) override;
  protocol::TransportCounters counters() const override;

  // An order that receive() came across.
  std::optional<ControlRequest> receive_control();
  // Lost if the sender has gone.
  void reply_control(const ControlRequest& request, const std::string& text);

  // Where others reach this peer, with the port that the system chose if none was given.
  std::string bound_endpoint() const;
  // Connections from elsewhere than a listed host, or with more than a peer sends
  // (node/transport/zmq_watch.h).
  std::uint64_t connections_cut() const;

 private:
  ZmqTransport(const ZmqOptions& options, std::unique_ptr<ZmqSockets> sockets);
  friend Result<std::unique_ptr<ZmqTransport>> make_zmq_transport(const ZmqOptions& options);

  // False: it was none that is taken.
  bool take_control(std::string_view routing_id, std::string_view text);
  struct Sender {
    int index = -1;  // a stranger
    std::uint64_t incarnation = 0;
  };
  Sender sender_of(std::string_view routing_id) const;
  // Whether the sender may be at that address; else a line is said, once for each.
  bool comes_from_its_address(const Sender& from, const char* address);
  struct Parts;
  std::optional<protocol::Received> take(const Sender& from, Parts parts);
  // Whether a message of this peer may say where its payload lies.
  bool may_refer(int from, const Parts& parts) const;
  // These return false when it cannot be queued.
  bool send_whole(int to, const protocol::WireFrames& frames);
  bool send_ref(int to, std::span<const std::byte> header, const SlabRef& ref);
  // Through shared memory. False: it cannot go that way.
  bool send_shared(int to, const protocol::WireFrames& frames);

  int index_;
  std::size_t max_queue_bytes_;
  std::size_t max_payload_bytes_;
  protocol::ClusterId cluster_;
  std::string id_prefix_;  // of every peer's routing id; the index follows
  std::unique_ptr<ZmqSockets> sockets_;
  std::deque<ControlRequest> control_;
  std::unique_ptr<SlabWriter> slab_;  // once there is something to share
  bool no_slab_ = false;              // the system has no such memory
  std::vector<SlabReader> slabs_;     // of the others
  int since_drained_ = 0;             // messages taken since there was none
  protocol::TransportCounters counters_;
};

// Failures: kUsage: malformed endpoint, or port 0 for a peer to connect to. kNetwork: a host cannot be
// resolved, our address is in use or is none of this machine, listen_fd does not listen. Peers need not be
// running yet.
Result<std::unique_ptr<ZmqTransport>> make_zmq_transport(const ZmqOptions& options);

// The routing id of a sender: 'P', the cluster id as 2 x u64, the index as u32, the incarnation as u64, all
// little-endian: 29 bytes. Another process of the same peer does not push its connections out.
std::string routing_id_of(const protocol::ClusterId& cluster, int index, std::uint64_t incarnation);

}  // namespace polydot::node
