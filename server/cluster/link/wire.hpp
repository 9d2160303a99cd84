// server/cluster/link/wire.hpp: the connection of a link: TLS, the bytes that were read, and the
// frames in them.
#pragma once

#include <boost/asio.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/cluster/link/frame.hpp"
#include "server/net/tls_stream.hpp"

namespace grid::server::cluster {

/// On the strand of its stream. Until `trust` frames are as short as a hello is.
class Wire {
public:
    explicit Wire(net::Socket socket);

    net::TlsStream& stream() { return stream_; }
    /// The other side is a member: frames of that size, and a larger buffer.
    void trust(std::size_t frame_bytes_max);

    /// The next frame of those bytes that were read before; nullopt: more are to be read, or the
    /// stream of frames is broken.
    std::optional<Frame> take() { return reader_.take(unread_); }
    bool is_broken() const { return reader_.is_broken(); }
    /// Reads once; for when there are no frames left.
    net::Now read_now();

    /// The next frame, however long it takes; nullopt: the connection ended, see `failure`.
    boost::asio::awaitable<std::optional<Frame>> read_frame();
    /// All of it; false as above.
    boost::asio::awaitable<bool> write(std::string bytes);
    std::string failure() const;

private:
    net::TlsStream stream_;
    FrameReader reader_{greeting_bytes_max};
    std::vector<char> buffer_;
    std::string_view unread_;   // in the buffer
};

}   // namespace grid::server::cluster
