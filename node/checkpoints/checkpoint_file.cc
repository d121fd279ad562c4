#include "node/checkpoints/checkpoint_file.h"

#include <fmt/format.h>

#define XXH_STATIC_LINKING_ONLY  // a state on the stack
#include <xxhash.h>

#include <algorithm>
#include <charconv>
#include <span>
#include <string_view>

#include "codes/base/peer_set.h"

namespace polydot::node {
namespace {

using protocol::CheckpointId;

constexpr std::uint32_t kMagic = 0x4b434450;  // "PDCK"
constexpr std::uint32_t kVersion = 1;
constexpr std::uint32_t kMaxLayers = 1 << 12, kMaxShards = 16, kMaxSide = 1 << 26;
enum State : std::uint32_t { kWeights = 0, kVelocity = 1 };

// As they stand in the file; no padding.
struct FileHeader {
  std::uint32_t magic = kMagic, version = kVersion;
  std::uint64_t run[2] = {};
  std::uint32_t epoch = 0, peer = 0, peers = 0, layers = 0;
  std::uint64_t boundary = 0, plan_digest = 0;
  std::uint64_t sections = 0, file_bytes = 0;
  std::uint64_t digest = 0;
};
static_assert(sizeof(FileHeader) == 80);

struct SectionHeader {
  std::uint32_t layer = 0, shard = 0, state = 0, rows = 0, cols = 0, reserved = 0;
  std::uint64_t payload_bytes = 0;
  std::uint64_t digest = 0;
};
static_assert(sizeof(SectionHeader) == 40);

std::uint64_t digest_of(const FileHeader& header) {
  return XXH3_64bits(&header, offsetof(FileHeader, digest));
}

std::uint64_t digest_of(const SectionHeader& header, const float* payload) {
  XXH3_state_t state;
  XXH3_64bits_reset(&state);
  XXH3_64bits_update(&state, &header, offsetof(SectionHeader, digest));
  if (header.payload_bytes > 0) XXH3_64bits_update(&state, payload, header.payload_bytes);
  return XXH3_64bits_digest(&state);
}

struct Section {
  SectionHeader header;
  const dnn::Matrix* matrix = nullptr;
};

std::vector<Section> sections_of(const LayerViews& layers) {
  std::vector<Section> sections;
  for (std::size_t l = 0; l < layers.size(); ++l)
    for (std::size_t s = 0; s < layers[l].size(); ++s)
      for (const auto& [state, matrix] :
           {std::pair{kWeights, &layers[l][s]->weights}, {kVelocity, &layers[l][s]->velocity}}) {
        if (state == kVelocity && matrix->size() == 0) continue;
        SectionHeader header{static_cast<std::uint32_t>(l), static_cast<std::uint32_t>(s), state};
        header.rows = static_cast<std::uint32_t>(matrix->rows());
        header.cols = static_cast<std::uint32_t>(matrix->cols());
        header.payload_bytes = static_cast<std::uint64_t>(matrix->size()) * sizeof(float);
        header.digest = digest_of(header, matrix->data());
        sections.push_back({header, matrix});
      }
  return sections;
}

FileHeader file_header(const CheckpointHeader& from, std::size_t layers,
                       const std::vector<Section>& sections) {
  FileHeader header;
  std::copy(from.of.run.begin(), from.of.run.end(), header.run);
  header.epoch = from.id.epoch;
  header.boundary = from.id.boundary;
  header.peer = static_cast<std::uint32_t>(from.of.peer);
  header.peers = static_cast<std::uint32_t>(from.of.peers);
  header.plan_digest = from.of.plan_digest;
  header.layers = static_cast<std::uint32_t>(layers);
  header.sections = sections.size();
  header.file_bytes = sizeof header;
  for (const Section& section : sections)
    header.file_bytes += sizeof section.header + section.header.payload_bytes;
  header.digest = digest_of(header);
  return header;
}

template <typename T>
std::span<std::byte> bytes_of(T& value) {
  return std::as_writable_bytes(std::span(&value, 1));
}

// A file that is read from the front, its size known.
class Reader {
 public:
  Reader(const Disk& disk, const std::string& name) : disk_(disk), name_(name) {}

  Result<FileHeader> header() {
    const auto size = disk_.size(name_);
    if (!size) return size.failure();
    FileHeader header;
    if (*size < sizeof header) return damaged("cut short");
    if (Outcome got = disk_.read(name_, 0, bytes_of(header)); !got) return got.failure();
    if (header.magic != kMagic) return damaged("no checkpoint of polydot");
    if (header.version != kVersion)
      return data_failure(fmt::format("{}: is of checkpoint version {}, this program reads {}",
                                      disk_.describe(name_), header.version, kVersion));
    if (header.digest != digest_of(header)) return damaged("a changed header");
    if (header.file_bytes != *size)
      return damaged(fmt::format("{} bytes instead of {}", *size, header.file_bytes));
    if (header.layers > kMaxLayers || header.sections > std::uint64_t{2} * kMaxLayers * kMaxShards ||
        header.peers == 0 || header.peers > codes::kMaxPeers || header.peer >= header.peers)
      return damaged("impossible counts");
    at_ = sizeof header;
    remaining_ = *size - sizeof header;
    return header;
  }

  // The next section into its place. `before`: the one before it, or null.
  Result<SectionHeader> section(const SectionHeader* before, std::vector<std::vector<dnn::ShardState>>& to) {
    SectionHeader header;
    if (Outcome got = take(bytes_of(header)); !got) return got.failure();
    const std::uint64_t bytes = std::uint64_t{header.rows} * header.cols * sizeof(float);
    if (header.rows > kMaxSide || header.cols > kMaxSide || header.payload_bytes != bytes ||
        bytes > remaining_ || !follows(before, header) || header.layer >= to.size())
      return damaged("a section that cannot be there");
    dnn::Matrix matrix(header.rows, header.cols);
    if (Outcome got = take(std::as_writable_bytes(std::span(matrix.data(), bytes / sizeof(float)))); !got)
      return got.failure();
    if (header.digest != digest_of(header, matrix.data()))
      return damaged(fmt::format("changed numbers in layer {}, shard {}, {}", header.layer, header.shard,
                                 header.state == kWeights ? "weights" : "momentum"));
    if (header.state == kWeights)
      to[header.layer].push_back({std::move(matrix), {}});
    else
      to[header.layer].back().velocity = std::move(matrix);
    return header;
  }

  Failure damaged(const std::string& how) {
    torn_ = true;
    return data_failure(
        fmt::format("{}: damaged checkpoint ({}): it cannot be used", disk_.describe(name_), how));
  }
  std::uint64_t remaining() const { return remaining_; }
  // What was read was of no whole checkpoint.
  bool torn() const { return torn_; }

 private:
  Outcome take(std::span<std::byte> bytes) {
    if (remaining_ < bytes.size()) return damaged("cut short");
    Outcome got = disk_.read(name_, at_, bytes);
    at_ += bytes.size();
    remaining_ -= bytes.size();
    return got;
  }
  // Weights of the next shard, or the momentum of the one at hand.
  static bool follows(const SectionHeader* before, const SectionHeader& header) {
    if (header.state == kVelocity)
      return before != nullptr && before->state == kWeights && before->layer == header.layer &&
             before->shard == header.shard && before->rows == header.rows && before->cols == header.cols;
    if (header.state != kWeights || header.shard >= kMaxShards) return false;
    if (before == nullptr) return header.layer == 0 && header.shard == 0;
    return header.layer == before->layer ? header.shard == before->shard + 1
                                         : header.layer == before->layer + 1 && header.shard == 0;
  }

  const Disk& disk_;
  const std::string& name_;
  std::uint64_t at_ = 0, remaining_ = 0;
  bool torn_ = false;
};

CheckpointHeader header_from(const FileHeader& file) {
  CheckpointHeader header;
  std::copy(std::begin(file.run), std::end(file.run), header.of.run.begin());
  header.of.peer = static_cast<int>(file.peer);
  header.of.peers = static_cast<int>(file.peers);
  header.of.plan_digest = file.plan_digest;
  header.id = {file.epoch, file.boundary};
  return header;
}

template <typename Number>
bool take_number(std::string_view& text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return error == std::errc{};
}

}  // namespace

std::string checkpoint_file_name(const CheckpointId& id) {
  return fmt::format("checkpoint-{:05}-{:012}.pdck", id.epoch, id.boundary);
}

std::optional<CheckpointId> parse_checkpoint_name(const std::string& name) {
  std::string_view rest = name;
  const std::string_view start = "checkpoint-";
  if (!rest.starts_with(start)) return std::nullopt;
  rest.remove_prefix(start.size());
  CheckpointId id;
  if (!take_number(rest, id.epoch) || !rest.starts_with('-')) return std::nullopt;
  rest.remove_prefix(1);
  if (!take_number(rest, id.boundary) || checkpoint_file_name(id) != name) return std::nullopt;
  return id;
}

Outcome write_checkpoint(Disk& disk, const CheckpointHeader& header, const LayerViews& layers) {
  const std::vector<Section> sections = sections_of(layers);
  const FileHeader front = file_header(header, layers.size(), sections);
  Disk::Chunks chunks = {std::as_bytes(std::span(&front, 1))};
  for (const Section& section : sections) {
    chunks.push_back(std::as_bytes(std::span(&section.header, 1)));
    const auto count = static_cast<std::size_t>(section.matrix->size());
    chunks.push_back(std::as_bytes(std::span(section.matrix->data(), count)));
  }
  return write_whole(disk, checkpoint_file_name(header.id), chunks);
}

Outcome write_checkpoint(Disk& disk, const Checkpoint& checkpoint) {
  LayerViews views(checkpoint.layers.size());
  for (std::size_t l = 0; l < views.size(); ++l)
    for (const dnn::ShardState& shard : checkpoint.layers[l]) views[l].push_back(&shard);
  return write_checkpoint(disk, checkpoint, views);
}

Result<CheckpointHeader> read_checkpoint_header(const Disk& disk, const std::string& name) {
  const auto header = Reader(disk, name).header();
  if (!header) return header.failure();
  return header_from(*header);
}

bool is_torn(const Disk& disk, const std::string& name) {
  Reader reader(disk, name);
  return !reader.header() && reader.torn();
}

Result<Checkpoint> read_checkpoint(const Disk& disk, const std::string& name) {
  Reader reader(disk, name);
  const auto header = reader.header();
  if (!header) return header.failure();
  Checkpoint checkpoint;
  static_cast<CheckpointHeader&>(checkpoint) = header_from(*header);
  checkpoint.layers.resize(header->layers);
  SectionHeader before;
  for (std::uint64_t s = 0; s < header->sections; ++s) {
    auto section = reader.section(s == 0 ? nullptr : &before, checkpoint.layers);
    if (!section) return section.failure();
    before = *section;
  }
  const bool every_layer = checkpoint.layers.empty() || !checkpoint.layers.back().empty();
  if (reader.remaining() != 0 || !every_layer) return reader.damaged("sections missing");
  return checkpoint;
}

}  // namespace polydot::node
