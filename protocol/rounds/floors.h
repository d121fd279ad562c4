// The noise floors of a run, one for each kind of round: (training or evaluation, layer, pass, part).
#pragma once

#include <map>
#include <tuple>

#include "codes/decode/noise_floor.h"
#include "codes/decode/round_request.h"

namespace polydot::protocol {

// Of a round: its product, or the scrub of the weights or of their momentum that rides on it.
enum class RoundPart { kProduct, kWeights, kMomentum };
inline const char* name_of(RoundPart part) {
  return part == RoundPart::kProduct ? "product" : part == RoundPart::kWeights ? "weights" : "momentum";
}

struct FloorKind {
  bool training = true;
  codes::Index layer = 0;
  codes::PassKind pass = codes::PassKind::kForward;
  RoundPart part = RoundPart::kProduct;
  friend auto operator<=>(const FloorKind&, const FloorKind&) = default;
};

class Floors {
 public:
  // scale: Job::initial_scale of the kind, 1 for scrubs (whose scales are relative already); used the first
  // time only.
  codes::NoiseFloor& of(const FloorKind& kind, double scale) {
    return floors_.try_emplace(kind, scale).first->second;
  }
  const std::map<FloorKind, codes::NoiseFloor>& all() const { return floors_; }

 private:
  std::map<FloorKind, codes::NoiseFloor> floors_;
};

}  // namespace polydot::protocol
