// The noise floors of a run, one for each kind of round: (training or evaluation, layer, pass).
#pragma once

#include <map>
#include <tuple>

#include "codes/noise_floor.h"
#include "codes/round_request.h"

namespace polydot::protocol {

struct FloorKind {
  bool training = true;
  codes::Index layer = 0;
  codes::PassKind pass = codes::PassKind::kForward;
  friend auto operator<=>(const FloorKind&, const FloorKind&) = default;
};

class Floors {
 public:
  // scale: Job::initial_scale of the kind; used the first time only.
  codes::NoiseFloor& of(const FloorKind& kind, double scale) {
    return floors_.try_emplace(kind, scale).first->second;
  }
  const std::map<FloorKind, codes::NoiseFloor>& all() const { return floors_; }

 private:
  std::map<FloorKind, codes::NoiseFloor> floors_;
};

}  // namespace polydot::protocol
