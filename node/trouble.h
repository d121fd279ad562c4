// Says once that something does not work, and once that it works again, however often it is tried in between.
#pragma once

#include <cstdio>
#include <string>
#include <utility>

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
  static void say(const std::string& line) { std::fprintf(stderr, "polydot: %s\n", line.c_str()); }
  bool is_there_ = false;
};

}  // namespace polydot::node
