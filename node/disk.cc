#include "node/disk.h"

namespace polydot::node {

Outcome write_whole(Disk& disk, const std::string& name, const Disk::Chunks& chunks) {
  const std::string partial = name + kPartialEnding;
  Outcome done = disk.write(partial, chunks);
#ifndef POLYDOT_MUTATION_NO_FSYNC
  if (done) done = disk.sync(partial);
#endif
  if (done) done = disk.rename(partial, name);
#ifndef POLYDOT_MUTATION_NO_FSYNC
  if (done) done = disk.sync_names();
#endif
  if (!done) disk.remove(partial);
  return done;
}

}  // namespace polydot::node
