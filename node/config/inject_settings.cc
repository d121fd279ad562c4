#include "node/config/inject_settings.h"

#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "node/config/fault_models.h"
#include "node/text/config_words.h"

namespace polydot::node {
namespace {

using codes::PassKind;
using codes::Stage;

template <typename Number>
bool read_number(std::string_view text, Number& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() && !text.empty();
}

const char* set_rate(std::string_view value, InjectSpec& spec) {
  const bool right = read_number(value, spec.rate.emplace()) && *spec.rate >= 0 && *spec.rate <= 1;
  return right ? nullptr : "a probability from 0 to 1";
}

const char* set_peers(std::string_view value, InjectSpec& spec) {
  for (const std::string_view piece : split(value, '+'))
    if (std::int64_t& peer = spec.peers.emplace_back(); !read_number(piece, peer) || peer < 0)
      return "the index of a peer, or several as in 0+3+5";
  return nullptr;
}

std::string text_of_peers(const InjectSpec& spec) { return fmt::format("{}", fmt::join(spec.peers, "+")); }

const char* set_steps(std::string_view value, InjectSpec& spec) {
  const auto dash = value.find('-');
  const bool right =
      dash != std::string_view::npos && read_number(value.substr(0, dash), spec.first_step.emplace()) &&
      read_number(value.substr(dash + 1), spec.last_step.emplace()) && *spec.first_step <= *spec.last_step;
  return right ? nullptr : "A-B, the first and the last step";
}

const char* set_step(std::string_view value, InjectSpec& spec) {
  if (!read_number(value, spec.first_step.emplace())) return "a step, counted from 0";
  spec.last_step = spec.first_step;
  return nullptr;
}

std::string text_of_steps(const InjectSpec& spec) {
  return spec.first_step ? fmt::format("{}-{}", *spec.first_step, *spec.last_step) : "";
}

// step=S is read, and written as steps=S-S.
std::string no_text(const InjectSpec&) { return ""; }

const char* set_pass(std::string_view value, InjectSpec& spec) {
  spec.pass = value == "forward" ? PassKind::kForward : PassKind::kBackward;
  return value == "forward" || value == "backward" ? nullptr : "forward or backward";
}

std::string text_of_pass(const InjectSpec& spec) {
  return !spec.pass ? "" : *spec.pass == PassKind::kForward ? "forward" : "backward";
}

template <auto Member>
const char* set_index(std::string_view value, InjectSpec& spec) {
  const bool right =
      read_number(value, (spec.*Member).emplace()) && *(spec.*Member) <= INT32_MAX && !value.starts_with('-');
  return right ? nullptr : "a whole number, counted from 0";
}

const char* set_seed(std::string_view value, InjectSpec& spec) {
  return read_number(value, spec.seed.emplace()) ? nullptr : "a whole number, 0 or more";
}

const char* set_every(std::string_view value, InjectSpec& spec) {
  return read_number(value, spec.every.emplace()) && *spec.every > 0 ? nullptr
                                                                     : "a whole number of steps, 1 or more";
}

const char* set_bit(std::string_view value, InjectSpec& spec) {
  return read_number(value, spec.bit.emplace()) && *spec.bit < 32
             ? nullptr
             : "a bit from 0, the lowest, to 31, the sign";
}

const char* set_bits(std::string_view value, InjectSpec& spec) {
  const bool right = read_number(value, spec.bits.emplace()) && *spec.bits >= 1 && *spec.bits <= 32;
  return right ? nullptr : "how many bits, from 1 to 32";
}

const char* set_factor(std::string_view value, InjectSpec& spec) {
  return read_number(value, spec.factor.emplace()) && std::isfinite(*spec.factor) ? nullptr : "a number";
}

const char* set_times(std::string_view value, InjectSpec& spec) {
  const bool right =
      read_number(value, spec.times.emplace()) && std::isfinite(*spec.times) && *spec.times > 0;
  return right ? nullptr : "a number above 0, of noise floors";
}

template <bool InjectSpec::*Member>
const char* set_switch(std::string_view value, InjectSpec& spec) {
  spec.*Member = value == "1";
  return value == "0" || value == "1" ? nullptr : "0 or 1";
}

template <bool InjectSpec::*Member>
std::string text_of_switch(const InjectSpec& spec) {
  return spec.*Member ? "1" : "";
}

template <auto Member>
std::string text_of(const InjectSpec& spec) {
  return spec.*Member ? fmt::format("{}", *(spec.*Member)) : "";
}

bool always(const InjectSpec&) { return true; }
// What is sent knows its slot only.
bool has_layer(const InjectSpec& spec) { return spec.stage != Stage::kContribution; }
bool has_pass(const InjectSpec& spec) {
  return spec.stage == Stage::kEncode || spec.stage == Stage::kProduct || spec.stage == Stage::kDecode;
}
bool chooses_row(const InjectSpec& spec) {
  return acts_on_one_element(spec.model) || spec.model == FaultModel::kRow;
}
bool chooses_column(const InjectSpec& spec) {
  return acts_on_one_element(spec.model) || spec.model == FaultModel::kColumn;
}
bool chooses_bit(const InjectSpec& spec) {
  return spec.model == FaultModel::kBitFlip || spec.model == FaultModel::kSticky ||
         spec.model == FaultModel::kBadCore;
}
bool takes_factor(const InjectSpec& spec) {
  return spec.model == FaultModel::kScale || spec.model == FaultModel::kCorrelated;
}
template <FaultModel Model>
bool is_model(const InjectSpec& spec) {
  return spec.model == Model;
}

using S = InjectSpec;
// clang-format off
constexpr InjectSetting kSettings[] = {
    {"rate", "", set_rate, text_of<&S::rate>, always},
    {"peer", "peers", set_peers, text_of_peers, always},
    {"step", "", set_step, no_text, always},
    {"steps", "", set_steps, text_of_steps, always},
    {"every", "", set_every, text_of<&S::every>, always},
    {"slot", "", set_index<&S::slot>, text_of<&S::slot>, always},
    {"layer", "", set_index<&S::layer>, text_of<&S::layer>, has_layer},
    {"pass", "", set_pass, text_of_pass, has_pass},
    {"row", "", set_index<&S::row>, text_of<&S::row>, chooses_row},
    {"col", "", set_index<&S::col>, text_of<&S::col>, chooses_column},
    {"bit", "", set_bit, text_of<&S::bit>, chooses_bit},
    {"bits", "", set_bits, text_of<&S::bits>, is_model<FaultModel::kKBits>},
    {"factor", "", set_factor, text_of<&S::factor>, takes_factor},
    {"times", "", set_times, text_of<&S::times>, is_model<FaultModel::kFloor>},
    {"proportional", "", set_switch<&S::proportional>, text_of_switch<&S::proportional>, is_model<FaultModel::kCorrelated>},
    {"sticky", "", set_switch<&S::sticky>, text_of_switch<&S::sticky>, always},
    {"seed", "", set_seed, text_of<&S::seed>, always},
};
// clang-format on

}  // namespace

std::span<const InjectSetting> inject_settings() { return kSettings; }

}  // namespace polydot::node
