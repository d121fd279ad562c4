// A real-number linear code as a value: contributions are y = V c, the wanted blocks are F c.
//
// Purpose   the one form in which every code of this program reaches the decoder and the locator
// Shapes    V: peers x columns, F: wanted x columns
// Source    Dutta et al., arXiv 1811.10751, section IV (the codes as evaluations of a polynomial)
#pragma once

#include "codes/base/matrix.h"

namespace polydot::codes {

struct LinearCode {
  MatrixD generator;             // V
  MatrixD extractor;             // F
  Index recovery_threshold = 0;  // K: the smallest K such that every K rows of V decode

  Index peers() const { return generator.rows(); }
  Index columns() const { return generator.cols(); }
  Index wanted() const { return extractor.rows(); }
};

// How many wrong contributions a code with `present` contributions corrects.
// any:         at any values, floor((present - K) / 2)
// independent: with independent continuous errors, present - K - 1 (arXiv 1905.13685)
struct ErrorBounds {
  Index any = 0;
  Index independent = 0;
};
ErrorBounds error_bounds(const LinearCode& code, Index present);

}  // namespace polydot::codes
