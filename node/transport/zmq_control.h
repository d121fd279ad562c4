// The other end of node/transport/control.h: gives an order to running peers and waits for their answers.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "codes/base/result.h"
#include "protocol/wire/wire.h"

namespace polydot::node {

// Sends `text` to all endpoints at once. result: the answer of each; none from who did not answer in time:
// not running, not reachable, of another cluster. Precondition: is_control_text(text). Failure: kUsage, a
// malformed endpoint. Blocks for at most timeout_ms, the resolver apart; a host that cannot be resolved does
// not answer.
Result<std::vector<std::optional<std::string>>> ask_peers(const protocol::ClusterId& cluster,
                                                          const std::vector<std::string>& endpoints,
                                                          const std::string& text, int timeout_ms);

}  // namespace polydot::node
