#include "tools/simulator/fault_kinds.h"

#include <fmt/format.h>

#include <iterator>

#include "node/config/inject_spec.h"

namespace polydot::simulator {

namespace {

constexpr std::array<const char*, kFaultKinds> kNames = {
    "loss",       "delay",      "reordering", "duplication",
    "corruption", "clog",       "partition",  "one-way partition",
    "crash",      "disk lost",  "torn write", "disk trouble",
    "freeze",     "clock jump", "all killed", "second process",
};

}  // namespace

const char* name_of(FaultKind kind) { return kNames[static_cast<std::size_t>(kind)]; }

FaultTally& FaultTally::operator+=(const FaultTally& other) {
  for (std::size_t k = 0; k < by_kind.size(); ++k) by_kind[k] += other.by_kind[k];
  for (std::size_t s = 0; s < by_stage.size(); ++s) by_stage[s] += other.by_stage[s];
  return *this;
}

std::string FaultTally::missing() const {
  for (std::size_t k = 0; k < by_kind.size(); ++k)
    if (by_kind[k] == 0) return kNames[k];
  for (std::size_t s = 0; s < by_stage.size(); ++s)
    if (by_stage[s] == 0) return std::string(node::name_of(static_cast<codes::Stage>(s)));
  return "";
}

std::string FaultTally::text() const {
  std::string text;
  for (std::size_t k = 0; k < by_kind.size(); ++k)
    fmt::format_to(std::back_inserter(text), "{}{} {}", k == 0 ? "" : ", ", kNames[k], by_kind[k]);
  text += "; soft errors:";
  for (std::size_t s = 0; s < by_stage.size(); ++s)
    fmt::format_to(std::back_inserter(text), "{} {} {}", s == 0 ? "" : ",",
                   node::name_of(static_cast<codes::Stage>(s)), by_stage[s]);
  return text;
}

}  // namespace polydot::simulator
