// The cost model: what a step of a plan takes on given hardware, computed from its code, the network and a
// few measured rates. A pure function; no clock, no files.
//
// A step is its rounds one after the other (L feedforward, L-1 backpropagation) and the updates. In each
// round a peer encodes its operand, multiplies, sends to all others, takes theirs, decodes, activates.
// Assumed:
//   - peers of a host share its cores evenly: a round costs a host (processor time of one peer) times
//     max(1, peers / cores). A peer keeps one core busy at a time. Where they take turns, the other cores
//     idle while the last finishes: half of a peer's round, times 1 - 1 / cores.
//   - all are waited for; a peer sends only once its product is done. So a host with no more peers than cores
//     computes and waits for its link in turns; with w peers a core, the share 1 - 1/w of the shorter of the
//     two hides behind the longer.
//   - peers of a host share the memory of what they send each other.
//   - a link carries both ways at once; each remote contribution crosses it once for each receiving peer.
//   - evaluations, checkpoints and repairs are not part of a step.
#pragma once

#include <vector>

#include "codes/base/matrix.h"
#include "tools/calibration.h"
#include "tools/code_shape.h"

namespace polydot::tools {

struct Hardware {
  codes::Index hosts = 1;     // equal ones
  codes::Index cores = 1;     // of each host
  double memory_bytes = 0.0;  // of each host; 0: not bounded
  double link_bytes_s = 0.0;  // of each host, each way; 0: free (a single host)
  Calibration rates;          // of one core
  friend bool operator==(const Hardware&, const Hardware&) = default;
};

struct Workload {
  codes::Index inputs = 784;
  std::vector<codes::Index> hidden;
  codes::Index classes = 10;
  codes::Index batch = 64;
  bool momentum = true;

  // N_out x N_in of each layer, the bias column included.
  std::vector<codes::Shape> weights() const;
};

// Times of one step in ms; of one peer unless it says otherwise. Processor times do not know of the other
// peers.
struct Prediction {
  double step_ms = 0.0;            // on the wall
  double compute_ms = 0.0;         // of the step: a host's processors
  double wire_ms = 0.0;            // of the step: a host's link, where it does not hide behind the processors
  double product_ms = 0.0;         // processor: products and scrubs
  double update_ms = 0.0;          // processor
  double encode_ms = 0.0;          // processor: operands
  double decode_ms = 0.0;          // processor: decoding and checking
  double activation_ms = 0.0;      // processor: activations, losses, batches
  double transport_ms = 0.0;       // processor: bytes and messages, kernel and I/O thread included
  double fixed_ms = 0.0;           // processor: what each round costs whatever it carries
  double sent_bytes = 0.0;         // a step; as many are received
  double link_bytes = 0.0;         // a step, one host's, into it; as many out of it
  double memory_bytes = 0.0;       // shards, momentum, activations, contributions; neither data nor program
  double host_memory_bytes = 0.0;  // of the fullest host

  double processor_ms() const {
    return product_ms + update_ms + encode_ms + decode_ms + activation_ms + transport_ms + fixed_ms;
  }
};

// Precondition: batch, cores and hosts are positive.
Prediction predict(const CodeShape& code, const Workload& work, const Hardware& hardware);

// One machine alone, no code and no peers, with all cores of one host.
Prediction predict_alone(const Workload& work, const Hardware& hardware);

}  // namespace polydot::tools
