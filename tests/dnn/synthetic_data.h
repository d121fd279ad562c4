// A small classification problem that a network learns slowly: overlapping Gaussian clusters, two to a class.
#pragma once

#include <algorithm>
#include <vector>

#include "dnn/data/dataset.h"
#include "dnn/operations/random.h"
#include "dnn/operations/tensor.h"

namespace polydot::dnn::testing {

inline Dataset synthetic_data(Index features, Index count, Index classes, std::uint64_t seed) {
  Random centres(1, RandomStream::kWeights, 1000);  // the same for training and test part
  Matrix centre(features, 2 * classes);
  for (Index i = 0; i < centre.size(); ++i) centre.data()[i] = static_cast<float>(0.7 * centres.gaussian());
  Random random(seed, RandomStream::kSampleOrder, 1000);
  Matrix x(features, count);
  std::vector<Label> labels;
  for (Index c = 0; c < count; ++c) {
    const Index cluster = static_cast<Index>(random.below(static_cast<std::uint64_t>(2 * classes)));
    labels.push_back(static_cast<Label>(cluster / 2));
    for (Index r = 0; r < features; ++r) x(r, c) = centre(r, cluster) + static_cast<float>(random.gaussian());
  }
  return Dataset::from_floats(x, labels, classes);
}

}  // namespace polydot::dnn::testing
