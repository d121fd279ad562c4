#include "node/transport/shared_slab.h"

#include <sys/random.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "codes/base/check.h"
#include "node/transport/slab_memory.h"

namespace polydot::node {

namespace {

// So many processes that still run may have been followed by others: more, and nothing is shared.
constexpr std::size_t kMostFormer = 64;

bool draw(std::uint64_t& number) { return ::getrandom(&number, sizeof number, 0) == sizeof number; }

SlabHead head_of(const SlabSender& sender) {
  SlabHead head;
  head.cluster[0] = sender.cluster[0];
  head.cluster[1] = sender.cluster[1];
  head.sender = static_cast<std::uint64_t>(sender.index);
  return head;
}

}  // namespace

std::unique_ptr<SlabWriter> SlabWriter::make(const SlabSender& sender, std::size_t slot_bytes, int slots,
                                             int readers) {
  SlabHead head = head_of(sender);
  head.slots = static_cast<std::uint64_t>(slots);
  head.readers = static_cast<std::uint64_t>(readers);
  head.slot_bytes = (slot_bytes + SlabMemory::kPage - 1) / SlabMemory::kPage * SlabMemory::kPage;
  POLYDOT_CHECK(head.slots <= SlabMemory::kMostSlots && head.readers <= SlabMemory::kMostReaders);
  if (head.slot_bytes > SlabMemory::kMostSlotBytes || !draw(head.token)) return nullptr;
  auto memory = SlabMemory::make(head);
  if (!memory) return nullptr;
  return std::unique_ptr<SlabWriter>(new SlabWriter(std::move(memory), slot_bytes, slots, readers));
}

SlabWriter::SlabWriter(std::unique_ptr<SlabMemory> memory, std::size_t slot_bytes, int slots, int readers)
    : memory_(std::move(memory)),
      slot_bytes_(slot_bytes),
      slots_(static_cast<std::size_t>(slots)),
      numbers_(static_cast<std::size_t>(readers)),
      tenants_(static_cast<std::size_t>(readers)) {}

SlabWriter::~SlabWriter() = default;

const SlabWriter::Tenant* SlabWriter::look_who_reads(int reader) {
  const auto r = static_cast<std::size_t>(reader);
  std::optional<Tenant>& tenant = tenants_[r];
  const std::uint64_t life = memory_->life(r).load(std::memory_order_acquire);
  if (tenant && tenant->life == life) return &*tenant;
  if (!tenant && life == 0) return nullptr;
  for (std::size_t s = 0; s < slots_.size(); ++s) free_what_is_let_go_of(s);
  if (tenant && holds_anything(tenant->life)) former_.push_back(std::move(*tenant));
  tenant.reset();
  std::erase_if(former_, [this](const Tenant& one) { return !holds_anything(one.life); });
  if (life == 0) return nullptr;
  if (former_.size() > kMostFormer) return nullptr;
  // Who has been here before is still among the former ones, if it holds anything.
  last_ = {};  // so that no filling has holders in both lives
  tenant.emplace(Tenant{reader, life, fills_ + 1,
                        ProcessWatch(static_cast<pid_t>(memory_->pid(r).load(std::memory_order_acquire)))});
  return &*tenant;
}

bool SlabWriter::is_reading(int reader) {
  const Tenant* const tenant = look_who_reads(reader);
  if (tenant == nullptr) return false;
  if (!tenant->process.has_ended()) return true;
  // The next one in its place is invited. What it was given before it says who it is would be lost.
  std::uint64_t life = tenant->life;
  forget(life);
  tenants_[static_cast<std::size_t>(reader)].reset();
  memory_->life(static_cast<std::size_t>(reader)).compare_exchange_strong(life, 0);
  return false;
}

SlabRef SlabWriter::invitation() const {
  SlabRef ref;
  ref.token = memory_->head().token;
  const SlabPlace place = memory_->place();
  ref.pid = place.pid;
  ref.slots_fd = place.slots_fd;
  ref.books_fd = place.books_fd;
  return ref;
}

// What was let go of is not looked at again: the counters lie in caches of other cores.
void SlabWriter::free_what_is_let_go_of(std::size_t slot) {
  std::erase_if(slots_[slot].holds, [&](const Hold& hold) {
    const auto r = static_cast<std::size_t>(hold.reader);
    return memory_->released(slot, r).load(std::memory_order_acquire) == slots_[slot].fill;
  });
}

bool SlabWriter::holds_anything(std::uint64_t life) const {
  return std::any_of(slots_.begin(), slots_.end(), [&](const Slot& slot) {
    return std::any_of(slot.holds.begin(), slot.holds.end(),
                       [&](const Hold& hold) { return hold.life == life; });
  });
}

void SlabWriter::forget(std::uint64_t life) {
  for (Slot& slot : slots_) std::erase_if(slot.holds, [&](const Hold& hold) { return hold.life == life; });
}

void SlabWriter::forget_the_dead() {
  for (std::size_t r = 0; r < tenants_.size(); ++r)
    if (tenants_[r]) is_reading(static_cast<int>(r));
  std::erase_if(former_, [this](const Tenant& one) {
    if (!one.process.has_ended()) return false;
    forget(one.life);
    return true;
  });
}

// Half of what the others leave: whoever else stands still after it finds some left, too.
bool SlabWriter::may_have_more(int reader) {
  std::size_t own = 0, left = 0;
  for (std::size_t s = 0; s < slots_.size(); ++s) {
    free_what_is_let_go_of(s);
    const std::vector<Hold>& holds = slots_[s].holds;
    const bool mine =
        std::any_of(holds.begin(), holds.end(), [&](const Hold& hold) { return hold.reader == reader; });
    own += mine;
    left += mine || holds.empty();
  }
  return own < left / 2;
}

std::optional<std::size_t> SlabWriter::find_free() {
  const auto free =
      std::find_if(slots_.begin(), slots_.end(), [](const Slot& one) { return one.holds.empty(); });
  if (free == slots_.end()) return std::nullopt;
  return static_cast<std::size_t>(free - slots_.begin());
}

std::optional<std::size_t> SlabWriter::fill_one(const protocol::Payload& payload) {
  last_ = {};
  const std::optional<std::size_t> slot = find_free();
  if (!slot || !memory_->reserve(*slot, payload.size_bytes())) return std::nullopt;
  slots_[*slot].fill = ++fills_;
  slots_[*slot].given.assign(numbers_.size(), false);
  memory_->fill(*slot).store(fills_, std::memory_order_release);
  std::memcpy(memory_->slot(*slot), payload.bytes().data(), payload.size_bytes());
  last_ = payload;
  last_slot_ = *slot;
  return slot;
}

std::optional<SlabRef> SlabWriter::share(const protocol::Payload& payload, int reader) {
  POLYDOT_CHECK_LE(payload.size_bytes(), slot_bytes_);
  const auto r = static_cast<std::size_t>(reader);
  const Tenant* tenant = look_who_reads(reader);
  if (tenant == nullptr) return std::nullopt;
  if (!may_have_more(reader)) {
    forget_the_dead();
    tenant = look_who_reads(reader);
    if (tenant == nullptr || !may_have_more(reader)) return std::nullopt;
  }
  const bool again = last_.owner() != nullptr && last_.bytes().data() == payload.bytes().data() &&
                     last_.size_bytes() == payload.size_bytes() && !slots_[last_slot_].given[r];
  const std::optional<std::size_t> slot = again ? last_slot_ : fill_one(payload);
  if (!slot) return std::nullopt;
  slots_[*slot].given[r] = true;
  slots_[*slot].holds.push_back({reader, tenant->life});
  SlabRef ref = invitation();
  ref.slot = static_cast<std::uint32_t>(*slot);
  ref.bytes = static_cast<std::uint32_t>(payload.size_bytes());
  ref.fill = slots_[*slot].fill;
  ref.number = ++numbers_[r];
  ref.reader_life = tenant->life;
  ref.first_fill = tenant->first_fill;
  return ref;
}

void SlabWriter::take_back(const SlabRef& ref, int reader) {
  std::erase_if(slots_[ref.slot].holds,
                [&](const Hold& hold) { return hold.reader == reader && hold.life == ref.reader_life; });
}

bool SlabReader::map(const SlabRef& ref) {
  if (life_ == 0 && !draw(life_)) return false;
  SlabHead expected = head_of(sender_);
  expected.token = ref.token;
  auto memory = SlabMemory::map({ref.pid, ref.slots_fd, ref.books_fd}, expected, self_);
  if (!memory) return false;
  if (memory_) leave();
  memory_ = std::move(memory);
  last_number_ = 0;
  return true;
}

SlabReader::~SlabReader() {
  if (memory_) leave();
}

// What it reads no more. Looked up before it leaves: what comes later may be another's.
void SlabReader::leave() {
  const auto self = static_cast<std::size_t>(self_);
  std::vector<std::uint64_t> fills;
  for (std::size_t s = 0; s < memory_->head().slots; ++s) fills.push_back(memory_->fill(s));
  std::uint64_t life = life_;
  if (!memory_->life(self).compare_exchange_strong(life, 0)) return;
  for (std::size_t s = 0; s < fills.size(); ++s)
    if (memory_->held[s] != fills[s]) memory_->released(s, self).store(fills[s], std::memory_order_release);
}

// Says so to a sender that took us for dead, or for the one before us: what was given to that one is lost.
void SlabReader::claim_row() {
  const auto self = static_cast<std::size_t>(self_);
  if (memory_->life(self).load(std::memory_order_relaxed) == life_) return;
  memory_->pid(self).store(static_cast<std::uint64_t>(memory_->mapped_by()), std::memory_order_release);
  memory_->life(self).store(life_, std::memory_order_release);
}

// References come in the order in which they were sent: one that is missing does not come any more.
void SlabReader::let_go_of_what_was_lost(const SlabRef& ref) {
  if (ref.number == last_number_ + 1) return;
  const auto self = static_cast<std::size_t>(self_);
  for (std::size_t s = 0; s < memory_->head().slots; ++s) {
    const std::uint64_t fill = memory_->fill(s).load(std::memory_order_acquire);
    if (fill >= ref.first_fill && fill < ref.fill && memory_->held[s] != fill)
      memory_->released(s, self).store(fill, std::memory_order_release);
  }
}

std::optional<protocol::Payload> SlabReader::read(const SlabRef& ref) {
  if ((!memory_ || memory_->head().token != ref.token) && !map(ref)) return std::nullopt;
  claim_row();
  const SlabHead& head = memory_->head();
  if (ref.bytes == 0 || ref.reader_life != life_ || ref.slot >= head.slots || ref.bytes > head.slot_bytes)
    return std::nullopt;
  let_go_of_what_was_lost(ref);
  last_number_ = ref.number;
  const auto self = static_cast<std::size_t>(self_);
  const std::size_t slot = ref.slot;
  // What came before is in use, and would be let go of too early; or is let go of, and may be written over.
  if (memory_->fill(slot).load(std::memory_order_acquire) != ref.fill || memory_->held[slot] == ref.fill ||
      memory_->released(slot, self) == ref.fill)
    return std::nullopt;
  memory_->held[slot] = ref.fill;
  const std::byte* first = memory_->slot(slot);
  // Lets go of the slot, then of the mapping.
  std::shared_ptr<const void> lease(first, [memory = memory_, slot, self, fill = ref.fill](const void*) {
    memory->held[slot] = 0;
    memory->released(slot, self).store(fill, std::memory_order_release);
  });
  return protocol::Payload(std::move(lease), {first, ref.bytes});
}

}  // namespace polydot::node
