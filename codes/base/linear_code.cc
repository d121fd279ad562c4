#include "codes/base/linear_code.h"

#include <algorithm>

namespace polydot::codes {

ErrorBounds error_bounds(const LinearCode& code, Index present) {
  const Index spare = present - code.recovery_threshold;
  return {std::max<Index>(0, spare / 2), std::max<Index>(0, spare - 1)};
}

}  // namespace polydot::codes
