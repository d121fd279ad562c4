#include "node/checkpoint_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_STATIC_LINKING_ONLY  // a state on the stack
#include <xxhash.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>

#include "codes/peer_set.h"
#include "node/data_files.h"

namespace polydot::node {
namespace {

namespace fs = std::filesystem;

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

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

bool write_all(int fd, const void* bytes, std::size_t count) {
  const char* at = static_cast<const char*>(bytes);
  while (count > 0) {
    const ssize_t written = ::write(fd, at, count);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    at += written;
    count -= static_cast<std::size_t>(written);
  }
  return true;
}

bool read_all(int fd, void* bytes, std::size_t count) {
  char* at = static_cast<char*>(bytes);
  while (count > 0) {
    const ssize_t got = ::read(fd, at, count);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    at += got;
    count -= static_cast<std::size_t>(got);
  }
  return true;
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
  std::copy(from.name.run.begin(), from.name.run.end(), header.run);
  header.epoch = from.name.epoch;
  header.boundary = from.name.boundary;
  header.peer = static_cast<std::uint32_t>(from.peer);
  header.peers = static_cast<std::uint32_t>(from.peers);
  header.plan_digest = from.plan_digest;
  header.layers = static_cast<std::uint32_t>(layers);
  header.sections = sections.size();
  header.file_bytes = sizeof header;
  for (const Section& section : sections)
    header.file_bytes += sizeof section.header + section.header.payload_bytes;
  header.digest = digest_of(header);
  return header;
}

bool write_file(const fs::path& path, const FileHeader& header, const std::vector<Section>& sections) {
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (file.fd() < 0 || !write_all(file.fd(), &header, sizeof header)) return false;
  for (const Section& section : sections)
    if (!write_all(file.fd(), &section.header, sizeof section.header) ||
        !write_all(file.fd(), section.matrix->data(), section.header.payload_bytes))
      return false;
  return ::fsync(file.fd()) == 0;
}

bool sync_folder(const fs::path& folder) {
  const Descriptor opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return opened.fd() >= 0 && ::fsync(opened.fd()) == 0;
}

// A file that is read from the front, its size known.
class Reader {
 public:
  explicit Reader(const fs::path& path)
      : path_(path), file_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}

  Result<FileHeader> header() {
    struct stat status {};
    if (file_.fd() < 0 || ::fstat(file_.fd(), &status) != 0 || !S_ISREG(status.st_mode))
      return file_failure(path_, "cannot be read: {}",
                          file_.fd() < 0 ? std::strerror(errno) : "no regular file");
    const auto size = static_cast<std::uint64_t>(status.st_size);
    FileHeader header;
    if (size < sizeof header || !read_all(file_.fd(), &header, sizeof header)) return damaged("cut short");
    if (header.magic != kMagic) return file_failure(path_, "is no checkpoint of polydot");
    if (header.version != kVersion)
      return file_failure(path_, "is of checkpoint version {}, this program reads {}", header.version,
                          kVersion);
    if (header.digest != digest_of(header)) return damaged("a changed header");
    if (header.file_bytes != size)
      return damaged(fmt::format("{} bytes instead of {}", size, header.file_bytes));
    if (header.layers > kMaxLayers || header.sections > std::uint64_t{2} * kMaxLayers * kMaxShards ||
        header.peers == 0 || header.peers > codes::kMaxPeers || header.peer >= header.peers)
      return damaged("impossible counts");
    remaining_ = size - sizeof header;
    return header;
  }

  // The next section into its place. `before`: the one before it, or null.
  Result<SectionHeader> section(const SectionHeader* before, std::vector<std::vector<dnn::ShardState>>& to) {
    SectionHeader header;
    if (remaining_ < sizeof header || !read_all(file_.fd(), &header, sizeof header))
      return damaged("cut short");
    remaining_ -= sizeof header;
    const std::uint64_t bytes = std::uint64_t{header.rows} * header.cols * sizeof(float);
    if (header.rows > kMaxSide || header.cols > kMaxSide || header.payload_bytes != bytes ||
        bytes > remaining_ || !follows(before, header) || header.layer >= to.size())
      return damaged("a section that cannot be there");
    dnn::Matrix matrix(header.rows, header.cols);
    if (!read_all(file_.fd(), matrix.data(), bytes)) return damaged("cut short");
    remaining_ -= bytes;
    if (header.digest != digest_of(header, matrix.data()))
      return damaged(fmt::format("changed numbers in layer {}, shard {}, {}", header.layer, header.shard,
                                 header.state == kWeights ? "weights" : "momentum"));
    if (header.state == kWeights)
      to[header.layer].push_back({std::move(matrix), {}});
    else
      to[header.layer].back().velocity = std::move(matrix);
    return header;
  }

  Failure damaged(const std::string& how) const {
    return file_failure(path_, "damaged checkpoint ({}): it cannot be used", how);
  }
  std::uint64_t remaining() const { return remaining_; }

 private:
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

  fs::path path_;
  Descriptor file_;
  std::uint64_t remaining_ = 0;
};

CheckpointHeader header_from(const FileHeader& file) {
  CheckpointHeader header;
  std::copy(std::begin(file.run), std::end(file.run), header.name.run.begin());
  header.name.epoch = file.epoch;
  header.name.boundary = file.boundary;
  header.peer = static_cast<int>(file.peer);
  header.peers = static_cast<int>(file.peers);
  header.plan_digest = file.plan_digest;
  return header;
}

}  // namespace

std::uint64_t identity_digest(const CheckpointHeader& header) {
  const std::uint64_t words[] = {header.name.run[0], header.name.run[1], header.name.epoch,
                                 header.name.boundary, header.plan_digest};
  return XXH3_64bits(words, sizeof words);
}

std::string checkpoint_file_name(const CheckpointName& name) {
  return fmt::format("checkpoint-{:05}-{:012}.pdck", name.epoch, name.boundary);
}

Outcome write_checkpoint(const fs::path& folder, const CheckpointHeader& header, const LayerViews& layers) {
  const std::vector<Section> sections = sections_of(layers);
  const fs::path path = folder / checkpoint_file_name(header.name);
  fs::path temporary = path;
  temporary += fmt::format(".partial-{}", getpid());
  errno = 0;
  if (write_file(temporary, file_header(header, layers.size(), sections), sections) &&
      ::rename(temporary.c_str(), path.c_str()) == 0 && sync_folder(folder))
    return Unit{};
  const int error = errno;
  ::unlink(temporary.c_str());
  return file_failure(path, "cannot be written: {}; check the folder and the free space",
                      std::strerror(error));
}

Outcome write_checkpoint(const fs::path& folder, const Checkpoint& checkpoint) {
  LayerViews views(checkpoint.layers.size());
  for (std::size_t l = 0; l < views.size(); ++l)
    for (const dnn::ShardState& shard : checkpoint.layers[l]) views[l].push_back(&shard);
  return write_checkpoint(folder, checkpoint, views);
}

Result<CheckpointHeader> read_checkpoint_header(const fs::path& path) {
  const auto header = Reader(path).header();
  if (!header) return header.failure();
  return header_from(*header);
}

Result<Checkpoint> read_checkpoint(const fs::path& path) {
  Reader reader(path);
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
