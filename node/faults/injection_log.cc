#include "node/faults/injection_log.h"

#include <bit>
#include <cmath>
#include <nlohmann/json.hpp>

#include "node/text/json_text.h"

namespace polydot::node {

namespace {

// The same number, also where the processor takes denormals for zero (peer_process.cc).
double exact(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if ((bits >> 23 & 0xff) != 0) return static_cast<double>(value);
  const double size = std::ldexp(static_cast<double>(bits & 0x7fffff), -149);
  return bits >> 31 != 0 ? -size : size;
}

// JSON has no NaN and no infinity.
nlohmann::json number(double value) {
  if (std::isfinite(value)) return value;
  return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
}

}  // namespace

const char* name_of(FaultClass fault) {
  switch (fault) {
    case FaultClass::kMasked:
      return "masked";
    case FaultClass::kBelowFloor:
      return "below_floor";
    case FaultClass::kNearFloor:
      return "near_floor";
    case FaultClass::kAboveFloor:
      return "above_floor";
    case FaultClass::kErasure:
      return "erasure";
  }
  return "?";
}

Outcome InjectionLog::open(const std::string& path, Records records) {
  if (path.empty()) return Unit{};
  return file_.open(path, records);
}

void InjectionLog::write(int peer, const Injection& injection) {
  if (!file_.is_open()) return;
  const nlohmann::json line = {{"peer", peer},
                               {"step", injection.step},
                               {"slot", injection.slot},
                               {"attempt", injection.attempt},
                               {"stage", std::string(name_of(injection.stage))},
                               {"model", std::string(name_of(injection.model))},
                               {"layer", injection.layer},
                               {"pass", injection.pass == codes::PassKind::kForward ? "forward" : "backward"},
                               {"shard", injection.shard},
                               {"count", injection.count},
                               {"row", injection.row},
                               {"col", injection.col},
                               {"bit", injection.bit},
                               {"before", number(exact(injection.before))},
                               {"after", number(exact(injection.after))},
                               {"class", name_of(injection.fault_class)},
                               {"size_over_floor", number(injection.size_over_floor)},
                               {"size", number(injection.size)},
                               {"relative_size", number(injection.relative_size)},
                               {"found_step", injection.found_step},
                               {"found_epoch", injection.found_epoch},
                               {"found_attempt", injection.found_attempt},
                               {"found_slot", injection.found_slot},
                               {"found_layer", injection.found_layer},
                               {"lasting", injection.lasting}};
  file_.line(to_text(line));
}

}  // namespace polydot::node
