// What a fault does to a live buffer: one function for each model, of its arguments only.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "codes/base/matrix.h"
#include "dnn/operations/random.h"
#include "node/config/inject_spec.h"

namespace polydot::node {

// An element whose bits differ now.
struct ElementChange {
  codes::Index row = 0, col = 0;
  float before = 0, after = 0;
};

struct FaultDraw {
  const InjectSpec& spec;
  dnn::Random& random;             // of this place and time; of all peers for a correlated fault
  std::uint64_t machine_seed = 0;  // of what stays as it is: equal at every visit, other at every peer
  const codes::Matrix* earlier = nullptr;  // the buffer a step ago; null: not known, or of another shape
  // The change of an element that is as large as the noise floor; empty: none is published.
  std::function<double(codes::Index row, codes::Index col)> one_floor{};
};

// Changes `live`. result: every element whose bits changed, none if the fault changes nothing there (what is
// zero already, row= beyond the buffer): a single element is looked for a few times.
std::vector<ElementChange> apply_fault(const FaultDraw& draw, Eigen::Ref<codes::Matrix> live);

struct FaultModelEntry {
  FaultModel model;
  std::string_view name;
  std::vector<ElementChange> (*apply)(const FaultDraw& draw, Eigen::Ref<codes::Matrix> live);
};
std::span<const FaultModelEntry> fault_models();

bool acts_on_one_element(FaultModel model);
// A machine that is broken the same way whenever it computes: recomputation meets it again.
bool is_lasting(FaultModel model);

}  // namespace polydot::node
