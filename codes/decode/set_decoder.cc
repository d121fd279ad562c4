#include "codes/decode/set_decoder.h"

#include <algorithm>
#include <numeric>

#include "codes/base/linear_algebra.h"

namespace polydot::codes {

namespace {

// Singular values below this share of the largest count as zero.
constexpr double kRankTolerance = 1e-14;
// How far F may stick out of the row space, relative to ||F||, and still count as decodable.
constexpr double kRowSpaceTolerance = 1e-7;

// Groups rows and columns of v that are connected through nonzero entries; columns without a row are left
// out.
struct Block {
  std::vector<Index> rows, cols;
};
std::vector<Block> connected_blocks(const MatrixD& v) {
  std::vector<Index> parent(static_cast<std::size_t>(v.rows() + v.cols()));
  std::iota(parent.begin(), parent.end(), 0);
  const auto root = [&](Index node) {
    while (parent[static_cast<std::size_t>(node)] != node) node = parent[static_cast<std::size_t>(node)];
    return node;
  };
  for (Index c = 0; c < v.cols(); ++c)
    for (Index r = 0; r < v.rows(); ++r)
      if (v(r, c) != 0.0) parent[static_cast<std::size_t>(root(r))] = root(v.rows() + c);
  std::vector<Block> blocks;
  std::vector<Index> block_of(parent.size(), -1);
  for (Index r = 0; r < v.rows(); ++r) {
    Index& id = block_of[static_cast<std::size_t>(root(r))];
    if (id < 0) {
      id = static_cast<Index>(blocks.size());
      blocks.emplace_back();
    }
    blocks[static_cast<std::size_t>(id)].rows.push_back(r);
  }
  for (Index c = 0; c < v.cols(); ++c)
    if (const Index id = block_of[static_cast<std::size_t>(root(v.rows() + c))]; id >= 0)
      blocks[static_cast<std::size_t>(id)].cols.push_back(c);
  return blocks;
}

}  // namespace

std::size_t SetDecoder::bytes() const {
  const Index numbers = sigma.size() + decoder.size() + parity.size();
  std::size_t sum = sizeof(SetDecoder) + sizeof(PeerSet) + peers.size() * sizeof(int) +
                    static_cast<std::size_t>(numbers) * sizeof(double);
  for (const CodeComponent& component : components)
    sum += sizeof(CodeComponent) + component.rows.size() * sizeof(int);
  return sum;
}

int SetDecoder::position(int peer) const {
  const auto found = std::lower_bound(peers.begin(), peers.end(), peer);
  return found != peers.end() && *found == peer ? static_cast<int>(found - peers.begin()) : -1;
}

SetDecoder make_set_decoder(const LinearCode& code, const VectorD& sigma, const PeerSet& set) {
  SetDecoder result;
  result.peers = set.members();
  const Index n = static_cast<Index>(result.peers.size());
  result.sigma.resize(n);
  MatrixD v(n, code.columns());
  for (Index r = 0; r < n; ++r) {
    const int peer = result.peers[static_cast<std::size_t>(r)];
    POLYDOT_CHECK_LT(peer, code.peers());
    result.sigma(r) = sigma(peer);
    v.row(r) = code.generator.row(peer) / sigma(peer);
  }
  MatrixD inverse = MatrixD::Zero(code.columns(), n);                 // pseudo-inverse of v, block by block
  MatrixD projector = MatrixD::Zero(code.columns(), code.columns());  // onto its row space
  result.parity = MatrixD::Zero(n, n);
  Index parity_rows = 0;
  for (const Block& block : connected_blocks(v)) {
    const MatrixD part = v(block.rows, block.cols);
    const Index rows = part.rows();
    const Svd svd = full_svd(part);
    const VectorD& s = svd.values;
    const Index rank = s.size() == 0 ? 0 : (s.array() > kRankTolerance * s(0)).count();
    const MatrixD row_space = svd.v.leftCols(rank);
    inverse(block.cols, block.rows) =
        row_space * s.head(rank).cwiseInverse().asDiagonal() * svd.u.leftCols(rank).transpose();
    projector(block.cols, block.cols) = row_space * row_space.transpose();
    CodeComponent component;
    for (Index r : block.rows) component.rows.push_back(static_cast<int>(r));
    component.first_parity = parity_rows;
    component.parity_count = rows - rank;
    const MatrixD null_space = svd.u.rightCols(rows - rank).transpose();
    for (Index k = 0; k < null_space.rows(); ++k)
      for (Index r = 0; r < rows; ++r)
        result.parity(parity_rows + k, block.rows[static_cast<std::size_t>(r)]) = null_space(k, r);
    parity_rows += rows - rank;
    result.components.push_back(std::move(component));
  }
  result.parity.conservativeResize(parity_rows, n);
  const double sticks_out = (code.extractor - code.extractor * projector).norm();
  result.decodable = sticks_out <= kRowSpaceTolerance * code.extractor.norm();
  result.decoder = code.extractor * inverse;
  if (result.decodable) result.gain = singular_values(result.decoder)(0);
  return result;
}

double gain_of(const LinearCode& code, const VectorD& sigma, const PeerSet& set) {
  return make_set_decoder(code, sigma, set).gain;
}

std::size_t DecoderCache::Hash::operator()(const PeerSet& set) const {
  std::size_t hash = 0;
  for (std::uint64_t word : set.words()) hash = (hash ^ word) * 0x9E3779B97F4A7C15ull ^ (hash >> 29);
  return hash;
}

std::shared_ptr<const SetDecoder> DecoderCache::get(const PeerSet& set) {
  if (const auto found = made_.find(set); found != made_.end()) return found->second;
  auto made = std::make_shared<const SetDecoder>(make_set_decoder(code_, sigma_, set));
  const std::size_t bytes = made->bytes();
  if (made_.size() >= capacity_ || bytes_ + bytes > max_bytes_) {
    made_.clear();
    bytes_ = 0;
  }
  made_.emplace(set, made);
  bytes_ += bytes;
  return made;
}

}  // namespace polydot::codes
