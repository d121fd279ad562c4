// Data sets by name, as the command line and the configuration give them.
//
// Names     strokes: the embedded one (dnn/strokes.h), always the same whatever the run's seed, needs no path
//           idx: a folder of IDX files (node/idx_file.h)
//           csv: a file or a folder of CSV files (node/csv_file.h)
// Errors    kUsage: an unknown name, a path too many or missing; kData: what the files are to blame for
#pragma once

#include <string>

#include "codes/result.h"
#include "node/data_pair.h"

namespace polydot::node {

Result<DataPair> load_data(const std::string& dataset, const std::string& path);

// Loads a data set and writes it as IDX into the folder `out_directory`, made if need be.
Outcome write_dataset(const std::string& dataset, const std::string& path, const std::string& out_directory);

}  // namespace polydot::node
