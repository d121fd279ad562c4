// A file of lines that a peer adds to while it runs: begun anew, or after what an earlier life of it wrote.
#pragma once

#include <fstream>
#include <string>

#include "codes/result.h"

namespace polydot::node {

enum class Records { kBeginAnew, kGoOn };

// kGoOn cuts off a last line without its end: nobody finished it. heading: the first line, if any; written
// into a file that is empty. Failure: kData.
Outcome open_record(std::ofstream& file, const std::string& path, Records records,
                    const std::string& heading = "");

}  // namespace polydot::node
