// One column of every contribution at once: combined with a small matrix, looked at, and never copied. The
// inner loop of the scan, so in vectors of the processor's own width.
#pragma once

#include <cstdint>
#include <vector>

#include "codes/base/matrix.h"

namespace polydot::codes {

// What every column is combined with. Column o of `table` makes output o; the first `wanted` outputs are
// kept, of the others only the size.
class ColumnTable {
 public:
  // transform: inputs x outputs, wanted <= outputs.
  ColumnTable(const Matrix& transform, Index wanted);
  Index inputs() const { return inputs_; }
  Index outputs() const { return outputs_; }
  Index wanted() const { return wanted_; }
  const float* row(Index input) const { return &entries_[static_cast<std::size_t>(input * outputs_)]; }

 private:
  Index inputs_, outputs_, wanted_;
  std::vector<float> entries_;  // by input
};

struct ColumnTarget {
  float* to = nullptr;
  Index rows = 0;  // so many of the column's are kept; 0: none
};

struct ColumnLook {
  std::vector<float> largest;  // by input: max |value|; infinite if any is not finite
  float loudest = 0.0f;        // max over rows and unwanted outputs of |output|; where an input is not finite
                               // or above 1e30, it says nothing
  float squares = 0.0f;        // of what is kept, summed; may overflow
};

// inputs: table.inputs() columns of `rows` floats. targets: table.wanted(). sizes: `rows` floats, the largest
// |unwanted output| of each row; zero if there is none. ahead: so many floats behind each value that is read
// another one is asked for, to be there when it is needed.
void combine_column(const ColumnTable& table, const std::vector<const float*>& inputs, Index rows,
                    const std::vector<ColumnTarget>& targets, float* sizes, ColumnLook& look,
                    Index ahead = 0);

}  // namespace polydot::codes
