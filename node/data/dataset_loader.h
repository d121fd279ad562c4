// Data sets by name, as the command line and the configuration give them.
//
// Names     strokes: the embedded one (dnn/data/strokes.h), always the same whatever the run's seed, needs no
// path
//           idx: a folder of IDX files (node/data/idx_file.h)
//           csv: a file or a folder of tables (node/tables/csv_file.h)
// Errors    kUsage: an unknown name, a path too many or missing; kData: what the files are to blame for
#pragma once

#include <string>

#include "codes/base/result.h"
#include "node/inputs/data_pair.h"
#include "node/inputs/data_source.h"

namespace polydot::node {

Result<DataPair> load_data(const DataSource& source);
Result<DataPair> load_data(const Config& config);

// What a model is to be tried on: the test part of strokes, IDX and a folder of tables, all of a single
// table. With the model's columns, classes and scaling. inputs: how many the network has. Failure as above,
// and where the data do not fit the model.
Result<dnn::Dataset> load_for_model(const InputDescription& model, dnn::Index inputs,
                                    const DataSource& source);

// Loads a data set and writes it as IDX into the folder `out_directory`, made if need be. Names of classes
// are not written: IDX has none.
Result<DataPair> write_dataset(const DataSource& source, const std::string& out_directory);

}  // namespace polydot::node
