#include "tools/simulator/event_log.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <iterator>

#include "tools/simulator/frame_fields.h"

namespace polydot::simulator {

void EventLog::mix(const void* bytes, std::size_t size) { hash_ = XXH3_64bits_withSeed(bytes, size, hash_); }

void EventLog::line(std::int64_t at_ms, std::string_view text) {
  mix(&at_ms, sizeof at_ms);
  mix(text.data(), text.size());
  if (detail_ != Detail::kHash) fmt::format_to(std::back_inserter(text_), "{:>9} {}\n", at_ms, text);
}

void EventLog::frame(std::int64_t at_ms, char mark, int from, int to, std::span<const std::byte> header) {
  const std::int64_t place[] = {at_ms, mark, from, to};
  mix(place, sizeof place);
  mix(header.data(), header.size());
  if (detail_ != Detail::kFrames) return;
  const FrameFields fields = fields_of(header);
  fmt::format_to(std::back_inserter(text_), "{:>9} {} {:>2} -> {:>2} kind {} key {}/{}/{:x}/{} code {}\n",
                 at_ms, mark, from, to, static_cast<int>(fields.kind), fields.key.epoch, fields.key.step,
                 fields.key.slot, fields.key.attempt, fields.code);
}

void EventLog::number(double value) { mix(&value, sizeof value); }

}  // namespace polydot::simulator
