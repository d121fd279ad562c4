// The file of all injections of one peer: a JSON line each. Nothing in the training path opens it.
#pragma once

#include <string>

#include "codes/base/result.h"
#include "node/faults/injection.h"
#include "node/files/record_file.h"

namespace polydot::node {

class InjectionLog {
 public:
  // path: empty: none is kept. Failure: kData.
  Outcome open(const std::string& path, Records records);
  void write(int peer, const Injection& injection);

 private:
  RecordFile file_;
};

}  // namespace polydot::node
