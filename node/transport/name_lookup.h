// Where a host name leads, asked in a thread of its own: the system's resolver may take as long as it likes.
#pragma once

#include <memory>
#include <optional>

#include "codes/base/result.h"
#include "node/config/endpoint.h"

namespace polydot::node {

class NameLookup {
 public:
  // Asks. Whoever still asks from before is no longer listened to.
  void begin(const Endpoint& endpoint);
  bool is_pending() const { return state_ != nullptr; }
  // The answer, once. None: there is none yet.
  std::optional<Result<Resolved>> take();

 private:
  struct State;
  std::shared_ptr<State> state_;  // shared with the thread, which may outlive this
};

// An address, not a name: it is the same whenever it is asked for.
bool is_numeric(const Endpoint& endpoint);

}  // namespace polydot::node
