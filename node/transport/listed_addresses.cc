#include "node/transport/listed_addresses.h"

#include <algorithm>

namespace polydot::node {

namespace {
bool contains(const std::vector<std::string>& addresses, std::string_view address) {
  return std::find(addresses.begin(), addresses.end(), address) != addresses.end();
}
}  // namespace

bool is_loopback_address(std::string_view address) { return address == "::1" || address.starts_with("127."); }

std::string plain_address(std::string_view address) {
  constexpr std::string_view kMapped = "::ffff:";
  if (address.starts_with(kMapped) && address.find('.') != std::string_view::npos)
    address.remove_prefix(kMapped.size());
  return std::string(address.substr(0, address.find('%')));
}

ListedAddresses::ListedAddresses(int peers, const Resolved& ours) : hosts_(static_cast<std::size_t>(peers)) {
  for (const std::string& address : ours.addresses) ours_.push_back(plain_address(address));
}

void ListedAddresses::set(int peer, const Resolved& at) {
  Host& host = hosts_[static_cast<std::size_t>(peer)] = {};
  host.is_this_one = at.endpoint.scheme == Endpoint::Scheme::kIpc;
  for (const std::string& address : at.addresses) {
    host.addresses.push_back(plain_address(address));
    const std::string& plain = host.addresses.back();
    host.is_this_one = host.is_this_one || is_loopback_address(plain) || contains(ours_, plain);
  }
}

bool ListedAddresses::may_be(int peer, std::string_view address) const {
  const Host& host = hosts_[static_cast<std::size_t>(peer)];
  return address.empty() || contains(host.addresses, address) ||
         (host.is_this_one && is_loopback_address(address));
}

bool ListedAddresses::is_known(std::string_view address) const {
  if (address.empty() || is_loopback_address(address)) return true;
  return std::any_of(hosts_.begin(), hosts_.end(),
                     [&](const Host& host) { return contains(host.addresses, address); });
}

std::string ListedAddresses::text(int peer) const {
  std::string text;
  for (const std::string& address : hosts_[static_cast<std::size_t>(peer)].addresses)
    text += (text.empty() ? "" : " or ") + address;
  return text.empty() ? "a socket file" : text;
}

}  // namespace polydot::node
