// Expected failures are values that must be looked at; bugs are not (see check.h).
#pragma once

#include <string>
#include <utility>
#include <variant>

#include "codes/base/check.h"

namespace polydot {

// The kinds of expected failure. The values are the exit codes of the process.
enum class FailureKind {
  kNotReached = 1,  // ran, but the result was not reached
  kUsage = 2,       // usage or configuration
  kData = 3,
  kNetwork = 4,
  kDisagreement = 5,  // peers disagree about what they must share
  kRefused = 6,       // beyond the budget, with nothing to roll back to
};

struct Failure {
  FailureKind kind = FailureKind::kUsage;
  std::string message;  // one line: what, where, what to do
};

inline Failure usage_failure(std::string message) { return {FailureKind::kUsage, std::move(message)}; }
inline Failure data_failure(std::string message) { return {FailureKind::kData, std::move(message)}; }
inline Failure network_failure(std::string message) { return {FailureKind::kNetwork, std::move(message)}; }

// A value or a Failure. Reading the wrong one is a bug.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT: implicit by design
  Result(Failure failure) : state_(std::in_place_index<1>, std::move(failure)) {}  // NOLINT

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  T& value() & { return require(), std::get<0>(state_); }
  const T& value() const& { return require(), std::get<0>(state_); }
  T&& value() && { return require(), std::get<0>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  const Failure& failure() const {
    POLYDOT_CHECK(!ok());
    return std::get<1>(state_);
  }

 private:
  void require() const {
    if (!ok()) internal_bug(std::get<1>(state_).message);
  }
  [[noreturn]] static void internal_bug(const std::string& message) {
    std::cerr << "broken invariant: the failure \"" << message << "\" was not looked at" << std::endl;
    std::abort();
  }
  std::variant<T, Failure> state_;
};

struct Unit {};
// Success without a value, or a Failure.
using Outcome = Result<Unit>;

}  // namespace polydot
