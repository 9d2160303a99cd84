// server/cluster/link/frame.cpp: see frame.hpp.
#include "server/cluster/link/frame.hpp"

#include <algorithm>
#include <utility>

#include "storage/codec.hpp"

namespace grid::server::cluster {

namespace {

enum class Word : std::uint8_t { Hello = 1, Beat = 2, Bye = 3 };

constexpr std::size_t reason_bytes_max = 300;

std::uint8_t byte(Word word) { return static_cast<std::uint8_t>(word); }

}   // namespace

std::array<char, frame_head_bytes> frame_head(std::uint8_t channel, std::size_t payload_bytes) {
    const auto at = [payload_bytes](unsigned shift) {
        return static_cast<char>(static_cast<unsigned char>(payload_bytes >> shift));
    };
    return {at(24), at(16), at(8), at(0), static_cast<char>(channel)};
}

std::string make_frame(std::uint8_t channel, std::string_view payload) {
    const auto head = frame_head(channel, payload.size());
    std::string frame(head.data(), head.size());
    return frame.append(payload);
}

std::optional<Frame> FrameReader::take(std::string_view& bytes) {
    if (is_broken_) return std::nullopt;
    if (head_bytes_ < head_.size()) {
        const auto taken = std::min(bytes.size(), head_.size() - head_bytes_);
        std::copy_n(bytes.data(), taken, head_.data() + head_bytes_);
        bytes.remove_prefix(taken);
        head_bytes_ += taken;
        if (head_bytes_ < head_.size()) return std::nullopt;
        storage::Decoder head(std::string_view(head_.data(), head_.size()));
        payload_bytes_ = head.u32();
        frame_.channel = head.u8();
        is_broken_ = payload_bytes_ > payload_bytes_max_;
        if (is_broken_) return std::nullopt;
    }
    const auto taken = std::min(bytes.size(), payload_bytes_ - frame_.payload.size());
    frame_.payload.append(bytes.substr(0, taken));
    bytes.remove_prefix(taken);
    if (frame_.payload.size() < payload_bytes_) return std::nullopt;
    head_bytes_ = 0;
    return std::exchange(frame_, {});
}

std::string encode(const Hello& hello) {
    storage::Encoder out;
    out.u8(byte(Word::Hello)).u32(hello.oldest).u32(hello.newest);
    out.text(hello.cluster).text(hello.name).u64(hello.id).u64(hello.connection);
    return out.take();
}

std::optional<Hello> decode_hello(std::string_view payload) {
    storage::Decoder in(payload);
    if (in.u8() != byte(Word::Hello)) return std::nullopt;
    Hello hello;
    hello.oldest = in.u32();
    hello.newest = in.u32();
    hello.cluster = in.text();
    hello.name = in.text();
    hello.id = in.u64();
    hello.connection = in.u64();
    if (!in.ok() || hello.id == 0 || hello.oldest > hello.newest) return std::nullopt;
    return hello;
}

std::string encode_beat() { return std::string(1, static_cast<char>(Word::Beat)); }

std::string encode_bye(std::string_view reason) {
    storage::Encoder out;
    return out.u8(byte(Word::Bye)).raw(reason.substr(0, reason_bytes_max)).take();
}

std::optional<std::string> decode_bye(std::string_view payload) {
    storage::Decoder in(payload);
    if (in.u8() != byte(Word::Bye)) return std::nullopt;
    return std::string(in.raw());
}

}   // namespace grid::server::cluster
