// What planning needs to know of a code before it is made: thresholds and block counts. Making a code solves
// for its decoder, which is too slow to do for every plan that might be thought of.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "codes/base/product_code.h"
#include "codes/families/factories.h"

namespace polydot::tools {

struct PassShape {
  codes::Index threshold = 0;       // K
  codes::Index wanted = 1;          // decoded blocks
  codes::Index rank = 1;            // rows beyond it are parities
  codes::Index shard = 0;           // index into CodeShape::shards
  codes::Index operand_blocks = 1;  // that an operand is encoded from
  codes::Index batch_groups = 1;    // d
  friend bool operator==(const PassShape&, const PassShape&) = default;
};

struct ShardBlocks {
  codes::Index rows = 1, cols = 1;
  friend bool operator==(const ShardBlocks&, const ShardBlocks&) = default;
};

struct CodeShape {
  std::string name;
  codes::Grid grid;
  codes::Index peers = 1;
  std::vector<ShardBlocks> shards;
  std::array<PassShape, 2> passes;  // by PassKind

  // The larger threshold of the two passes.
  codes::Index threshold() const;
  codes::Shape shard(codes::Index index, codes::Shape weights) const;
  // Of one contribution.
  codes::Shape payload(codes::PassKind kind, codes::Shape weights, codes::Index batch) const;
  friend bool operator==(const CodeShape&, const CodeShape&) = default;
};

CodeShape shape_of(const codes::ProductCode& code);
// The same without making the code; none if make_code would refuse. name: polydot, monomial, mds,
// replication, uncoded.
std::optional<CodeShape> shape_of(const std::string& name, codes::Grid grid, codes::Index peers);

}  // namespace polydot::tools
