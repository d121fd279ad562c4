// The obvious decoder: least squares in double, one matrix for each set, kept.
#pragma once

#include <Eigen/QR>
#include <map>

#include "codes/base/linear_code.h"
#include "codes/base/peer_set.h"

namespace polydot::dnn::testing {

class LeastSquares {
 public:
  // sigma: the noise of each peer; rows are weighted by its inverse.
  LeastSquares(codes::LinearCode code, codes::VectorD sigma)
      : code_(std::move(code)), sigma_(std::move(sigma)) {}

  // wanted x peers: what contributions are multiplied by; zero outside the set. Empty if it does not decode.
  const codes::MatrixD& decoder(const codes::PeerSet& set) {
    const auto found = made_.find(set);
    return found != made_.end() ? found->second : made_.emplace(set, make(set)).first->second;
  }

 private:
  codes::MatrixD make(const codes::PeerSet& set) const {
    const std::vector<int> members = set.members();
    const codes::Index count = static_cast<codes::Index>(members.size());
    codes::MatrixD v(count, code_.columns());
    for (codes::Index i = 0; i < count; ++i) v.row(i) = code_.generator.row(members[i]) / sigma_(members[i]);
    const codes::MatrixD narrow = code_.extractor * v.completeOrthogonalDecomposition().pseudoInverse();
    if ((narrow * v - code_.extractor).norm() > 1e-8 * code_.extractor.norm()) return {};
    codes::MatrixD wide = codes::MatrixD::Zero(code_.wanted(), code_.peers());
    for (codes::Index i = 0; i < count; ++i) wide.col(members[i]) = narrow.col(i) / sigma_(members[i]);
    return wide;
  }

  codes::LinearCode code_;
  codes::VectorD sigma_;
  std::map<codes::PeerSet, codes::MatrixD> made_;
};

}  // namespace polydot::dnn::testing
