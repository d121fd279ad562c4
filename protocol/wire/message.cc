#include "protocol/wire/message.h"

#include "codes/base/check.h"

namespace polydot::protocol {

Payload Payload::of_floats(std::shared_ptr<const std::vector<float>> values, std::size_t first,
                           std::size_t count) {
  POLYDOT_CHECK_LE(first, values->size());
  POLYDOT_CHECK_LE(count, values->size() - first);
  const auto bytes = std::as_bytes(std::span(*values).subspan(first, count));
  return {std::move(values), bytes};
}

Payload Payload::of_text(const std::string& text) {
  auto owner = std::make_shared<const std::string>(text);
  const auto bytes = std::as_bytes(std::span(*owner));
  return {std::move(owner), bytes};
}

}  // namespace polydot::protocol
