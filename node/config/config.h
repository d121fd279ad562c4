// Everything that can be set, as plain values. config_schema.h names each one in files and on the command
// line.
//
// SharedConfig must be equal at all peers: they compare it key by key when they meet (config_agreement.h).
// LocalConfig is each process's own business and is never compared.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "codes/base/result.h"
#include "codes/families/factories.h"
#include "protocol/wire/wire.h"

namespace polydot::node {

struct SharedConfig {
  // [shared.cluster]
  std::string cluster_id = std::string(32, '0');  // 32 hex digits; frames of another cluster are refused
  std::vector<std::string> endpoints;             // "host:port" by peer index; empty: the launcher picks them
  std::int64_t patience_ms = 5000;                // how long a round waits for a missing peer

  // [shared.code]
  std::string code = "polydot";  // a name that codes::make_code knows
  std::int64_t peers = 10;       // P
  codes::Grid grid;              // m x n x d
  std::int64_t margin = 1;       // contributions beyond the recovery threshold that a round waits for

  std::int64_t clean_every = 0;  // steps between two cleanings of all shards; 0: when their noise asks for it

  // [shared.data]
  std::string dataset = "strokes";  // strokes, idx, csv
  std::string label;                // csv: column of the label, a name or a number from 1; empty: recognised
  std::string csv;                  // csv: how to read it (csv_options.h); empty: recognised

  // [shared.network]
  std::vector<std::int64_t> hidden = {256, 128};  // units of the hidden layers, from the input on
  std::string activation = "smelu";

  // [shared.training]
  std::string loss = "cross_entropy";
  std::int64_t batch = 64;  // samples a step; the last one of an epoch may be smaller
  std::int64_t epochs = 5;  // decides when steps is 0
  std::int64_t steps = 0;   // above 0: the length of the run, whatever epochs says
  double lr = 0.01;         // learning rate
  double momentum = 0.9;
  double weight_decay = 0;
  double clip_norm = 0;               // global norm of the gradient; 0: no clipping
  std::string schedule = "constant";  // constant, step, cosine
  std::int64_t warmup_steps = 0;      // steps of linear warm-up
  std::int64_t step_size = 1000;      // steps between two drops (schedule step)
  double gamma = 0.1;                 // factor of a drop (schedule step)
  std::int64_t seed = 1;
  std::int64_t checkpoint_every = 1000;  // steps between two checkpoints; 0: only at the end

  friend bool operator==(const SharedConfig&, const SharedConfig&) = default;
};

struct LocalConfig {
  std::string data;           // file or folder of the data set
  std::string test_data;      // csv: file of the test part; empty: a part of `data`
  std::string bind;           // "address:port" to listen on; empty: the own endpoint
  bool sockets_only = false;  // no shared memory with peers of this host (shared_slab.h)
  std::string out;            // folder of the run's records; empty: none
  std::int64_t threads = 1;
  std::string log = "info";         // error, warn, info, debug
  bool allow_injection = false;     // faults may be ordered from outside
  std::vector<std::string> inject;  // inject_spec.h
  std::string campaign;             // file of more faults, campaign.h
  bool quiet = false;
  bool json = false;

  friend bool operator==(const LocalConfig&, const LocalConfig&) = default;
};

struct Config {
  SharedConfig shared;
  LocalConfig local;

  friend bool operator==(const Config&, const Config&) = default;
};

// Whether a run with these values can start: each value in its range, a code that exists for this grid and
// this many peers (the failure names the smallest number that works), one endpoint a peer. Touches no file
// and no network.
Outcome validate(const Config& config);
// Whether what a hidden layer's products and pieces are sent in can hold one of their columns. Part of
// validate.
Outcome check_hidden(const SharedConfig& shared);
// The same for what peers share; for a file that is written on one host and used on others.
Outcome validate_shared(const SharedConfig& shared);

// The recovery threshold of the configured code, or why there is no such code.
Result<codes::ProductCode> configured_code(const SharedConfig& shared);

// Precondition: cluster_id is valid.
protocol::ClusterId cluster_words(const SharedConfig& shared);

}  // namespace polydot::node
