// Where the processor time of a thread goes, by kind of work: with more processes than processors the time on
// the wall says little. Costs two readings of a clock a piece of work (0.2 us each), and one comparison where
// nobody listens.
//
// Every moment of a listening thread belongs to one kind: that of the innermost WorkScope, kOther outside.
#pragma once

#include <array>
#include <cstddef>

namespace polydot::codes {

enum class Work {
  kEncode = 0,  // operands
  kProduct,     // with the own shard; scrubs
  kDecode,      // combining contributions: what is wanted, and the parities in the same product
  kCheck,       // examining parities, locating, correcting
  kActivation,  // batches, activations, losses and their gradients
  kUpdate,      // of the own shards, encoding included
  kReceive,     // taking frames, their checksums, storing
  kSend,        // making frames, their checksums, handing them over
  kOther,
  kIdle,  // waiting for others; the time on the wall
};
inline constexpr std::size_t kWorkKinds = 10;
const char* name_of(Work work);

class WorkProfile {
 public:
  // What time it is for work of a kind, in seconds: of the processor, or for kIdle on the wall. This room has
  // no clock of its own.
  using Clock = double (*)(Work);
  using Seconds = std::array<double, kWorkKinds>;

  explicit WorkProfile(Clock clock) : clock_(clock), since_(clock(now_)) {}
  // The kind so far.
  Work enter(Work next);
  // Since the last time, or the beginning.
  Seconds take();

 private:
  Clock clock_;
  Seconds seconds_{};
  Work now_ = Work::kOther;
  double since_;
};

// While it lives, the calling thread's work is counted in `profile`. They nest.
class WorkListener {
 public:
  explicit WorkListener(WorkProfile& profile);
  ~WorkListener();
  WorkListener(const WorkListener&) = delete;
  WorkListener& operator=(const WorkListener&) = delete;

 private:
  WorkProfile* before_;
};

class WorkScope {
 public:
  explicit WorkScope(Work work);
  ~WorkScope();
  WorkScope(const WorkScope&) = delete;
  WorkScope& operator=(const WorkScope&) = delete;

 private:
  WorkProfile* profile_;
  Work before_ = Work::kOther;
};

}  // namespace polydot::codes
