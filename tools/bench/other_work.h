// How busy the machine was with what is not ours while something was measured.
#pragma once

#include <string>

namespace polydot::bench {

// Processor time from now on: of the whole machine, and of this process and its children that have ended.
class OtherWork {
 public:
  OtherWork();
  // Processors that others have kept busy, on average; 0 if the system does not tell.
  double processors() const;
  // A sentence; it says when figures of wall time are not to be trusted.
  std::string text() const;

 private:
  struct Seconds {
    double wall = 0.0, machine = 0.0, own = 0.0;
  };
  static Seconds now();
  Seconds since_;
};

}  // namespace polydot::bench
