// Private to the peer: the round at hand.
#pragma once

#include <array>
#include <string>

#include "protocol/peer.h"

namespace polydot::protocol {

// Steps back of which own contributions are kept, if they are small.
inline constexpr std::uint64_t kStepsKept = 8;

// No weights grow so much while training learns something.
inline constexpr double kMostWeightGrowth = 32.0;

// An operand from a set whose gain is so many times that of what others have is not worth having.
inline constexpr double kPoorOperand = 8.0;

// Rounds further ahead than this are not stored: whoever is there has left us behind. Who contributes to one
// so long after it last abstained lacks nothing any more.
inline constexpr std::uint64_t kStepsAhead = 2;

struct Peer::Round {
  codes::RoundRequest request;
  codes::Shape payload;  // of the product; the columns of a scrub come behind it
  codes::Index scrub_columns = 0;
  codes::VectorD nu;
  bool operand_is_zero = false;
  codes::PublishedFloor floor;
  codes::ScrubPoint scrub;
  std::array<codes::VectorD, 2> scrub_nu;  // of weights, momentum
  std::uint32_t attempt = 0;
  std::unique_ptr<OwnContribution> own;
  bool sent = false;
  std::int64_t started_at_ms = 0, sent_at_ms = 0;
  std::int64_t enough_at_ms = -1;  // when there were as many contributions as a round needs
  std::int64_t progress_at_ms = 0;
  std::int64_t requested_at_ms = 0, next_request_ms = 0;
  codes::PeerSet mended;              // whose damaged frame was asked for again at once
  codes::PeerSet seen;                // complete contributions when last looked
  codes::PeerSet last;                // who had come between the last two looks that differed
  codes::PeerSet judged;              // judged in vain already
  bool too_few = false;               // and only somebody more can help
  std::int64_t others_needed_ms = 0;  // when last all that are there were too few
  codes::RoundQuestion question;      // of the last check

  bool operand_doubted =
      false;  // recomputed already, in this attempt, because the round or its scales looked wrong
  bool operand_remade = false;  // since the own contribution was made

  // The scales by which the round is judged are those of the own operand.
  void look_at_operand(const codes::Pass& pass) {
    nu = codes::column_scales(pass, *request.operand);
    operand_is_zero = request.operand->isZero(0.0f);
  }
  codes::Shape contribution() const { return {payload.rows, payload.cols + scrub_columns}; }
  FloorKind kind(RoundPart part = RoundPart::kProduct) const {
    return {request.training, request.layer, request.pass, part};
  }
  codes::RoundKey key() const {
    codes::RoundKey key = request.key;
    key.attempt = attempt;
    return key;
  }
};

inline std::string name_of_round(const codes::RoundRequest& request) {
  return "step " + std::to_string(request.key.step) + ", layer " + std::to_string(request.layer) +
         (request.pass == codes::PassKind::kForward ? " forward" : " backward") +
         (request.training ? "" : " (evaluation)");
}

// The same round, whatever the attempt.
inline bool same_round(const codes::RoundKey& a, const codes::RoundKey& b) {
  return a.epoch == b.epoch && a.step == b.step && a.slot == b.slot;
}

}  // namespace polydot::protocol
