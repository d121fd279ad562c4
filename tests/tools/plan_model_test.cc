// The planner's cost model: its shapes are those of the codes, its costs obey the laws of costs, and what it
// counts is what the report counts.
#include <gtest/gtest.h>

#include <vector>

#include "tools/code_shape.h"
#include "tools/plan_model.h"
#include "tools/plan_report.h"

namespace polydot::tools {
namespace {

using codes::Grid;
using codes::Index;
using codes::PassKind;

CodeShape shape(const std::string& name, Grid grid, Index peers) {
  const auto found = shape_of(name, grid, peers);
  EXPECT_TRUE(found) << name << " " << peers;
  return found.value_or(CodeShape{});
}

Workload work(std::vector<Index> hidden = {1024}, Index batch = 128) {
  return {.inputs = 784, .hidden = std::move(hidden), .classes = 10, .batch = batch, .momentum = true};
}

Hardware hosts(Index count, Index cores, double link_gbit) {
  Hardware hardware;
  hardware.hosts = count, hardware.cores = cores, hardware.link_bytes_s = link_gbit * 1.25e8;
  return hardware;
}

TEST(CodeShape, IsThatOfTheCodeWithoutMakingIt) {
  int codes = 0;
  for (const char* name : {"polydot", "monomial", "mds", "replication", "uncoded"})
    for (Index m = 1; m <= 3; ++m)
      for (Index n = 1; n <= 3; ++n)
        for (Index d = 1; d <= 2; ++d)
          for (const Index peers : {1, 4, 6, 9, 12, 22}) {
            const auto code = codes::make_code(name, {m, n, d}, peers);
            const auto light = shape_of(name, {m, n, d}, peers);
            // A code may also be refused for what its numbers come to; monomials soon are.
            if (std::string(name) != "monomial") {
              EXPECT_EQ(code.ok(), light.has_value()) << name << peers;
            }
            if (!code || !light) continue;
            ++codes;
            EXPECT_EQ(*light, shape_of(*code)) << name << " " << m << n << d << " " << peers;
            const codes::Shape weights{65, 130};
            for (const PassKind kind : {PassKind::kForward, PassKind::kBackward})
              EXPECT_EQ(light->payload(kind, weights, 7),
                        codes::contribution_shape(*code, code->pass(kind), weights, 7));
          }
  EXPECT_GT(codes, 100);
}

TEST(PlanModel, CountsTheBytesAndShardsThatTheReportCounts) {
  for (const auto& [name, grid, peers] : {std::tuple{"polydot", Grid{2, 2, 1}, 10},
                                          {"mds", Grid{3, 2, 1}, 7},
                                          {"replication", Grid{2, 2, 1}, 8}}) {
    PlanRequest request;
    request.shared.code = name, request.shared.grid = grid, request.shared.peers = peers;
    request.shared.hidden = {64, 32}, request.shared.batch = 16;
    const auto report = make_plan_report(request).value();
    const Workload network{784, {64, 32}, 10, 16, true};
    const Prediction cost = predict(shape(name, grid, peers), network, hosts(1, 2, 0));
    // The report counts payloads without the scrubs, and memory of weights and momentum alone.
    EXPECT_GT(cost.sent_bytes, report.cost.sent_bytes) << name;
    EXPECT_LT(cost.sent_bytes, 1.2 * report.cost.sent_bytes) << name;
    EXPECT_GT(cost.memory_bytes, report.cost.memory_bytes) << name;
  }
}

TEST(PlanModel, MorePeersSendMoreAndTakeLongerOnOneHost) {
  Prediction before;
  for (Index peers = 7; peers <= 36; ++peers) {
    const Prediction cost = predict(shape("polydot", {2, 2, 1}, peers), work(), hosts(1, 2, 0));
    EXPECT_GT(cost.sent_bytes, before.sent_bytes);
    EXPECT_GT(cost.step_ms, before.step_ms);
    EXPECT_GT(cost.host_memory_bytes, before.host_memory_bytes);
    before = cost;
  }
}

TEST(PlanModel, ASlowerLinkIsNeverFaster) {
  for (const Index count : {2, 5, 10, 20}) {
    double before = 0.0;
    for (const double gbit : {100.0, 25.0, 10.0, 2.5, 1.0, 0.1}) {
      const Prediction cost = predict(shape("polydot", {2, 2, 1}, 10), work(), hosts(count, 2, gbit));
      EXPECT_GT(cost.step_ms, before) << count << " hosts, " << gbit;
      before = cost.step_ms;
    }
  }
}

TEST(PlanModel, TheLinkTakesWhatRemotePeersSend) {
  const CodeShape code = shape("polydot", {2, 2, 1}, 10);
  EXPECT_EQ(predict(code, work(), hosts(1, 2, 1)).link_bytes, 0.0);
  // A peer a host: all that it receives. Two hosts of five: what five receive from five.
  const Prediction ten = predict(code, work(), hosts(10, 2, 1)), two = predict(code, work(), hosts(2, 2, 1));
  EXPECT_DOUBLE_EQ(ten.link_bytes, ten.sent_bytes);
  EXPECT_DOUBLE_EQ(two.link_bytes, two.sent_bytes * 25 / 9);
  // Nothing hides where every peer has a core of its own: the link's time is on top.
  EXPECT_DOUBLE_EQ(ten.wire_ms, 1e3 * ten.link_bytes / 1.25e8);
  EXPECT_LT(two.wire_ms, 1e3 * two.link_bytes / 1.25e8);
}

// Large payloads, between peers of one host; small ones and those of other hosts take the socket.
TEST(PlanModel, MemoryIsSharedOnOneHost) {
  const CodeShape code = shape("polydot", {2, 2, 1}, 10);
  const auto transport_ms = [&](Index count, double byte_ns, double shared_ns) {
    Hardware hardware = hosts(count, 2, 1);
    hardware.rates.message_us = hardware.rates.peer_us = 0.0;
    hardware.rates.byte_ns = byte_ns, hardware.rates.shared_ns = shared_ns;
    return predict(code, work(), hardware).transport_ms;
  };
  const double sockets = transport_ms(1, 1.0, 1.0);
  EXPECT_DOUBLE_EQ(transport_ms(10, 1.0, 0.0), sockets) << "a peer a host";
  const double small = transport_ms(1, 1.0, 0.0);
  EXPECT_GT(small, 0.0);
  EXPECT_LT(small, 0.05 * sockets);
  EXPECT_DOUBLE_EQ(transport_ms(2, 1.0, 0.0), small + (sockets - small) * 5 / 9) << "five of nine are remote";
}

TEST(PlanModel, ProductsScaleWithTheirArithmetic) {
  const CodeShape code = shape("polydot", {2, 2, 1}, 10);
  Hardware slow = hosts(1, 2, 0), fast = slow;
  // Nothing but arithmetic, then at twice the rate.
  slow.rates.panel_gbs = slow.rates.memory_gbs = slow.rates.encode_gbs = 1e9;
  fast.rates = with_product_rate(slow.rates, 2.0 * slow.rates.product_gflops);
  const Workload one = work({2048, 2048}), two = work({2048, 2048}, 256);
  const Prediction before = predict(code, one, slow), after = predict(code, one, fast);
  EXPECT_NEAR(after.product_ms, before.product_ms / 2.0, 1e-3 * before.product_ms);
  EXPECT_NEAR(after.update_ms, before.update_ms / 2.0, 1e-3 * before.update_ms);
  EXPECT_NEAR(predict(code, two, slow).product_ms, 2.0 * before.product_ms, 1e-3 * before.product_ms);
}

TEST(PlanModel, ProcessorTimeIsTheSumOfItsPartsOverTheCoresOfAHost) {
  const CodeShape code = shape("mds", {4, 4, 1}, 8);
  for (const Index cores : {1, 2, 4, 8, 16}) {
    const Prediction cost = predict(code, work(), hosts(1, cores, 0));
    const auto all = static_cast<double>(cores);
    const double waves = cores < 8 ? 8.0 / all + 0.5 * (1.0 - 1.0 / all) : 1.0;
    EXPECT_NEAR(cost.compute_ms, waves * cost.processor_ms(), 1e-9 * cost.compute_ms) << cores;
  }
}

TEST(PlanModel, MomentumCostsMemoryAndTime) {
  Workload plain = work(), heavy = work();
  plain.momentum = false;
  const CodeShape code = shape("polydot", {2, 2, 1}, 10);
  const Prediction before = predict(code, plain, hosts(1, 2, 0)),
                   after = predict(code, heavy, hosts(1, 2, 0));
  EXPECT_GT(after.update_ms, before.update_ms);
  EXPECT_GT(after.memory_bytes, before.memory_bytes);
}

TEST(PlanModel, OneMachineSendsNothingAndUsesItsCores) {
  const Prediction one = predict_alone(work(), hosts(1, 1, 0)), four = predict_alone(work(), hosts(1, 4, 0));
  EXPECT_EQ(one.sent_bytes, 0.0);
  EXPECT_DOUBLE_EQ(one.step_ms, one.processor_ms());
  EXPECT_LT(four.step_ms, one.step_ms);
  EXPECT_GE(four.step_ms, one.step_ms / 4.0);
  // The same arithmetic as a single uncoded peer.
  EXPECT_NEAR(one.product_ms, predict(shape("uncoded", {1, 1, 1}, 1), work(), hosts(1, 1, 0)).product_ms,
              1e-9 * one.product_ms);
}

}  // namespace
}  // namespace polydot::tools
