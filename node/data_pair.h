// A training part and a test part that belong together.
#pragma once

#include <bit>
#include <cstdint>
#include <utility>

#include "codes/check.h"
#include "dnn/dataset.h"

namespace polydot::node {

// Both parts have the same features and classes and the standardisation of `train`. `digest` is the one of
// the contents of both: peers whose digests differ would train on different data.
struct DataPair {
  dnn::Dataset train;
  dnn::Dataset test;
  std::uint64_t digest = 0;
};

inline DataPair make_data_pair(dnn::Dataset train, dnn::Dataset test) {
  POLYDOT_CHECK_EQ(train.features(), test.features());
  POLYDOT_CHECK_EQ(train.classes(), test.classes());
  test.set_standardisation(train.standardisation());
  const std::uint64_t digest = std::rotl(train.digest(), 1) ^ test.digest();
  return {std::move(train), std::move(test), digest};
}

}  // namespace polydot::node
