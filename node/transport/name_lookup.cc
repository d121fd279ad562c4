#include "node/transport/name_lookup.h"

#include <arpa/inet.h>

#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

namespace polydot::node {

struct NameLookup::State {
  std::mutex mutex;
  std::optional<Result<Resolved>> answer;
};

void NameLookup::begin(const Endpoint& endpoint) {
  state_ = std::make_shared<State>();
  const auto ask = [state = state_, endpoint] {
    Result<Resolved> answer = resolve_all(endpoint);
    const std::lock_guard lock(state->mutex);
    state->answer = std::move(answer);
  };
  if (is_numeric(endpoint)) return ask();
  try {
    std::thread(ask).detach();
  } catch (const std::system_error&) {
    ask();  // no more threads: then it takes its time here
  }
}

std::optional<Result<Resolved>> NameLookup::take() {
  if (state_ == nullptr) return std::nullopt;
  std::optional<Result<Resolved>> answer;
  {
    const std::lock_guard lock(state_->mutex);
    answer = std::move(state_->answer);
  }
  if (answer) state_.reset();
  return answer;
}

bool is_numeric(const Endpoint& endpoint) {
  if (endpoint.scheme == Endpoint::Scheme::kIpc) return true;
  const std::string plain = endpoint.host.substr(0, endpoint.host.find('%'));
  unsigned char address[sizeof(in6_addr)];
  return inet_pton(AF_INET, plain.c_str(), address) == 1 || inet_pton(AF_INET6, plain.c_str(), address) == 1;
}

}  // namespace polydot::node
