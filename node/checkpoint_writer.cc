#include "node/checkpoint_writer.h"

#include <cstdio>

#include "node/checkpoint_folder.h"

namespace polydot::node {

Outcome CheckpointWriter::open(const std::filesystem::path& folder, const CheckpointHeader& header,
                               const dnn::TrainingProgram& program) {
  folder_ = folder;
  header_ = header;
  program_ = &program;
  return start_over(folder);
}

void CheckpointWriter::on_step(const dnn::StepRecord& record) {
  next_.on_step(record);
  if (program_ == nullptr || every_ == 0 || (record.step + 1) % every_ != 0) return;
  if (const Outcome written = write(); !written)
    std::fprintf(stderr, "polydot: %s\n", written.failure().message.c_str());
}

Outcome CheckpointWriter::write_final() {
  if (program_ == nullptr || program_->steps_done() == written_) return Unit{};
  return write();
}

Outcome CheckpointWriter::write() {
  header_.name.boundary = program_->steps_done();
  LayerViews layers(static_cast<std::size_t>(program_->layer_count()));
  for (std::size_t l = 0; l < layers.size(); ++l) {
    const dnn::CodedMatrix& layer = program_->layer(static_cast<dnn::Index>(l));
    for (dnn::Index s = 0; s < layer.shard_count(); ++s) layers[l].push_back(&layer.shard(s));
  }
  if (Outcome written = write_checkpoint(folder_, header_, layers); !written) return written;
  written_ = header_.name.boundary;
  prune(folder_);
  return Unit{};
}

}  // namespace polydot::node
