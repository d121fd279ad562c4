// The score of a run, from records written by hand: what was injected against what each peer had before it
// and located.
#include "tests/node/score_records.h"

namespace polydot::node {
namespace {

TEST_F(RunScore, CountsInjectionsByTheirClassAndStage) {
  all_judge(0, 10);
  for (int peer : {1, 4}) {
    inject(peer, 3, "above_floor");
    inject(peer, 4, "below_floor");
    inject(peer, 5, "below_floor", "decode");
    inject(peer, 6, "masked");
    inject(peer, 7, "erasure", "contribution");
    inject(peer, 8, "near_floor");
  }
  const FaultCounts counts = score();
  EXPECT_EQ(counts.injected, 12u);
  EXPECT_EQ(counts.above_floor, 2u);
  EXPECT_EQ(counts.near_floor, 2u);
  EXPECT_EQ(counts.below_floor, 4u);
  EXPECT_EQ(counts.masked, 2u);
  EXPECT_EQ(counts.erasures, 2u);
  EXPECT_EQ(counts.above.missed, 2 * kOthers);
  EXPECT_EQ(counts.recall(), 0.0);
  EXPECT_EQ(counts.near.missed, 2 * kOthers);
  EXPECT_FALSE(counts.precision());
  EXPECT_FALSE(counts.mean_steps_until_found());
  const json out = to_json(counts);
  EXPECT_EQ(out.at("by_stage").at("product"), (json{{"injected", 8},
                                                    {"above_floor", 2},
                                                    {"near_floor", 2},
                                                    {"below_floor", 2},
                                                    {"masked", 2},
                                                    {"erasures", 0},
                                                    {"observations", 18},
                                                    {"found", 0}}));
  EXPECT_EQ(out.at("by_stage").at("decode").at("injected"), 2);
  EXPECT_EQ(out.at("by_stage").at("contribution").at("erasures"), 2);
  EXPECT_EQ(out.at("recall"), 0.0);
  EXPECT_EQ(out.at("near_floor_recall"), 0.0);
  EXPECT_TRUE(out.at("precision").is_null());
}

TEST_F(RunScore, EachPeerThatHadItIsAnObserver) {
  all_judge(7, 7);
  inject(4, 7, "above_floor");
  find_at_all_but({}, 4, 7);
  const FaultCounts counts = score();
  EXPECT_EQ(counts.above.found, kOthers);
  EXPECT_EQ(counts.detected, kOthers);
  EXPECT_EQ(counts.corrected, kOthers);
  EXPECT_EQ(counts.above.missed + counts.false_alarms + counts.wrong_peer, 0u);
  EXPECT_EQ(counts.recall(), 1.0);
  EXPECT_EQ(counts.precision(), 1.0);
  EXPECT_EQ(counts.mean_steps_until_found(), 0.0);
  EXPECT_EQ(counts.by_stage.at("product").above.found, kOthers);
}

TEST_F(RunScore, WhoMissedItIsCountedAlthoughOthersSawIt) {
  all_judge(7, 7);
  inject(4, 7, "above_floor");
  find_at_all_but({0, 8}, 4, 7);
  const FaultCounts counts = score();
  EXPECT_EQ(counts.above.missed, 2u);
  EXPECT_DOUBLE_EQ(*counts.recall(), 7.0 / 9.0);
}

TEST_F(RunScore, TheVictimIsNoObserver) {
  judge(4, 7, 7);
  inject(4, 7, "above_floor");
  EXPECT_FALSE(score().recall());
  find(4, 4, 7, 7);
  EXPECT_FALSE(score().recall());
  EXPECT_EQ(score().detected, 1u);
}

// The right peer in the wrong place is a false alarm, and what it was for is missed.
TEST_F(RunScore, OnlyThePlaceWhereItMustShowCounts) {
  for (const std::uint32_t slot : {2, 3}) all_judge(0, 20, {{"slot", slot}});
  inject(4, 7, "above_floor");
  find(0, 4, 6, 6);                 // the step before
  find(1, 4, 8, 8);                 // the step after
  find(2, 4, 7, 7, {{"slot", 3}});  // another round of the step
  find(3, 5, 7, 7);                 // another peer
  find(5, 4, 7, 7);
  const FaultCounts counts = score();
  EXPECT_EQ(counts.above.found, 1u);
  EXPECT_EQ(counts.above.missed, kOthers - 1);
  EXPECT_EQ(counts.detected, 1u);
  EXPECT_EQ(counts.false_alarms, 4u);
  EXPECT_EQ(counts.wrong_peer, 1u);
  EXPECT_DOUBLE_EQ(*counts.precision(), 1.0 / 5.0);
}

TEST_F(RunScore, AFalseAlarmIsCountedForEachWhoRaisesIt) {
  for (int finder : {0, 1, 2}) find(finder, 5, 20, 21);
  EXPECT_EQ(score().false_alarms, 6u);
  EXPECT_EQ(score().wrong_peer, 0u);
}

TEST_F(RunScore, WhatShowsInALaterStepIsDueThere) {
  all_judge(7, 9);
  inject(1, 7, "above_floor", "update", {{"found_step", 8}});
  inject(2, 7, "above_floor", "update", {{"found_step", 8}});
  find_at_all_but({}, 1, 8);
  find_at_all_but({}, 2, 9);  // it stays, and so explains that; but it was missed when it was due
  const FaultCounts counts = score();
  EXPECT_EQ(counts.above.found, kOthers);
  EXPECT_EQ(counts.above.missed, kOthers);
  EXPECT_EQ(counts.false_alarms, 0u);
  EXPECT_EQ(counts.by_what_stays, kOthers);
  EXPECT_DOUBLE_EQ(*counts.mean_steps_until_found(), 1.0);
}

TEST_F(RunScore, WhatIsNearTheFloorIsABandOfItsOwn) {
  all_judge(7, 8);
  inject(4, 7, "near_floor");
  inject(4, 8, "below_floor");
  find(3, 4, 7, 7);
  find(3, 4, 8, 8);
  const FaultCounts counts = score();
  EXPECT_EQ(counts.detected, 2u);
  EXPECT_EQ(counts.false_alarms, 0u);
  EXPECT_FALSE(counts.recall());
  EXPECT_EQ(counts.near.found, 1u);
  EXPECT_DOUBLE_EQ(*counts.near.recall(), 1.0 / 9.0);
}

TEST_F(RunScore, WhatIsMaskedOrLostExplainsNothing) {
  inject(4, 7, "masked");
  inject(5, 7, "erasure", "contribution");
  find(0, 4, 7, 7);
  find(0, 5, 7, 7);
  EXPECT_EQ(score().detected, 0u);
  EXPECT_EQ(score().false_alarms, 2u);
}

TEST_F(RunScore, WhoDidNotReceiveItCannotHaveMissedIt) {
  inject(4, 7, "above_floor");
  for (int p : {0, 1, 2}) judge(p, 7, 7);
  judge(3, 7, 7, {{"missing", {4, 9}}});  // late, gone or in quarantine
  judge(5, 0, 6);                         // killed before
  find(0, 4, 7, 7);
  const FaultCounts counts = score();
  EXPECT_EQ(counts.above.found, 1u);
  EXPECT_EQ(counts.above.missed, 2u);
  EXPECT_EQ(counts.above.left_out, 6u);  // 3, 5, and those that left no record
  EXPECT_EQ(counts.above.undone, 0u);
  EXPECT_DOUBLE_EQ(*counts.recall(), 1.0 / 3.0);
}

// That one peer had to compute a round again excuses that peer only.
TEST_F(RunScore, WhoComputedTheRoundAgainIsExcusedAndNobodyElse) {
  inject(4, 7, "above_floor");
  for (int p = 0; p < kPeers; ++p)
    if (p != 3 && p != 5) judge(p, 7, 7);
  judge(3, 7, 7, {{"delivered", false}});
  for (int p : {3, 4, 5}) judge(p, 7, 7, {{"attempt", 1}});
  append(3, kRepairsFile, {{"step", 7}, {"layer", 0}, {"event", "computed_again"}, {"peer", -1}});
  append(0, kRepairsFile, {{"step", 7}, {"layer", 0}, {"event", "late"}, {"peer", 4}});
  find(0, 4, 7, 7);
  const FaultCounts counts = score();
  EXPECT_EQ(counts.above.undone, 2u);  // 3, and 5, which went on with the second attempt at once
  EXPECT_EQ(counts.above.found, 1u);
  EXPECT_EQ(counts.above.missed, 6u);
}

// Who has done with a round sends what it has: the second attempt holds the same wrong contribution.
TEST_F(RunScore, AnAttemptThatGotTheOldContributionIsNoExcuse) {
  inject(4, 7, "above_floor");
  judge(4, 7, 7);
  judge(3, 7, 7, {{"attempt", 1}});
  EXPECT_EQ(score().above.missed, 1u);
  find(3, 4, 7, 7, {{"attempt", 1}});
  EXPECT_EQ(score().above.found, 1u);
}

// Whom it located in an attempt in vain, that says nothing of what it went on with.
TEST_F(RunScore, OnlyTheAttemptThatWasDeliveredCounts) {
  inject(4, 7, "above_floor", "weights");  // in all attempts
  judge(0, 7, 7, {{"delivered", false}});
  find(0, 4, 7, 7);
  EXPECT_EQ(score().above.undone, 1u) << "nothing was delivered";
  EXPECT_EQ(score().above.found, 0u);
  judge(0, 7, 7, {{"attempt", 1}});
  EXPECT_EQ(score().above.missed, 1u);
  EXPECT_EQ(score().above.found, 0u);
  find(0, 4, 7, 7, {{"attempt", 1}});
  EXPECT_EQ(score().above.found, 1u);
  EXPECT_EQ(score().detected, 1u) << "of one round";
}

TEST_F(RunScore, WhatWasRolledBackIsUndoneForWhoDidNotDeliverIt) {
  inject(4, 7, "above_floor");
  judge(0, 7, 7);                                          // before all went back
  for (int p : {0, 1, 2}) judge(p, 7, 7, {{"epoch", 1}});  // and after
  judge(2, 7, 7, {{"delivered", false}});
  const FaultCounts counts = score();
  EXPECT_EQ(counts.above.missed, 1u);
  EXPECT_EQ(counts.above.undone, 2u);
  EXPECT_EQ(counts.above.left_out, 6u);
  find(1, 4, 7, 7, {{"epoch", 1}});  // the fault struck once, under epoch 0
  EXPECT_EQ(score().false_alarms, 1u);
}

TEST_F(RunScore, AShardThatWasRepairedBeforeItShowsIsUndone) {
  all_judge(8, 8);
  inject(4, 7, "above_floor", "update", {{"found_step", 8}});
  EXPECT_EQ(score().above.missed, kOthers);
  repair(4, 8, 1, "rebuilt", {{"slot", 1}});                // another layer
  repair(4, 8, 0, "rebuilt", {{"slot", 1}, {"shard", 1}});  // another shard
  repair(4, 7, 0, "rebuilt", {{"slot", 2}});                // not after it was struck
  repair(4, 8, 0, "rebuilt", {{"slot", 2}});                // not before it showed
  EXPECT_EQ(score().above.missed, kOthers);
  repair(4, 8, 0, "rebuilt", {{"slot", 1}});
  EXPECT_EQ(score().above.undone, kOthers);
}

TEST_F(RunScore, IsCorrectedWhereTheRoundWasDecoded) {
  inject(4, 7, "above_floor");
  find(0, 4, 7, 7);
  find(1, 4, 7, 7, {{"corrected", false}});
  const FaultCounts counts = score();
  EXPECT_EQ(counts.detected, 2u);
  EXPECT_EQ(counts.corrected, 1u);
}

TEST_F(RunScore, WhatStaysExplainsWhatFollowsInItsLayerUntilItIsRepaired) {
  for (const json& kind : {json{{"stage", "weights"}}, json{{"stage", "optimizer"}},
                           json{{"stage", "update"}}, json{{"lasting", true}}}) {
    SCOPED_TRACE(kind.dump());
    forget({kInjectionsFile, kFindingsFile, kRepairsFile});
    json more = kind;
    more["layer"] = 1;
    inject(4, 7, "above_floor", "hadamard", more);
    find(0, 4, 7, 16, {{"layer", 1}});                // ten steps
    find(0, 4, 12, 12, {{"layer", 1}, {"slot", 4}});  // the other pass of the layer
    find(0, 4, 20, 20);                               // another layer
    find(0, 5, 12, 12, {{"layer", 1}});               // another peer
    EXPECT_EQ(score().detected, 11u);
    EXPECT_EQ(score().by_what_stays, 10u);
    EXPECT_EQ(score().false_alarms, 2u);
    EXPECT_EQ(score().wrong_peer, 1u);
    if (kind.contains("lasting")) continue;
    repair(4, 12, 0);                             // another layer
    repair(4, 12, 1, "announced");                // no repair
    repair(4, 12, 1, "rebuilt", {{"shard", 1}});  // another shard
    repair(4, 7, 1, "rebuilt", {{"slot", 1}});    // before it was struck
    EXPECT_EQ(score().detected, 11u);
    repair(4, 12, 1, "rebuilt", {{"slot", 4}});
    EXPECT_EQ(score().detected, 7u);  // 7 .. 12, both slots at 12
    inject(4, 14, "above_floor", "weights", {{"layer", 1}});
    EXPECT_EQ(score().detected, 10u);  // and from 14 on
  }
}

// Whatever class is located for sure or not: a repair in part ends it as well.
TEST_F(RunScore, ARepairInPartEndsWhatIsNearTheFloorToo) {
  inject(4, 7, "near_floor", "weights");
  find(0, 4, 7, 16);
  EXPECT_EQ(score().detected, 10u);
  repair(4, 11, 0);
  EXPECT_EQ(score().detected, 5u);
  EXPECT_EQ(score().false_alarms, 5u);
}

// But if it was for another fault of that shard, this one may be in it still: of which lines it was nobody
// wrote down.
TEST_F(RunScore, ARepairInPartThatWasForAnotherFaultLeavesItUnclear) {
  inject(4, 7, "near_floor", "weights");
  inject(4, 9, "above_floor", "weights");
  find(0, 4, 7, 16);
  repair(4, 11, 0);
  EXPECT_EQ(score().detected, 5u);
  EXPECT_EQ(score().unclear, 5u);
  EXPECT_EQ(score().false_alarms, 0u);
  repair(4, 13, 0, "rebuilt");
  EXPECT_EQ(score().unclear, 2u);
  EXPECT_EQ(score().false_alarms, 3u);
}

// Cleaning takes drift away, and leaves of a wrong line a part.
TEST_F(RunScore, ACleaningEndsWhatIsNotSurelyLocated) {
  inject(4, 7, "near_floor", "weights");
  inject(5, 7, "above_floor", "weights");
  for (const int peer : {4, 5}) {
    find(0, peer, 7, 16);
    repair(peer, 11, 0, "cleaned");
  }
  EXPECT_EQ(score().detected, 15u);
  EXPECT_EQ(score().false_alarms, 5u);
}

// One lowest bit of one weight, far below what anybody can see, excuses no blame of that peer ever after.
TEST_F(RunScore, WhatIsBelowTheFloorExcusesNothingLater) {
  for (const std::string stage : {"weights", "optimizer", "update", "decode"}) {
    SCOPED_TRACE(stage);
    forget({kInjectionsFile, kFindingsFile});
    inject(4, 7, "below_floor", stage, {{"size_over_floor", 1e-4}});
    find(0, 4, 7, 7);  // the round by which it was judged
    find(0, 4, 8, 16);
    find(0, 4, 7, 7, {{"slot", 5}});
    EXPECT_EQ(score().detected, 1u);
    EXPECT_EQ(score().false_alarms, 10u);
    EXPECT_EQ(score().unclear, 0u);
    EXPECT_DOUBLE_EQ(*score().precision(), 1.0 / 11.0);
  }
}

// A shard that is wrong by a few roundings may be located, and need not; and momentum that no scrub looked at
// may be wrong by anything. Such findings are in neither part of the ratio.
TEST_F(RunScore, WhatMayStillBeThereIsUnclear) {
  for (const auto& [stage, size] : {std::pair{"weights", 0.5}, {"update", 0.02}, {"optimizer", 0.0}}) {
    SCOPED_TRACE(stage);
    forget({kInjectionsFile, kFindingsFile, kRepairsFile});
    inject(4, 7, "below_floor", stage, {{"size_over_floor", size}});
    find(0, 4, 8, 16);
    find(0, 5, 8, 8);
    EXPECT_EQ(score().unclear, 9u);
    EXPECT_EQ(score().detected, 0u);
    EXPECT_EQ(score().false_alarms, 1u);
    EXPECT_EQ(score().wrong_peer, 0u);
    EXPECT_EQ(score().precision(), 0.0);
    EXPECT_EQ(json(to_json(score())).at("unclear"), 9);
    repair(4, 11, 0);
    EXPECT_EQ(score().unclear, 4u);
    EXPECT_EQ(score().false_alarms, 6u);
  }
}

// What was in a shard when all went back to before that is in it no more.
TEST_F(RunScore, ARollbackBehindItsStepEndsWhatStays) {
  for (const bool behind : {false, true}) {
    SCOPED_TRACE(behind);
    forget({kInjectionsFile, kFindingsFile, kRepairsFile});
    inject(4, 7, "above_floor", "weights");
    find(0, 4, 7, 9);
    find(0, 4, 8, 12, {{"epoch", 1}});
    append(4, kRepairsFile,
           {{"event", "rolled_back"}, {"step", 10}, {"epoch", 1}, {"boundary", behind ? 7 : 8}});
    EXPECT_EQ(score().detected, behind ? 3u : 8u);
    EXPECT_EQ(score().false_alarms, behind ? 5u : 0u);
  }
}

// A stuck bit of a machine is wrong anew in each attempt, and is told of anew.
TEST_F(RunScore, AStuckBitExplainsOnlyWhereItStruck) {
  inject(4, 7, "above_floor", "product", {{"model", "sticky"}, {"lasting", true}});
  find(0, 4, 7, 9);
  EXPECT_EQ(score().detected, 1u);
  EXPECT_EQ(score().false_alarms, 2u);
}

TEST_F(RunScore, TheLayerThatItReachedCountsAndARepairBeforeItShowsEndsNothing) {
  inject(4, 7, "above_floor", "decode",
         {{"layer", 1}, {"found_layer", 0}, {"found_step", 8}, {"lasting", true}});
  repair(4, 7, 0);
  find(0, 4, 8, 12);
  EXPECT_EQ(score().detected, 5u);
}

// A wrong operand is read by the round that it goes into, by a later one of the same layers, and by the
// update of their shards; unless its peer found that out and computed it again.
TEST_F(RunScore, AWrongOperandExplainsWhatIsComputedFromIt) {
  const json shows = {{"layer", 1}, {"found_layer", 2}, {"found_slot", 3}};
  inject(4, 7, "near_floor", "decode", shows);
  find(0, 4, 7, 7, {{"layer", 2}, {"slot", 3}});  // forward
  find(0, 4, 7, 7, {{"layer", 1}, {"slot", 5}});  // backward
  find(0, 4, 7, 7, {{"layer", 0}, {"slot", 1}});  // before it
  find(0, 4, 7, 7, {{"layer", 0}, {"slot", 6}});  // not computed from it
  find(0, 4, 9, 9, {{"layer", 1}, {"slot", 1}});  // in the shard
  EXPECT_EQ(score().detected, 3u);
  EXPECT_EQ(score().false_alarms, 2u);
  append(4, kRepairsFile, {{"step", 7}, {"layer", 2}, {"event", "operand_recomputed"}, {"peer", -1}});
  EXPECT_EQ(score().detected, 2u);
  EXPECT_EQ(score().false_alarms, 3u);
}

// The class promises to locate a fault that is alone in its entry, of a step in which nothing was missing.
TEST_F(RunScore, WhatWasMissedAgainstThePromiseIsCountedApart) {
  const auto one = [](int row, std::uint32_t slot = 2) {
    return json{{"row", row}, {"col", 5}, {"count", 1}, {"slot", slot}, {"found_slot", slot}};
  };
  const auto sure = [&] {
    EXPECT_EQ(score().above.found, 0u);
    EXPECT_GT(score().above.missed, 0u);
    return score().above.though_sure;
  };
  all_judge(7, 8);
  inject(4, 7, "above_floor", "product", one(3));
  EXPECT_EQ(sure(), kOthers);
  EXPECT_EQ(json(to_json(score())).at("missed_though_sure"), kOthers);
  inject(5, 7, "near_floor", "product", one(4));  // another entry
  EXPECT_EQ(sure(), kOthers);
  inject(6, 7, "below_floor", "product", one(3));
  EXPECT_EQ(sure(), 0u);
  inject(4, 8, "above_floor", "product", one(3));
  EXPECT_EQ(sure(), kOthers);
  inject(5, 8, "near_floor", "encode", {{"count", 1}});  // spreads over a column
  EXPECT_EQ(sure(), 0u);
  EXPECT_EQ(score().above.missed, 2 * kOthers);
}

TEST_F(RunScore, WhoeverLackedAContributionMakesTheStepUnsure) {
  for (int p = 0; p < kPeers; ++p) judge(p, 7, 7, {{"slot", 3}});
  judge(2, 7, 7);  // an earlier round of the step
  inject(4, 7, "above_floor", "product", {{"slot", 3}, {"count", 1}});
  EXPECT_EQ(score().above.though_sure, kOthers);
  judge(3, 7, 7, {{"missing", {9}}});
  EXPECT_EQ(score().above.missed, kOthers);
  EXPECT_EQ(score().above.though_sure, 0u);
}

TEST_F(RunScore, FindingsByChecksumAreCountedApart) {
  inject(4, 7, "erasure", "contribution");
  find(0, 4, 7, 7, {{"by", "checksum"}});
  find(1, 4, 7, 7, {{"by", "checksum"}});
  find(1, 6, 7, 7, {{"by", "scrub"}, {"state", "momentum"}});
  const FaultCounts counts = score();
  EXPECT_EQ(counts.checksum_findings, 1u);
  EXPECT_EQ(counts.erasures, 1u);
  EXPECT_EQ(counts.detected, 0u);
  EXPECT_EQ(counts.false_alarms, 1u);
}

TEST_F(RunScore, TwoFaultsInOnePlaceAreMissedTwice) {
  judge(0, 7, 7);
  inject(4, 7, "above_floor");
  inject(4, 7, "above_floor", "weights");
  EXPECT_EQ(score().above.missed, 2u);
}

}  // namespace
}  // namespace polydot::node
