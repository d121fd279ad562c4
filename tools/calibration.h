// The rates of one core that the cost model (plan_model.h) works with: built in, or measured here and kept in
// a file.
#pragma once

#include <string>

#include "codes/base/result.h"

namespace polydot::tools {

// Defaults: one AVX-512 core of a server, peers over loopback.
struct Calibration {
  double product_gflops = 150.0;  // large products
  double update_gflops = 140.0;   // large updates, without momentum
  double panel_gbs = 11.0;        // what makes small products slower: operands and results touched once
  double memory_gbs = 11.0;       // reading shards: scrubs, momentum
  double encode_gbs = 11.0;       // plain operands read
  double decode_gbs = 20.0;       // contributions read ..
  double combine_gflops = 200.0;  // .. and combined into decoded blocks and parities
  double column_us = 0.3;         // a column of a contribution, whatever its length
  double activation_ns = 1.28;    // a value: batch, activation, loss, gradient
  double operand_ns = 0.7;        // a value of an operand: copied, its norms taken
  double byte_ns = 0.22;          // a byte sent or received: kernel, I/O thread, checksum, storing ..
  double shared_ns = 0.06;  // .. of a payload that peers of one host share (node/transport/shared_slab.h)
  double message_us = 8.0;  // a contribution sent or received, however long ..
  double peer_us = 0.4;     // .. and more for each peer: who is there is looked at each time
  double round_us = 50.0;   // processor time of a peer in a round, whatever it carries
  double wait_us = 200.0;   // on the wall, in a round in which anybody is waited for
  double parallel = 0.5;    // what a further core adds when one machine works alone
  friend bool operator==(const Calibration&, const Calibration&) = default;
};

// TOML, every rate with its unit; reads back to the same values.
std::string to_toml(const Calibration& calibration);
// What the file does not name keeps its default. Failure: kUsage, names the file and the line.
Result<Calibration> read_calibration(const std::string& path);
Outcome write_calibration(const Calibration& calibration, const std::string& path);

// The same processor at another speed: products and updates alike.
Calibration with_product_rate(Calibration calibration, double gflops);

}  // namespace polydot::tools
