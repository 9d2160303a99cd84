// server/net/byte_sink.hpp: where the bytes of a connection go.
#pragma once

#include <boost/system/error_code.hpp>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace grid::server::net {

/// The result of reading or writing without waiting: bytes, or 0 with `would_block` or an error. A
/// write may have both: it took `bytes`, and there is no room for more.
struct Now {
    std::size_t bytes = 0;
    bool would_block = false;
    boost::system::error_code error = {};   // eof when the peer closed
};

/// On its connection's strand.
class ByteSink {
public:
    virtual ~ByteSink() = default;
    /// After would_block the rest must be offered again, at least as much of it (it may have
    /// moved).
    virtual Now write_now(std::string_view bytes) = 0;
    /// Bytes that left for the peer, and how many of them its machine has not acknowledged.
    virtual std::uint64_t sent_bytes() const = 0;
    virtual std::uint64_t unacknowledged_bytes() = 0;

protected:
    ByteSink() = default;
    ByteSink(const ByteSink&) = default;
    ByteSink& operator=(const ByteSink&) = default;
};

}   // namespace grid::server::net
