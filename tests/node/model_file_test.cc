#include "node/model/model_file.h"

#include <gtest/gtest.h>

#include <limits>

#include "dnn/data/strokes.h"
#include "dnn/reference/reference.h"
#include "node/data/dataset_loader.h"
#include "node/inputs/data_pair.h"
#include "node/model/safetensors.h"
#include "tests/node/scratch_folder.h"

namespace polydot::node {
namespace {

Model sample(codes::Index inputs = 784) {
  Model model;
  model.network =
      dnn::make_mlp(inputs, {5, 4}, 10, dnn::ActivationKind::kTanh, dnn::LossKind::kCrossEntropy).value();
  model.inputs.mean = Eigen::VectorXd::Constant(1, 33.3);
  model.inputs.deviation = Eigen::VectorXd::Constant(1, 78.9);
  model.inputs.classes = numbered_classes(10);
  model.weights = dnn::initial_weights(model.network, 3);
  for (dnn::Matrix& w : model.weights) w.rightCols(1).setRandom();
  model.about = {{"steps", "12"}};
  return model;
}

TEST(ModelFile, ReadsBackAsItWas) {
  const ScratchFolder folder;
  Model written = sample(6);
  InputDescription& inputs = written.inputs;
  inputs.mean = 1e9 + Eigen::VectorXd::Random(6).array();  // more digits than a float has
  inputs.deviation = Eigen::VectorXd::Random(6).cwiseAbs().array() + 0.1;
  inputs.limit = 32;
  inputs.classes.back() =
      "fran\xC3\xA7"
      "ais";
  inputs.columns = {"a", "b", "c", "d \"e\"", "", "f"};
  inputs.positions = {1, 2, 4, 5, 6, 8};
  inputs.label = "kind";
  inputs.label_position = 3;
  inputs.table_columns = 8;
  ASSERT_TRUE(write_model(folder / "m", written));
  const auto read = read_model(folder / "m");
  ASSERT_TRUE(read) << read.failure().message;
  EXPECT_EQ(read->network.inputs, 6);
  EXPECT_EQ(read->network.operations, written.network.operations);
  EXPECT_EQ(read->network.loss, written.network.loss);
  EXPECT_EQ(read->inputs.mean, inputs.mean);
  EXPECT_EQ(read->inputs.deviation, inputs.deviation);
  EXPECT_EQ(read->inputs.limit, inputs.limit);
  EXPECT_EQ(read->inputs.classes, inputs.classes);
  EXPECT_EQ(read->inputs.columns, inputs.columns);
  EXPECT_EQ(read->inputs.positions, inputs.positions);
  EXPECT_EQ(read->inputs.label, inputs.label);
  EXPECT_EQ(read->inputs.label_position, 3);
  EXPECT_EQ(read->inputs.table_columns, 8);
  EXPECT_EQ(read->weights, written.weights);
  EXPECT_EQ(read->about, written.about);
}

TEST(ModelFile, WhatIsNoModelIsRefused) {
  const ScratchFolder folder;
  ASSERT_TRUE(write_model(folder / "m", sample()));
  const SafeTensors good = read_safetensors(folder / "m").value();
  const auto refused = [&](auto change, std::string_view part) {
    SafeTensors bad = good;
    change(bad);
    ASSERT_TRUE(write_safetensors(folder / "bad", bad));
    expect_data_failure(read_model(folder / "bad"), {"/bad: is no model", part});
  };
  refused([](SafeTensors& f) { f.metadata.clear(); }, "saved it again has dropped them");
  refused([](SafeTensors& f) { f.metadata["classes"] = "[1,2]"; }, "other classes");
  refused([](SafeTensors& f) { f.metadata["table"] = R"({"columns":[],"positions":[1]})"; },
          "columns of a table");
  refused([](SafeTensors& f) { f.metadata["network"] = "{}"; }, "no network");
  refused([](SafeTensors& f) { f.metadata["network"] = R"({"inputs":-1,"operations":[],"loss":"mse"})"; },
          "no network");
  refused([](SafeTensors& f) { f.metadata["network"] = R"({"inputs":1,"operations":[],"loss":"mse"})"; }, "");
  refused([](SafeTensors& f) { f.metadata["network"] = R"({"inputs":1,"operations":[7],"loss":"mse"})"; },
          "no network");
  refused([](SafeTensors& f) { f.metadata.erase("standardisation"); }, "standardisation");
  refused([](SafeTensors& f) { f.metadata["standardisation"] = R"({"mean":[0],"deviation":[0]})"; },
          "standardisation");
  refused([](SafeTensors& f) { f.metadata["standardisation"] = R"({"mean":[0,1],"deviation":[1,1]})"; },
          "standardisation");
  refused([](SafeTensors& f) { f.tensors.erase("layers.1.bias"); }, "layers.1.weight");
  refused(
      [](SafeTensors& f) {
        std::swap(f.tensors["layers.1.weight"].shape[0], f.tensors["layers.1.weight"].shape[1]);
      },
      "layers.1.weight");
}

// Against the obvious: one sample after the other.
TEST(ModelFile, EqualPredictionsAreTheShareOfTheSamples) {
  const Model model = sample();
  const dnn::Dataset data = dnn::make_strokes(dnn::StrokesPart::kTest, 300);
  std::vector<dnn::Matrix> other = model.weights;
  other.back().topRows(5) *= 0.5F;
  dnn::Reference<float> a(model.network, {}, 0), b(model.network, {}, 0);
  a.weights() = model.weights, b.weights() = other;
  codes::Index equal = 0;
  for (std::uint32_t k = 0; k < static_cast<std::uint32_t>(data.count()); ++k) {
    dnn::Matrix x;
    data.gather(std::vector<std::uint32_t>{k}, x);
    codes::Index of_a = 0, of_b = 0;
    a.forward(x).col(0).maxCoeff(&of_a), b.forward(x).col(0).maxCoeff(&of_b);
    equal += of_a == of_b;
  }
  EXPECT_GT(equal, 0);
  EXPECT_LT(equal, data.count());
  EXPECT_DOUBLE_EQ(equal_predictions(model.network, model.weights, other, data),
                   static_cast<double>(equal) / static_cast<double>(data.count()));
  EXPECT_EQ(equal_predictions(model.network, other, other, data), 1.0);
  other.back()(0, 0) = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(equal_predictions(model.network, other, other, data), 0.0) << "what is no number has no class";
}

// A model from before classes were kept.
TEST(ModelFile, WithoutClassesTheyAreNumbered) {
  const ScratchFolder folder;
  ASSERT_TRUE(write_model(folder / "m", sample()));
  SafeTensors file = read_safetensors(folder / "m").value();
  EXPECT_EQ(file.metadata.at("network").find(R"({"activation":"tanh"})") == std::string::npos, false);
  file.metadata.erase("classes");
  ASSERT_TRUE(write_safetensors(folder / "m", file));
  EXPECT_EQ(read_model(folder / "m")->inputs.classes, numbered_classes(10));
}

TEST(ModelFile, ItsActivationHasItsParameters) {
  const ScratchFolder folder;
  Model model = sample();
  model.network =
      dnn::make_mlp(784, {5, 4}, 10, dnn::ActivationKind::kSmelu, dnn::LossKind::kCrossEntropy).value();
  ASSERT_TRUE(write_model(folder / "m", model));
  SafeTensors file = read_safetensors(folder / "m").value();
  std::string& network = file.metadata.at("network");
  const std::size_t at = network.find(R"({"activation":"smelu","beta":0.5})");
  ASSERT_NE(at, std::string::npos) << network;
  network.replace(at, 33, R"({"activation":"smelu","beta":0.1})");
  ASSERT_TRUE(write_safetensors(folder / "m", file));
  expect_data_failure(read_model(folder / "m"), {"no network"});
}

TEST(LoadForModel, DataThatDoNotFitAreRefused) {
  const Model model = sample();
  ASSERT_TRUE(load_for_model(model.inputs, 784, {"strokes"}));
  expect_data_failure(load_for_model(model.inputs, 7, {"strokes"}), {"784 numbers", "7 inputs"});
  InputDescription few = model.inputs;
  few.classes = numbered_classes(4);
  expect_data_failure(load_for_model(few, 784, {"strokes"}), {"none of the 4 classes"});
}

// Pictures for a model whose inputs were scaled one by one, and the other way round.
TEST(LoadForModel, TheModelsScalingCounts) {
  InputDescription each = sample().inputs;
  each.mean = Eigen::VectorXd::LinSpaced(784, 1, 100);
  each.deviation = Eigen::VectorXd::Constant(784, 50);
  const auto data = load_for_model(each, 784, {"strokes"});
  ASSERT_TRUE(data);
  Eigen::MatrixXf x;
  data->gather(std::vector<std::uint32_t>{5}, x);
  const dnn::Dataset raw = dnn::make_strokes(dnn::StrokesPart::kTest, 6);
  for (Eigen::Index k = 0; k < 784; ++k)
    EXPECT_EQ(x(k), static_cast<float>(each.input(raw.bytes()[static_cast<std::size_t>(5 * 784 + k)], k)));
}

}  // namespace
}  // namespace polydot::node
