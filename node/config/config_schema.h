// The one table of everything that can be set. The TOML reader and writer, the command line, its help, and
// the comparison at join all follow from it: a new field is a member of config.h and a line of the table.
//
// Layout of the file, flat on purpose:
//   [shared.cluster]   id, endpoints, patience_ms
//   [shared.code]      name, peers, grid, margin, clean_every
//   [shared.data]      dataset
//   [shared.network]   hidden, activation
//   [shared.training]  loss, batch, epochs, steps, lr, momentum, weight_decay, clip_norm, schedule,
//                      warmup_steps, step_size, gamma, seed
//   [local]            data, bind, sockets_only, out, threads, log, allow_injection, inject, campaign, quiet,
//   json
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "node/config/config.h"

namespace polydot::node {

// Where a field's value lives in a Config.
using Slot = std::variant<std::string*, std::int64_t*, double*, bool*, codes::Grid*,
                          std::vector<std::int64_t>*, std::vector<std::string>*>;

// The numbers allowed for a field, or for each entry of a list.
struct Limits {
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
  bool open_min = false;  // min itself is not allowed
  bool open_max = false;
};

struct Field {
  std::string_view table;        // "shared.training"
  std::string_view key;          // "lr"
  std::string_view flag;         // "--lr"; empty: settable in a file only
  std::string_view placeholder;  // "RATE", in the help; empty: a switch without a value
  std::string_view help;
  Slot (*slot)(Config&);
  Limits limits;
  std::span<const std::string_view> choices;  // of a word; empty: any

  std::string path() const { return std::string(table) + "." + std::string(key); }
  bool shared() const { return table.starts_with("shared"); }
};

// In the order of the file.
std::span<const Field> fields();
// The field with this flag, or nullptr.
const Field* field_of_flag(std::string_view flag);
// The field with this path ("shared.training.lr"); it must exist.
const Field& field_at(std::string_view path);

}  // namespace polydot::node
