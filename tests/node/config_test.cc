#include "node/config/config.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "node/config/config_agreement.h"
#include "node/config/config_draft.h"
#include "node/config/config_toml.h"
#include "node/config/config_values.h"
#include "node/text/config_words.h"

namespace polydot::node {

using protocol::Difference;
using protocol::disagreement;
using protocol::first_difference;
using protocol::parse_lines;
using protocol::SharedLines;
using protocol::to_text;
namespace {

// Values of every shape that a slot can hold, allowed or not: reading back must not depend on it.
struct Scramble {
  std::mt19937& random;

  std::int64_t below(std::int64_t end) { return static_cast<std::int64_t>(random()) % end; }
  std::string word() {
    constexpr std::string_view kLetters = "ab \"'\\#=\t\n[]{}.:\x7f\xc3\xa9";
    std::string text;
    for (std::int64_t i = below(12); i > 0; --i) {
      const char letter = kLetters[static_cast<std::size_t>(below(std::ssize(kLetters) - 1))];
      text += letter == '\xc3' ? "\xc3\xa9" : std::string(1, letter);
    }
    return text;
  }
  void operator()(std::string* slot) { *slot = word(); }
  void operator()(std::int64_t* slot) { *slot = below(100000); }
  void operator()(double* slot) {
    *slot = std::ldexp(static_cast<double>(random()), -static_cast<int>(below(90)));
  }
  void operator()(bool* slot) { *slot = below(2) == 0; }
  void operator()(codes::Grid* slot) { *slot = {1 + below(64), 1 + below(64), 1 + below(64)}; }
  void operator()(std::vector<std::int64_t>* slot) {
    slot->clear();
    for (std::int64_t i = below(4); i > 0; --i) slot->push_back(1 + below(100000));
  }
  void operator()(std::vector<std::string>* slot) {
    slot->clear();
    for (std::int64_t i = below(4); i > 0; --i) slot->push_back(word());
  }
};

// Different from the default in every field, and allowed.
Config unusual() {
  Config config;
  config.shared = {.cluster_id = "0123456789abcdef0123456789abcdef",
                   .endpoints = {},
                   .patience_ms = 1234,
                   .code = "mds",
                   .peers = 7,
                   .grid = {3, 2, 1},
                   .margin = 2,
                   .clean_every = 17,
                   .dataset = "csv",
                   .label = "kind",
                   .csv = "heading=no",
                   .hidden = {11, 7, 5},
                   .activation = "tanh",
                   .loss = "mse",
                   .batch = 17,
                   .epochs = 3,
                   .steps = 99,
                   .lr = 0.1 + 0.2,
                   .momentum = 0.25,
                   .weight_decay = 1e-5,
                   .clip_norm = 2,
                   .schedule = "step",
                   .warmup_steps = 8,
                   .step_size = 9,
                   .gamma = 0.7,
                   .seed = 42,
                   .checkpoint_every = 25};
  for (int k = 0; k < 7; ++k) config.shared.endpoints.push_back("host:" + std::to_string(1000 + k));
  config.local = {.data = "a \"b\"\\c",
                  .test_data = "more.csv",
                  .bind = "127.0.0.1:7000",
                  .sockets_only = true,
                  .out = "runs/\xc3\xa9",
                  .threads = 3,
                  .log = "debug",
                  .allow_injection = true,
                  .inject = {"product:bitflip:rate=0.5", "weights:bitflip:rate=1e-3:peer=2"},
                  .campaign = "faults/it's.toml",
                  .quiet = true,
                  .json = true};
  return config;
}

Result<Config> read_back(const std::string& text) {
  ConfigDraft draft;
  const Outcome read = read_toml(text, "test.toml", draft);
  if (!read) return read.failure();
  return settle(draft);
}

std::string failure_of(const std::string& text) {
  const auto config = read_back(text);
  if (!config) return config.failure().message;
  const Outcome valid = validate(*config);
  return valid ? "" : valid.failure().message;
}

std::string failure_of(const Config& config) {
  const Outcome valid = validate(config);
  return valid ? "" : valid.failure().message;
}

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

TEST(Config, DefaultsAreValid) { EXPECT_EQ(failure_of(Config{}), ""); }

TEST(Config, WrittenAndReadBackIsEqual) {
  ASSERT_EQ(failure_of(unusual()), "");
  for (const Config& config : {Config{}, unusual()}) {
    const auto again = read_back(to_toml(config));
    ASSERT_TRUE(again) << again.failure().message;
    EXPECT_TRUE(*again == config) << to_toml(config) << to_toml(*again);
  }
}

TEST(Config, EveryValueOfEveryFieldReadsBackAsItWas) {
  const std::uint32_t seed = 7;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  int read = 0;
  for (int trial = 0; trial < 300; ++trial) {
    for (const Field& field : fields()) {
      ConfigDraft written, again;
      std::visit(Scramble{random}, field.slot(written.config));
      if (!check_value(field, written.config)) continue;
      const Outcome outcome = read_toml(to_toml(written.config), "test.toml", again);
      ASSERT_TRUE(outcome) << outcome.failure().message << "\n" << to_toml(written.config);
      ASSERT_TRUE(again.config == written.config) << field.path();
      ++read;
    }
  }
  EXPECT_GT(read, 5000);
}

TEST(Config, UnusualDiffersFromTheDefaultInEveryField) {
  for (const Field& field : fields())
    EXPECT_NE(toml_value(field, unusual()), toml_value(field, Config{})) << field.path();
}

TEST(Config, EveryFieldIsInTheFileAndOnlyOnce) {
  const std::string text = "\n" + to_toml(Config{});
  for (const Field& field : fields()) {
    EXPECT_TRUE(contains(text, "\n[" + std::string(field.table) + "]\n")) << field.path();
    EXPECT_TRUE(contains(text, "\n" + std::string(field.key) + " = ")) << field.path();
    EXPECT_EQ(&field_at(field.path()), &field);
    if (!field.flag.empty()) {
      EXPECT_EQ(field_of_flag(field.flag), &field) << "two fields with one flag";
    }
  }
}

TEST(Config, TextFormOfEveryFieldSetsIt) {
  const Config source = unusual();
  for (const Field& field : fields()) {
    Config target;
    Slot slot = field.slot(target);
    const auto* words = std::get_if<std::vector<std::string>*>(&slot);
    const auto texts =
        words ? **std::get_if<std::vector<std::string>*>(&(slot = field.slot(const_cast<Config&>(source))))
              : std::vector<std::string>{text_value(field, source)};
    const Outcome set = set_from_text(field, texts, target);
    ASSERT_TRUE(set) << set.failure().message;
    EXPECT_EQ(toml_value(field, target), toml_value(field, source)) << field.path();
  }
}

TEST(Config, FewKeysAreEnough) {
  const auto config = read_back(
      "[shared.cluster]\nendpoints = [\"a:1\", \"b:1\", \"c:1\", \"d:1\", \"e:1\", \"f:1\", \"g:1\"]\n");
  ASSERT_TRUE(config) << config.failure().message;
  EXPECT_EQ(config->shared.peers, 7);
  EXPECT_EQ(config->shared.lr, 0.01);
  EXPECT_EQ(failure_of(*config), "");
}

TEST(Config, UnknownKeysNameTheNearestAndTheLine) {
  EXPECT_EQ(failure_of("[shared.training]\nlr = 1\nmomentun = 0\n"),
            "test.toml:3: no key shared.training.momentun; nearest: shared.training.momentum");
  EXPECT_TRUE(contains(failure_of("[shared.training]\nbatch_size = 1\n"), "nearest: shared.training.batch"));
  EXPECT_TRUE(contains(failure_of("[shared.training]\nlearning_rate = 1\n"), "nearest: shared.training.lr"));
  EXPECT_TRUE(contains(failure_of("lr = 1\n"), "nearest: shared.training.lr"));
  EXPECT_TRUE(
      contains(failure_of("[shared.netwrk]\n"), "no table [shared.netwrk]; nearest: [shared.network]"));
  EXPECT_TRUE(contains(failure_of("shared = 3\n"), "no key shared"));
  EXPECT_TRUE(contains(failure_of("[shared\n"), "test.toml:1: no valid TOML"));
}

TEST(Config, WrongTypesAndValuesNameKeyFlagAndLine) {
  EXPECT_EQ(failure_of("[shared.training]\n\nlr = \"fast\"\n"),
            "test.toml:3: shared.training.lr (--lr) = 'fast': must be a number");
  EXPECT_EQ(failure_of("[shared.training]\nmomentum = 1\n"),
            "test.toml:2: shared.training.momentum (--momentum) = 1: must be a number from 0 to below 1");
  EXPECT_TRUE(contains(failure_of("[shared.training]\nlr = nan\n"), "must be a number above 0"));
  EXPECT_TRUE(contains(failure_of("[shared.training]\nbatch = 1.5\n"), "must be a whole number"));
  EXPECT_TRUE(contains(failure_of("[shared.code]\ngrid = \"2y2\"\n"), "\"2x2x1\""));
  EXPECT_TRUE(contains(failure_of("[shared.network]\nhidden = [8, 0]\n"), "whole numbers from 1"));
  EXPECT_TRUE(contains(failure_of("[shared.network]\nhidden = 8\n"), "must be a list of whole numbers"));
  EXPECT_TRUE(contains(failure_of("[shared.code]\nname = \"polidot\"\n"), "nearest: polydot"));
  EXPECT_TRUE(contains(failure_of("[shared.network]\nactivation = \"relu\"\n"), "use smelu"));
}

TEST(Config, TooFewPeersNameTheSmallestNumberThatWorks) {
  Config config;
  config.shared.peers = 5;
  EXPECT_EQ(failure_of(config),
            "shared.code.peers (--peers) = 5: must be at least 6 for polydot on grid 2x2x1");
  config.shared.peers = 6;
  EXPECT_TRUE(contains(failure_of(config), "must be at most 0"));  // nothing is left for the margin
  config.shared.margin = 0;
  EXPECT_EQ(failure_of(config), "");
}

TEST(Config, WhatCannotWorkTogetherIsRefused) {
  const auto with = [](auto change) {
    Config config;
    change(config);
    return failure_of(config);
  };
  EXPECT_TRUE(contains(with([](Config& c) { c.shared.cluster_id = "xyz"; }), "32 digits"));
  EXPECT_TRUE(
      contains(with([](Config& c) { c.shared.endpoints = {"a:1"}; }), "1 entries, but there are 10 peers"));
  EXPECT_TRUE(contains(with([](Config& c) { c.shared.endpoints.assign(10, "a:1"); }), "listed twice"));
  EXPECT_TRUE(contains(with([](Config& c) { c.shared.endpoints.assign(10, "a"); }), "not an endpoint"));
  EXPECT_TRUE(contains(with([](Config& c) { c.shared.endpoints.assign(10, "a:0"); }), "port 0"));
  EXPECT_TRUE(contains(with([](Config& c) { c.shared.dataset = "idx"; }), "--data"));
  EXPECT_TRUE(contains(with([](Config& c) { c.local.bind = "nowhere"; }), "--bind"));
  EXPECT_TRUE(
      contains(with([](Config& c) { c.local.inject = {"product:bitflip:rate=1:peer=10"}; }), "no peer 10"));
  EXPECT_TRUE(contains(with([](Config& c) { c.local.inject = {"product"}; }), "--inject"));
}

TEST(Config, FlagsGoOverTheFileAndTheFileOverDefaults) {
  ConfigDraft draft;
  ASSERT_TRUE(read_toml("[shared.training]\nlr = 0.5\nbatch = 8\n", "test.toml", draft));
  ASSERT_TRUE(set_flag(*field_of_flag("--lr"), {"0.25"}, draft));
  const auto config = settle(draft);
  ASSERT_TRUE(config);
  EXPECT_EQ(config->shared.lr, 0.25);
  EXPECT_EQ(config->shared.batch, 8);
  EXPECT_EQ(config->shared.momentum, 0.9);
}

TEST(Config, EpochsByFlagOverrideStepsOfTheFile) {
  ConfigDraft draft;
  ASSERT_TRUE(read_toml("[shared.training]\nsteps = 100\n", "test.toml", draft));
  EXPECT_EQ(settle(draft)->shared.steps, 100);
  ASSERT_TRUE(set_flag(*field_of_flag("--epochs"), {"2"}, draft));
  EXPECT_EQ(settle(draft)->shared.steps, 0);
  ASSERT_TRUE(set_flag(*field_of_flag("--steps"), {"3"}, draft));
  EXPECT_FALSE(settle(draft));
}

TEST(Config, UncodedTakesAPeerForEachBlockUnlessTold) {
  ConfigDraft draft;
  ASSERT_TRUE(read_toml("[shared.code]\npeers = 10\ngrid = \"2x3\"\n", "test.toml", draft));
  ASSERT_TRUE(set_flag(*field_of_flag("--code"), {"uncoded"}, draft));
  const auto config = settle(draft);
  ASSERT_TRUE(config);
  EXPECT_EQ(config->shared.peers, 6);
  EXPECT_EQ(config->shared.margin, 0);  // nothing to spare
  EXPECT_EQ(failure_of(*config), "");
  ASSERT_TRUE(set_flag(*field_of_flag("--peers"), {"7"}, draft));
  EXPECT_EQ(settle(draft)->shared.peers, 7);
}

TEST(Config, DifferencesAreNamedByKey) {
  Config mine, theirs;
  EXPECT_EQ(first_difference(shared_lines(mine), shared_lines(theirs)), std::nullopt);
  theirs.local.threads = 8;
  EXPECT_EQ(first_difference(shared_lines(mine), shared_lines(theirs)), std::nullopt);
  theirs.shared.lr = 0.02;
  const Difference expected{"shared.training.lr", "0.01", "0.02"};
  EXPECT_EQ(first_difference(shared_lines(mine), shared_lines(theirs)), expected);
  EXPECT_EQ(disagreement(3, expected).kind, FailureKind::kDisagreement);
  EXPECT_EQ(disagreement(3, expected).message,
            "peer 3 has shared.training.lr = 0.02, here it is 0.01: start all peers from the same file, data "
            "and version");
}

TEST(Config, EverySharedFieldIsComparedAndNoLocalOne) {
  const SharedLines mine = shared_lines(Config{});
  for (const Field& field : fields()) {
    SharedLines theirs = mine;
    EXPECT_EQ(theirs.erase(field.path()), field.shared() ? 1U : 0U) << field.path();
    const auto difference = first_difference(mine, theirs);
    ASSERT_EQ(difference.has_value(), field.shared());
    if (difference) {
      EXPECT_EQ(difference->key, field.path());
    }
    EXPECT_EQ(first_difference(theirs, mine).has_value(), field.shared());
  }
}

TEST(Config, SharedLinesSurviveTheWire) {
  const SharedLines lines = shared_lines(unusual());
  EXPECT_EQ(parse_lines(to_text(lines)), lines);
  EXPECT_TRUE(parse_lines("no line of ours\n\n").empty());
}

TEST(Config, ClusterIdIsTwoWords) {
  SharedConfig shared;
  shared.cluster_id = "0123456789abcdeffedcba9876543210";
  EXPECT_EQ(cluster_words(shared), (protocol::ClusterId{0x0123456789abcdefU, 0xfedcba9876543210U}));
}

TEST(Words, EditDistanceIsTheTextbookOne) {
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
  EXPECT_EQ(edit_distance("epohcs", "epochs"), 1U);  // a swap of neighbours
}

TEST(Words, PartsAndInitialsAreNear) {
  EXPECT_EQ(nearest_word("batch-size", {"step-size", "batch"}), "batch");
  EXPECT_EQ(nearest_word("learning_rate", {"gamma", "lr"}), "lr");
  EXPECT_EQ(nearest_word("size", {"seed", "step_size"}), "step_size");
}

}  // namespace
}  // namespace polydot::node
