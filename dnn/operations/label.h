// The class of a sample: a number below the number of classes.
#pragma once

#include <cstdint>

#include "codes/base/matrix.h"

namespace polydot::dnn {

using Label = std::uint16_t;
inline constexpr codes::Index kMaxClasses = 65'535;

}  // namespace polydot::dnn
