#include "node/files/disk.h"

namespace polydot::node {

Outcome write_whole(Disk& disk, const std::string& name, const Disk::Chunks& chunks) {
  const std::string partial = name + kPartialEnding;
  Outcome done = disk.write(partial, chunks);
  if (done) done = disk.sync(partial);
  if (done) done = disk.rename(partial, name);
  if (done) done = disk.sync_names();
  if (!done) disk.remove(partial);
  return done;
}

}  // namespace polydot::node
