#include "tools/command_plan.h"

#include <cstdint>
#include <cstdio>
#include <iterator>
#include <span>

#include <fmt/format.h>

#include "node/files/data_files.h"
#include "tools/commands.h"
#include "tools/exit_code.h"
#include "tools/free_name.h"
#include "tools/measure.h"
#include "tools/plan_report.h"
#include "tools/plan_search.h"
#include "tools/plan_table.h"

namespace polydot::tools {
namespace {

// Row by row; a vector is written as one row.
std::string list_json(const Eigen::Ref<const codes::VectorD, 0, Eigen::InnerStride<>>& values) {
  std::string text = "[";
  for (codes::Index k = 0; k < values.size(); ++k)
    fmt::format_to(std::back_inserter(text), "{}{:.17g}", k == 0 ? "" : ", ", values(k));
  return text + "]";
}

std::string matrix_json(const codes::MatrixD& matrix) {
  std::string text = "[";
  for (codes::Index r = 0; r < matrix.rows(); ++r) {
    text += r == 0 ? "" : ", ";
    text += list_json(matrix.row(r).transpose());
  }
  return text + "]";
}

std::string pass_json(const codes::Pass& pass) {
  return fmt::format(R"({{"K": {}, "generator": {}, "extractor": {}}})", pass.code.recovery_threshold,
                     matrix_json(pass.code.generator), matrix_json(pass.code.extractor));
}

std::string shard_json(const std::string& prefix, const codes::ShardCode& shard) {
  return fmt::format(
      "\"{0}weight_encoder\": {1},\n\"{0}update_delta_encoder\": {2},\n\"{0}update_input_encoder\": {3},\n",
      prefix, matrix_json(shard.encoder), matrix_json(shard.update_rows), matrix_json(shard.update_columns));
}

Outcome write_matrices(const std::string& json, const std::string& path) {
  const std::span<const std::uint8_t> bytes(reinterpret_cast<const std::uint8_t*>(json.data()), json.size());
  const Outcome written = node::write_file_atomically(path, {}, bytes);
  if (!written) return usage_failure("--matrices " + written.failure().message);
  return Unit{};
}

}  // namespace

std::string matrices_json(const codes::ProductCode& code) {
  const codes::Pass& forward = code.pass(codes::PassKind::kForward);
  const codes::Pass& backward = code.pass(codes::PassKind::kBackward);
  const auto shard = [&](const codes::Pass& pass) {
    return code.shards[static_cast<std::size_t>(pass.shard)];
  };
  std::string text = fmt::format("{{\"m\": {}, \"n\": {}, \"d\": {}, \"P\": {},\n\"points\": {},\n", code.m,
                                 code.n, code.d, code.peers(), list_json(code.points));
  text += shard_json("", shard(forward));
  if (backward.shard != forward.shard) text += shard_json("backward_", shard(backward));
  text += fmt::format("\"input_encoder\": {},\n\"delta_encoder\": {},\n",
                      matrix_json(forward.operand_encoder), matrix_json(backward.operand_encoder));
  return text +
         fmt::format("\"forward\": {},\n\"backward\": {}}}\n", pass_json(forward), pass_json(backward));
}

namespace {

struct Rates {
  Calibration values;
  std::string source;
};

Result<Rates> rates_for(const PlanHardware& hardware) {
  const std::string& file = hardware.calibration;
  if (hardware.measure) {
    const auto measured = measure_machine();
    if (!measured) return measured.failure();
    if (!file.empty()) {
      if (const Outcome written = write_calibration(*measured, file); !written) return written.failure();
    }
    return Rates{*measured, "measured here"};
  }
  if (file.empty()) return Rates{Calibration{}, "built in (--measure asks this machine)"};
  const auto read = read_calibration(file);
  if (!read) return read.failure();
  return Rates{*read, file};
}

int run_ranking(const PlanRequest& request) {
  const auto rates = rates_for(request.hardware);
  if (!rates) return report(rates.failure());
  const Hardware hardware = hardware_of(request, rates->values);
  const Ranking ranking = rank_plans(request.wishes, workload_of(request), hardware);
  std::fputs(text_of(ranking, request, hardware, rates->source).c_str(), stdout);
  if (request.hardware.measure && request.hardware.calibration.empty())
    std::fputs(fmt::format("\n{}", to_toml(rates->values)).c_str(), stdout);
  if (!ranking.plans.empty()) return kExitDone;
  return report({FailureKind::kNotReached, "no plan meets what is wished"});
}

// Before anything is measured or computed.
Outcome check_files(const PlanRequest& request) {
  const PlanHardware& hardware = request.hardware;
  if (hardware.measure && !hardware.calibration.empty())
    if (Outcome free = check_free(hardware.calibration, request.force, "--calibration"); !free) return free;
  if (request.matrices.empty() || request.matrices == "-") return Unit{};
  return check_free(request.matrices, request.force, "--matrices");
}

}  // namespace

int run_plan(const PlanRequest& request) {
  if (const Outcome free = check_files(request); !free) return report(free.failure());
  if (request.rank) return run_ranking(request);
  const auto code = codes::make_code(request.shared.code, request.shared.grid, request.shared.peers);
  if (!code) return report(code.failure());
  if (request.matrices == "-") {
    std::fputs(matrices_json(*code).c_str(), stdout);
    return kExitDone;
  }
  const auto plan = make_plan_report(request);
  if (!plan) return report(plan.failure());
  std::string text = text_of(*plan);
  if (request.hardware.given) {
    const auto rates = rates_for(request.hardware);
    if (!rates) return report(rates.failure());
    const Hardware hardware = hardware_of(request, rates->values);
    const Workload work = workload_of(request);
    text += text_of(predict(shape_of(*code), work, hardware), predict_alone(work, hardware), request,
                    hardware, rates->source);
    if (request.hardware.measure && request.hardware.calibration.empty())
      text += fmt::format("\n{}", to_toml(rates->values));
  }
  if (!request.matrices.empty()) {
    if (const Outcome written = write_matrices(matrices_json(*code), request.matrices); !written)
      return report(written.failure());
    text += fmt::format("\nmatrices: {}\n", request.matrices);
  }
  std::fputs(text.c_str(), stdout);
  return kExitDone;
}

}  // namespace polydot::tools
