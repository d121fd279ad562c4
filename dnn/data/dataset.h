// A labelled data set as a value in memory: what a network is trained on, or what it is tested on.
//
// Shapes    count() samples of features() numbers each, one label in 0..classes()-1 a sample
// Memory    pixels stay bytes (several peers may share one machine); other data are floats. Both become
//           standardised floats when gathered: (value - mean) / deviation
// Errors    a broken precondition is a bug (codes/base/check.h). What comes from a file is checked where it
// is
//           read (node/files/data_files.h) and satisfies them
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <span>
#include <vector>

#include "codes/base/matrix.h"
#include "dnn/operations/label.h"

namespace polydot::dnn {

using codes::Index;

// How raw values become network inputs. One entry for all pixels of a byte set, one for each feature of a
// float set. A constant feature has the deviation 1, so it becomes zero and stays finite.
struct Standardisation {
  Eigen::VectorXf mean;
  Eigen::VectorXf deviation;  // positive
};

class Dataset {
 public:
  // features: features x count, finite. labels: count of them, below classes (1..kMaxClasses).
  static Dataset from_floats(Eigen::MatrixXf features, std::vector<Label> labels, Index classes);
  // The same, of features that are inputs already: gathered as they are.
  static Dataset from_standardised(Eigen::MatrixXf features, std::vector<Label> labels, Index classes);
  // pixels: sample after sample, `features` bytes each.
  static Dataset from_bytes(std::vector<std::uint8_t> pixels, Index features, std::vector<Label> labels,
                            Index classes);

  Index count() const { return static_cast<Index>(labels_.size()); }
  Index features() const { return features_; }
  Index classes() const { return classes_; }

  // Writes the standardised samples `indices` (each below count()) as columns of x, which becomes
  // features() x indices.size(); nothing is allocated when it has that size already.
  void gather(std::span<const std::uint32_t> indices, Eigen::MatrixXf& x) const;
  // The same into an x of that size.
  void gather_into(std::span<const std::uint32_t> indices, Eigen::Ref<Eigen::MatrixXf> x) const;
  void gather_labels(std::span<const std::uint32_t> indices, std::vector<Label>& labels) const;
  Label label(Index i) const;

  // Mean and deviation of these samples, and the ones that gather() uses. A new set uses its own; a test part
  // must be given those of the training part, so that both mean the same to the network.
  Standardisation own_standardisation() const;
  const Standardisation& standardisation() const { return standardisation_; }
  void set_standardisation(Standardisation standardisation);

  // The raw contents: bytes() is empty for a float set, floats() (features x count) for a byte set.
  bool holds_bytes() const { return floats_.size() == 0; }
  std::span<const std::uint8_t> bytes() const { return bytes_; }
  const Eigen::MatrixXf& floats() const { return floats_; }
  std::span<const Label> labels() const { return labels_; }

  // 64 bits of the raw contents, the labels and the shape, the same on every processor; the standardisation
  // does not count. Finds accidents, not attacks.
  std::uint64_t digest() const;

 private:
  Dataset(std::vector<std::uint8_t> bytes, Eigen::MatrixXf floats, Index features, std::vector<Label> labels,
          Index classes);

  std::vector<std::uint8_t> bytes_;
  Eigen::MatrixXf floats_;
  Index features_ = 0;
  std::vector<Label> labels_;
  Index classes_ = 0;
  Standardisation standardisation_;
};

}  // namespace polydot::dnn
