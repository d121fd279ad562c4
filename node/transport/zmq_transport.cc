#include "node/transport/zmq_transport.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <span>
#include <utility>
#include <zmq.hpp>

#include "codes/base/check.h"
#include "node/transport/zmq_sockets.h"

namespace polydot::node {

using protocol::Payload;
using protocol::Received;
using protocol::WireFrames;

namespace {

constexpr std::size_t kReceiveBufferBytes = 8192;          // ZMQ_IN_BATCH_SIZE's default
constexpr std::size_t kIndexAt = 17, kIncarnationAt = 21;  // in a routing id
constexpr std::size_t kLeastSlots = 16, kMostSlots = 64;
constexpr int kInviteEvery = 64;        // large payloads
constexpr int kLookEvery = 256;         // messages in a row: at what their connections keep back
constexpr int kMaxRefusedInARow = 256;  // a flood of garbage must not keep receive() from returning

// Lives from send until ZeroMQ has let go of the payload.
struct InFlight {
  std::shared_ptr<const void> owner;
  std::shared_ptr<QueuedBytes> queued;
  std::size_t bytes;
};

void on_sent(void*, void* hint) {
  const std::unique_ptr<InFlight> done(static_cast<InFlight*>(hint));
  done->queued->fetch_sub(done->bytes, std::memory_order_relaxed);
}

// Both return false when it would block; anything else is a bug.
bool send_part(zmq::socket_t& socket, zmq::message_t& part, int flags) {
  while (zmq_msg_send(part.handle(), socket.handle(), flags | ZMQ_DONTWAIT) < 0) {
    if (zmq_errno() == EINTR) continue;
    POLYDOT_CHECK_EQ(zmq_errno(), EAGAIN);
    return false;
  }
  return true;
}

bool receive_part(zmq::socket_t& socket, zmq::message_t& part) {
  while (zmq_msg_recv(part.handle(), socket.handle(), ZMQ_DONTWAIT) < 0) {
    if (zmq_errno() == EINTR) continue;
    POLYDOT_CHECK_EQ(zmq_errno(), EAGAIN);
    return false;
  }
  return true;
}

// libzmq leaves small messages in its receive buffer: at any address, and holding all of the buffer.
Payload payload_of(zmq::message_t part) {
  const auto* first = static_cast<const std::byte*>(part.data());
  const bool aligned = reinterpret_cast<std::uintptr_t>(first) % alignof(float) == 0;
  if (part.size() > kReceiveBufferBytes && aligned) {
    auto owner = std::make_shared<zmq::message_t>(std::move(part));
    const std::span<const std::byte> bytes(static_cast<const std::byte*>(owner->data()), owner->size());
    return {std::move(owner), bytes};
  }
  auto copy = std::make_shared<std::vector<std::byte>>(first, first + part.size());
  const std::span<const std::byte> bytes(*copy);
  return {std::move(copy), bytes};
}

}  // namespace

std::string routing_id_of(const protocol::ClusterId& cluster, int index, std::uint64_t incarnation) {
  std::string id = "P";  // an id that starts with a zero byte would be ZeroMQ's own
  const auto append = [&id](std::uint64_t value, int bytes) {
    for (int b = 0; b < bytes; ++b) id.push_back(static_cast<char>(value >> (8 * b) & 0xff));
  };
  for (const std::uint64_t word : cluster) append(word, 8);
  append(static_cast<std::uint32_t>(index), 4);
  append(incarnation, 8);
  return id;
}

Result<std::unique_ptr<ZmqTransport>> make_zmq_transport(const ZmqOptions& options) {
  POLYDOT_CHECK_LE(0, options.index);
  POLYDOT_CHECK_LT(options.index, static_cast<int>(options.endpoints.size()));
  Result<std::unique_ptr<ZmqSockets>> sockets = open_sockets(options);
  if (!sockets) return sockets.failure();
  return std::unique_ptr<ZmqTransport>(new ZmqTransport(options, std::move(*sockets)));
}

ZmqTransport::ZmqTransport(const ZmqOptions& options, std::unique_ptr<ZmqSockets> sockets)
    : index_(options.index),
      // One message always fits, or it could never be sent.
      max_queue_bytes_(std::max(options.max_queue_bytes,
                                options.max_payload_bytes + protocol::kHeaderBytes + kOverheadBytes)),
      max_payload_bytes_(options.max_payload_bytes),
      cluster_(options.cluster),
      id_prefix_(routing_id_of(options.cluster, 0, 0).substr(0, kIndexAt)),
      sockets_(std::move(sockets)) {
  for (int p = 0; p < static_cast<int>(options.endpoints.size()); ++p)
    slabs_.emplace_back(SlabSender{options.cluster, p}, options.index);
}

ZmqTransport::~ZmqTransport() = default;

void ZmqTransport::send(int to, const WireFrames& frames) {
  POLYDOT_CHECK(to != index_ && to >= 0 && to < static_cast<int>(sockets_->links.size()));
  POLYDOT_CHECK_LE(frames.payload.size_bytes(), max_payload_bytes_);
  if (send_shared(to, frames) || send_whole(to, frames))
    counters_.bytes_sent += frames.header.size() + frames.payload.size_bytes();
  else
    ++counters_.frames_dropped;
}

bool ZmqTransport::send_shared(int to, const WireFrames& frames) {
  ZmqLink& link = sockets_->links[static_cast<std::size_t>(to)];
  if (!link.on_this_host || no_slab_ || frames.payload.size_bytes() < kLeastSharedBytes) return false;
  if (!slab_) {
    const auto peers = static_cast<int>(sockets_->links.size());
    const auto slots = std::clamp(max_queue_bytes_ / max_payload_bytes_, kLeastSlots, kMostSlots);
    slab_ = SlabWriter::make({cluster_, index_}, max_payload_bytes_, static_cast<int>(slots), peers);
    no_slab_ = slab_ == nullptr;
    return false;
  }
  if (!slab_->is_reading(to)) {
    if (link.uninvited == 0 && send_ref(to, {}, slab_->invitation())) link.uninvited = kInviteEvery;
    if (link.uninvited > 0) --link.uninvited;
    return false;
  }
  link.uninvited = 0;  // the next one in its place is invited at once
  const std::optional<SlabRef> ref = slab_->share(frames.payload, to);
  if (!ref) return false;
  if (send_ref(to, frames.header, *ref)) return true;
  slab_->take_back(*ref, to);
  return false;
}

bool ZmqTransport::send_whole(int to, const WireFrames& frames) {
  ZmqLink& link = sockets_->links[static_cast<std::size_t>(to)];
  const Payload& payload = frames.payload;
  const std::size_t cost = frames.header.size() + payload.size_bytes() + kOverheadBytes;
  if (link.queued->load(std::memory_order_relaxed) + cost > max_queue_bytes_) return false;
  link.queued->fetch_add(cost, std::memory_order_relaxed);
  auto in_flight = std::make_unique<InFlight>(payload.owner(), link.queued, cost);
  zmq::message_t first(frames.header.data(), frames.header.size());
  // ZeroMQ only reads it. Also an empty payload, and one that is not taken, ends in on_sent.
  zmq::message_t second(const_cast<std::byte*>(payload.bytes().data()), payload.size_bytes(), on_sent,
                        in_flight.get());
  in_flight.release();
  return send_part(link.dealer, first, ZMQ_SNDMORE) && send_part(link.dealer, second, 0);
}

// Bounded by the slots, and by the high-water mark.
bool ZmqTransport::send_ref(int to, std::span<const std::byte> header, const SlabRef& ref) {
  zmq::message_t only(header.size() + sizeof ref);
  std::copy(header.begin(), header.end(), only.data<std::byte>());
  std::memcpy(only.data<std::byte>() + header.size(), &ref, sizeof ref);
  return send_part(sockets_->links[static_cast<std::size_t>(to)].dealer, only, 0);
}

// What has the form of a message, but for what its header says.
struct ZmqTransport::Parts {
  std::array<zmq::message_t, 2> parts;
  std::size_t count = 0;

  std::span<const std::byte> header() const {
    const std::size_t behind = ref() ? sizeof(SlabRef) : 0;
    return {static_cast<const std::byte*>(parts[0].data()), parts[0].size() - behind};
  }
  // Of a payload in shared memory, or of an invitation to it.
  std::optional<SlabRef> ref() const {
    if (count != 1 || parts[0].size() < sizeof(SlabRef)) return std::nullopt;
    SlabRef ref;
    std::memcpy(&ref, static_cast<const std::byte*>(parts[0].data()) + parts[0].size() - sizeof ref,
                sizeof ref);
    return ref;
  }
};

bool ZmqTransport::may_refer(int from, const Parts& message) const {
  return sockets_->links[static_cast<std::size_t>(from)].on_this_host &&
         sockets_->came_from_this_host(message.parts[0]);
}

std::optional<Received> ZmqTransport::take(const Sender& from, Parts message) {
  const std::optional<SlabRef> ref = message.ref();
  std::optional<Payload> payload;
  if (ref && may_refer(from.index, message))
    payload = slabs_[static_cast<std::size_t>(from.index)].read(*ref);
  else if (message.count == 2)
    payload = payload_of(std::move(message.parts[1]));
  const std::span<const std::byte> header = message.header();
  if (!payload || header.size() > kMaxHeaderBytes) return std::nullopt;
  counters_.bytes_received += header.size() + payload->size_bytes();
  return Received{
      from.index, {header.begin(), header.end()}, std::move(*payload), ref.has_value(), from.incarnation};
}

std::optional<Received> ZmqTransport::receive() {
  for (int refused = 0; refused < kMaxRefusedInARow; ++refused) {
    zmq::message_t id;
    if (!receive_part(sockets_->router, id)) {
      since_drained_ = 0;
      sockets_->watch->look(true);
      sockets_->look_at_addresses();
      return std::nullopt;
    }
    if (++since_drained_ % kLookEvery == 0) sockets_->watch->look(false);
    // The parts of a message arrive together or not at all. Whatever there is too much is read away.
    Parts message;
    std::size_t wire_bytes = 0;
    for (bool more = id.more(); more; ++message.count) {
      zmq::message_t part;
      POLYDOT_CHECK(receive_part(sockets_->router, part));
      more = part.more();
      wire_bytes += ConnectionWatch::wire_bytes(part);
      if (message.count < message.parts.size()) message.parts[message.count] = std::move(part);
    }
    sockets_->watch->took(message.parts[0], wire_bytes);
    const char* address = ::zmq_msg_gets(message.parts[0].handle(), "Peer-Address");
    const Sender from = sender_of(id.to_string_view());
    const bool one = message.count == 1;
    if (from.index < 0) {
      if (!one || !take_control(id.to_string_view(), message.parts[0].to_string_view()))
        ++counters_.frames_refused;
      continue;
    }
    if (!comes_from_its_address(from, address)) {
      ++counters_.frames_refused;
      continue;
    }
    if (address != nullptr) sockets_->addresses.heard(from.index, address);
    const std::optional<SlabRef> ref = message.ref();
    // Whether memory is shared is each peer's own affair: who does not share may be invited all the same.
    const bool invitation = ref && ref->bytes == 0 && sockets_->came_from_this_host(message.parts[0]);
    if (auto received = take(from, std::move(message))) return received;
    counters_.frames_refused += !invitation;
  }
  return std::nullopt;
}

bool ZmqTransport::comes_from_its_address(const Sender& from, const char* address) {
  if (address == nullptr || !sockets_->socket_file.empty()) return true;
  const std::string plain = plain_address(address);
  if (sockets_->listed.may_be(from.index, plain)) return true;
  if (sockets_->addresses.note_misplaced(from.index, PeerAddresses::Clock::now()))
    std::fprintf(stderr, "polydot: not heard: peer %d from %s, which is listed at %s; correct the list\n",
                 from.index, plain.c_str(), sockets_->listed.text(from.index).c_str());
  return false;
}

bool ZmqTransport::take_control(std::string_view routing_id, std::string_view text) {
  if (!is_control_id(routing_id, cluster_) || !is_control_text(text)) return false;
  if (control_.size() == kMaxControlQueue) return false;
  control_.push_back({std::string(routing_id), std::string(text)});
  return true;
}

std::optional<ControlRequest> ZmqTransport::receive_control() {
  if (control_.empty()) return std::nullopt;
  ControlRequest request = std::move(control_.front());
  control_.pop_front();
  return request;
}

void ZmqTransport::reply_control(const ControlRequest& request, const std::string& text) {
  zmq::message_t id(request.sender.data(), request.sender.size());
  zmq::message_t answer(text.data(), text.size());
  if (send_part(sockets_->router, id, ZMQ_SNDMORE)) send_part(sockets_->router, answer, 0);
}

// The ids of wire version 5 end with the index: whoever has such a one is heard, so that its version is
// named.
ZmqTransport::Sender ZmqTransport::sender_of(std::string_view routing_id) const {
  const auto number = [&](std::size_t at, std::size_t bytes) {
    std::uint64_t value = 0;
    for (std::size_t b = 0; b < bytes; ++b)
      value |= std::uint64_t{static_cast<unsigned char>(routing_id[at + b])} << (8 * b);
    return value;
  };
  const bool of_version_5 = routing_id.size() == kIncarnationAt;
  if (!of_version_5 && routing_id.size() != kIncarnationAt + sizeof(std::uint64_t)) return {};
  if (routing_id.substr(0, kIndexAt) != id_prefix_) return {};
  const std::uint64_t index = number(kIndexAt, sizeof(std::uint32_t));
  if (index >= sockets_->links.size() || static_cast<int>(index) == index_) return {};
  return {static_cast<int>(index), of_version_5 ? 0 : number(kIncarnationAt, sizeof(std::uint64_t))};
}

// In between it looks at what the connections keep back: a message that never ends wakes nobody.
void ZmqTransport::wait(std::int64_t timeout_ms) {
  constexpr std::int64_t kLongestMs = 10;
  zmq::pollitem_t item{sockets_->router.handle(), 0, ZMQ_POLLIN, 0};
  std::int64_t left = std::max<std::int64_t>(timeout_ms, 0);
  try {
    for (;; left -= kLongestMs) {
      if (zmq::poll(&item, 1, std::chrono::milliseconds(std::min(left, kLongestMs))) > 0) return;
      sockets_->watch->look(true);
      if (left <= kLongestMs) return;
    }
  } catch (const zmq::error_t& error) {
    POLYDOT_CHECK_EQ(error.num(), EINTR);
  }
}

std::uint64_t ZmqTransport::connections_cut() const { return sockets_->watch->cut(); }

protocol::TransportCounters ZmqTransport::counters() const { return counters_; }

std::string ZmqTransport::bound_endpoint() const { return sockets_->router.get(zmq::sockopt::last_endpoint); }

}  // namespace polydot::node
