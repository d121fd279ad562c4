#include "node/model_file.h"

#include <gtest/gtest.h>

#include <limits>

#include "dnn/reference.h"
#include "dnn/strokes.h"
#include "node/safetensors.h"
#include "tests/node/scratch_folder.h"

namespace polydot::node {
namespace {

Model sample(codes::Index inputs = 784) {
  Model model;
  model.network =
      dnn::make_mlp(inputs, {5, 4}, 10, dnn::ActivationKind::kTanh, dnn::LossKind::kCrossEntropy).value();
  model.standardisation = {Eigen::VectorXf::Constant(1, 33.3f), Eigen::VectorXf::Constant(1, 78.9f)};
  model.weights = dnn::initial_weights(model.network, 3);
  for (dnn::Matrix& w : model.weights) w.rightCols(1).setRandom();
  model.about = {{"steps", "12"}};
  return model;
}

TEST(ModelFile, ReadsBackAsItWas) {
  const ScratchFolder folder;
  Model written = sample(6);
  written.standardisation = {Eigen::VectorXf::Random(6),
                             Eigen::VectorXf::Random(6).cwiseAbs().array() + 0.1f};
  ASSERT_TRUE(write_model(folder / "m", written));
  const auto read = read_model(folder / "m");
  ASSERT_TRUE(read) << read.failure().message;
  EXPECT_EQ(read->network.inputs, 6);
  EXPECT_EQ(read->network.operations, written.network.operations);
  EXPECT_EQ(read->network.loss, written.network.loss);
  EXPECT_EQ(read->standardisation.mean, written.standardisation.mean);
  EXPECT_EQ(read->standardisation.deviation, written.standardisation.deviation);
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
  refused([](SafeTensors& f) { f.metadata.erase("network"); }, "no network");
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

TEST(ModelFile, DataThatDoNotFitAreRefused) {
  const dnn::Dataset digits = dnn::make_strokes(dnn::StrokesPart::kTest, 20);
  ASSERT_TRUE(evaluate(sample(), digits));
  expect_data_failure(evaluate(sample(7), digits), {"784 features", "takes 7"});
  Model few = sample();
  few.network = dnn::make_mlp(784, {5}, 4, dnn::ActivationKind::kTanh, dnn::LossKind::kCrossEntropy).value();
  few.weights = dnn::initial_weights(few.network, 3);
  expect_data_failure(evaluate(few, digits), {"10 classes", "knows 4"});
  Model floats = sample();
  floats.standardisation = {Eigen::VectorXf::Zero(784), Eigen::VectorXf::Ones(784)};
  expect_data_failure(evaluate(floats, digits), {"standardised"});
}

}  // namespace
}  // namespace polydot::node
