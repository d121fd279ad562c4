// Orders to a running peer: one frame of text from a routing id of its own kind, one frame of text back.
// Never part of the protocol between peers: what arrives here does not reach protocol/.
//
//   status         how the peer is (node/records/peer_status.h)
//   inject SPEC    adds a fault (node/config/inject_spec.h), if the peer's own [local] allow_injection says
//   so
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "node/faults/injector.h"
#include "protocol/wire/wire.h"

namespace polydot::node {

inline constexpr std::size_t kMaxControlBytes = 4096;                 // of an order
inline constexpr std::size_t kMaxAnswerBytes = std::size_t{1} << 17;  // of what comes back
inline constexpr std::size_t kMaxControlQueue = 16;                   // requests that wait; more are refused

struct ControlRequest {
  std::string sender;  // routing id
  std::string text;    // printable
};

// The routing id of whoever gives orders: 'C', the cluster id, 8 bytes of its own choice.
std::string control_id_of(const protocol::ClusterId& cluster, std::uint64_t own);
bool is_control_id(std::string_view routing_id, const protocol::ClusterId& cluster);
// At most kMaxControlBytes, not empty, and nothing but printable ASCII.
bool is_control_text(std::string_view text);

inline constexpr std::string_view kControlAccepted = "ok";

// Whether a fault that is ordered can strike in this run.
using FaultCheck = std::function<Outcome(const InjectSpec&)>;
// What to answer. injector: null where allow_injection is off.
std::string answer_control(std::string_view text, const FaultCheck& check, Injector* injector);

}  // namespace polydot::node
