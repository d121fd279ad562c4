// polydot plan: what a code can do, as text or as its matrices.
#pragma once

#include <string>

#include "codes/base/product_code.h"

namespace polydot::tools {

// The code as JSON, numbers with 17 significant digits:
//   m n d P points weight_encoder input_encoder delta_encoder update_delta_encoder update_input_encoder
//   forward {K generator extractor} backward {K generator extractor}
// A matrix is a list of rows, one a peer, columns as in codes/base/product_code.h; points is empty where a
// code has none. A code with a second shard for backpropagation (mds) adds backward_weight_encoder,
// backward_update_delta_encoder and backward_update_input_encoder; the keys above are then the forward
// shard's.
std::string matrices_json(const codes::ProductCode& code);

}  // namespace polydot::tools
