// A campaign: many faults in one TOML file, so that an experiment can be repeated and shown.
//
//   [campaign]
//   name = "bad core"      # optional
//   seed = 7               # of all its faults; optional: the run's
//   [[fault]]              # as many as wanted: the parts of a spec (node/config/inject_spec.h) as keys
//   stage = "product"
//   model = "bitflip"
//   rate = 0.01
//   peers = [3, 5]         # or peer = 3, or "3+5"
//   steps = "100-200"
//   sticky = true
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "codes/base/result.h"
#include "node/config/config.h"
#include "node/config/inject_spec.h"

namespace polydot::node {

struct Campaign {
  std::string name;
  std::vector<InjectSpec> faults;  // with the campaign's seed where they have none of their own
};

// Failures: kUsage, FILE:LINE first where there is one; an unknown key names the nearest right one.
Result<Campaign> read_campaign(std::string_view text, const std::string& file_name);
Result<Campaign> load_campaign(const std::string& path);

// All that a process is configured to inject: `inject`, then the campaign's. Failure: kUsage, also when a
// peer is named that does not exist.
Result<std::vector<InjectSpec>> configured_faults(const Config& config);

}  // namespace polydot::node
