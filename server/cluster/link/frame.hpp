// server/cluster/link/frame.hpp: the bytes on a link between two members: frames, and the link's
// own words.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "storage/log_group.hpp"

namespace grid::server::cluster {

/// Versions of the grammar in README.md that this program speaks. It rises with each change of a
/// frame that the version before would misread.
inline constexpr std::uint32_t link_version_oldest = 3, link_version_newest = 3;

inline constexpr std::size_t frame_head_bytes = 5;   // length and channel
/// The channel of the link's own words.
inline constexpr std::uint8_t link_channel = 0;
/// The payload of the first frame of each side, of which the other side does not know yet whose it
/// is.
inline constexpr std::size_t greeting_bytes_max = 512;

struct Frame {
    std::uint8_t channel = link_channel;
    std::string payload;
};

std::array<char, frame_head_bytes> frame_head(std::uint8_t channel, std::size_t payload_bytes);
std::string make_frame(std::uint8_t channel, std::string_view payload);

/// Takes frames out of a stream of bytes. Memory grows with the bytes that came, not with the
/// length that a frame announces.
class FrameReader {
public:
    explicit FrameReader(std::size_t payload_bytes_max) : payload_bytes_max_(payload_bytes_max) {}
    /// Takes bytes from the front, at most to the end of one frame. nullopt: `bytes` is empty now,
    /// or the stream is broken.
    std::optional<Frame> take(std::string_view& bytes);
    /// A frame was longer than may be: nothing that follows can be understood.
    bool is_broken() const { return is_broken_; }
    /// Of the frames that begin from now on.
    void set_payload_bytes_max(std::size_t bytes) { payload_bytes_max_ = bytes; }

private:
    std::size_t payload_bytes_max_;
    std::array<char, frame_head_bytes> head_{};
    std::size_t head_bytes_ = 0, payload_bytes_ = 0;
    Frame frame_;
    bool is_broken_ = false;
};

/// The first frame of each side.
struct Hello {
    std::uint32_t oldest = link_version_oldest, newest = link_version_newest;
    std::string cluster, name;   // cluster.name, cluster.member
    storage::MemberId id = 0;    // of the sender
    std::uint64_t connection =
        0;   // rises with each of the side that connects; the answer repeats it
};
std::string encode(const Hello& hello);
/// nullopt: it is none. One of a newer version has the same beginning, and may be longer.
std::optional<Hello> decode_hello(std::string_view payload);

std::string encode_beat();
/// Why the connection ends, for the other side's operator.
std::string encode_bye(std::string_view reason);
std::optional<std::string> decode_bye(std::string_view payload);

}   // namespace grid::server::cluster
