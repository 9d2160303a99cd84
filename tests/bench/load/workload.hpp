// tests/bench/load/workload.hpp: the pubsub requests that a load needs; items with a stamp.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "load/options.hpp"

namespace grid::bench {

// In every item, as "~", 4 + 8 + 16 hexadecimal digits, filling, "~". No other '~' is ever sent, so
// a receiver finds it without parsing, and sees that the item is whole.
struct Stamp {
    std::uint32_t publisher = 0;
    std::uint32_t sequence = 0;
    std::uint64_t time_ns = 0;   // steady clock of the machine: sender and receiver share it
};

// A publish request that is made once and stamped each time. The payload element is exactly
// options.bytes long.
class PublishRequest {
public:
    PublishRequest(const Options& options, std::uint32_t publisher, const std::string& node);
    // Valid until the next call. The IQ's id is "p" and the sequence number in 8 hex digits.
    std::string_view stamped(std::uint32_t sequence, std::uint64_t time_ns);

private:
    std::string text_;
    std::uint32_t publisher_;
    std::size_t iq_id_ = 0;
    std::size_t item_id_ = 0;
    std::size_t packet_id_ = 0;
    std::size_t stamp_ = 0;
};

// Calls `take` with each stamp in the stanza. Throws when an item is not `bytes` long.
template <typename Take>
void for_each_stamp(std::string_view stanza, std::size_t bytes, Take&& take);

// The sequence number in the answer to a publish; throws when the answer is an error or no answer.
std::uint32_t acknowledged(std::string_view iq, const std::string& who);

std::string create_node(const Options& options, const std::string& node);
std::string pubsub(const Options& options, bool set, const std::string& content);
// A disco query: `what` is "items" or "info"; of the service when `node` is empty.
std::string disco(
    const Options& options,
    const std::string& what,
    const std::string& node,
    const std::string& content
);
std::string delete_node(const Options& options, const std::string& node);
std::string subscribe(const Options& options, const std::string& node, const std::string& jid);

// A name that no earlier run has used.
std::string fresh_node_name();

// ---- details of the template ----

// Length of what stands between the two '~', stamp included.
std::size_t stamped_bytes(std::size_t payload_bytes);
bool read_stamp(std::string_view at, std::size_t stamped_bytes, Stamp& into);
[[noreturn]] void throw_damaged(std::string_view stanza);

template <typename Take>
void for_each_stamp(std::string_view stanza, std::size_t bytes, Take&& take) {
    const std::size_t length = stamped_bytes(bytes);
    for (auto at = stanza.find('~'); at != std::string_view::npos;
         at = stanza.find('~', at + length + 2)) {
        Stamp stamp;
        if (!read_stamp(stanza.substr(at), length, stamp)) throw_damaged(stanza);
        take(stamp);
    }
}

}   // namespace grid::bench
