// Says once that something does not work, and once that it works again, however often it is tried in between.
#pragma once

#include <string>
#include <utility>

#include "node/text/printable.h"

namespace polydot::node {

class Trouble {
 public:
  void begins(const std::string& line) {
    if (!std::exchange(is_there_, true)) say(line);
  }
  void ends(const std::string& line) {
    if (std::exchange(is_there_, false)) say(line);
  }

 private:
  bool is_there_ = false;
};

}  // namespace polydot::node
