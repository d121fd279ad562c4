// InputDescription as JSON: metadata of a model, and a file in the folder of each peer.
#pragma once

#include <map>
#include <string>

#include "codes/base/result.h"
#include "node/files/disk.h"
#include "node/inputs/input_description.h"

namespace polydot::node {

// standardisation: {"mean":[..],"deviation":[..]}, of one entry or one for each input, and "limit" if there
// is one; classes: the names of the outputs; table, of tables only:
// {"columns":[..],"positions":[..],"label":"..", "label_position":N,"table_columns":N}.
std::map<std::string, std::string> texts_of(const InputDescription& inputs);
// The inverse. count, outputs: of the network. No "classes": numbered ones. Failure: kData, "its metadata
// ..".
Result<InputDescription> inputs_from(const std::map<std::string, std::string>& texts, dnn::Index count,
                                     dnn::Index outputs);

// What a run was trained on, as far as its weights need it: so they can be exported without the data.
struct TrainedOn {
  InputDescription inputs;
  dnn::Index features = 0;
  std::uint64_t digest = 0;  // of the data (DataPair)
};

// Into the folder of a peer. Failure: kData.
Outcome write_trained_on(const std::string& peer_folder, const TrainedOn& data);
// Whether there is one on the disk of a peer.
bool is_trained_on(const Disk& disk);
// What most of the peers of a run say that say anything. Failure: kData, nobody does.
Result<TrainedOn> read_trained_on(const std::string& run, int peers);

}  // namespace polydot::node
