// The settings of an InjectSpec, by name: a new one is a member of InjectSpec and a line of the table.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "node/config/inject_spec.h"

namespace polydot::node {

struct InjectSetting {
  std::string_view name;
  std::string_view alias;  // another name; empty: none
  // What the value must be, or nullptr when it is right.
  const char* (*set)(std::string_view value, InjectSpec& spec);
  // The value as `set` reads it; empty: not set.
  std::string (*text)(const InjectSpec& spec);
  // Whether it means anything to a spec of this stage and model.
  bool (*fits)(const InjectSpec& spec);
};

// In the order in which to_text writes them.
std::span<const InjectSetting> inject_settings();

}  // namespace polydot::node
