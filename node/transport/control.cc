#include "node/transport/control.h"

#include <algorithm>

namespace polydot::node {

namespace {

constexpr std::string_view kInject = "inject ";
constexpr std::size_t kOwnBytes = 8;

void append(std::string& id, std::uint64_t value) {
  for (int b = 0; b < 8; ++b) id.push_back(static_cast<char>(value >> (8 * b) & 0xff));
}

std::string prefix_of(const protocol::ClusterId& cluster) {
  std::string id = "C";
  for (const std::uint64_t word : cluster) append(id, word);
  return id;
}

// A refusal is one frame too.
std::string shortened(std::string text) {
  if (text.size() > kMaxControlBytes) text.resize(kMaxControlBytes);
  return text;
}

}  // namespace

std::string control_id_of(const protocol::ClusterId& cluster, std::uint64_t own) {
  std::string id = prefix_of(cluster);
  append(id, own);
  return id;
}

bool is_control_id(std::string_view routing_id, const protocol::ClusterId& cluster) {
  const std::string prefix = prefix_of(cluster);
  return routing_id.size() == prefix.size() + kOwnBytes && routing_id.starts_with(prefix);
}

bool is_control_text(std::string_view text) {
  return !text.empty() && text.size() <= kMaxControlBytes &&
         std::all_of(text.begin(), text.end(), [](char letter) { return letter >= ' ' && letter <= '~'; });
}

std::string answer_control(std::string_view text, const FaultCheck& check, Injector* injector) {
  if (!text.starts_with(kInject)) return "refused: no such order; this peer knows: inject SPEC, status";
  if (injector == nullptr) return "refused: this peer's [local] allow_injection is off";
  const auto spec = parse_inject_spec(text.substr(kInject.size()));
  if (!spec) return shortened("refused: " + spec.failure().message);
  if (const Outcome can_strike = check(*spec); !can_strike)
    return shortened("refused: " + can_strike.failure().message);
  injector->add(*spec);
  return std::string(kControlAccepted);
}

}  // namespace polydot::node
