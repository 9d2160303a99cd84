// server/bulk/socks5.hpp: the words of SOCKS5 that byte streams need (RFC 1928, XEP-0065 §6), as a
// machine without I/O.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace grid::server::bulk {

/// Hexadecimal SHA-1, in lower case.
inline constexpr std::size_t stream_hash_size = 40;
/// The name of a byte stream at its proxy (XEP-0065 §5.3.2): SHA-1 of the stream's id and both full
/// addresses.
std::string stream_hash(std::string_view sid, std::string_view requester, std::string_view target);

/// One client's side: no authentication, CONNECT to the name of a byte stream, and nothing else. A
/// proxy that reaches no address need not know how to. Gives the answers, so that the caller only
/// moves bytes.
class Socks5 {
public:
    enum class Reply : std::uint8_t {
        Succeeded = 0,
        Failure = 1,
        NotAllowed = 2,
        Refused = 5,
        NoSuchCommand = 7,
        NoSuchAddressType = 8
    };
    enum class Stage { Greeting, Request, Asked, Ended };

    /// So many bytes are to be read next, and no more: what the client sends behind its request is
    /// the stream's, and stays in the socket. 0: Asked or Ended.
    std::size_t wants() const { return wants_ - held_.size(); }
    /// At most as many as are wanted. Returns what is to be sent, which may be nothing.
    std::string take(std::string_view bytes);
    Stage stage() const { return stage_; }
    /// Asked: the stream that the client wants. It gets `answer` next.
    const std::string& hash() const { return hash_; }
    std::string answer(Reply reply);
    /// Ended: why, for the log.
    const std::string& reason() const { return reason_; }

private:
    std::string greet();
    std::string read_request();
    std::string end(std::string reason, std::string answer = {});
    std::string refuse(Reply reply, std::string reason);

    Stage stage_ = Stage::Greeting;
    std::size_t wants_ = 2;
    std::string held_, hash_, reason_;
};

}   // namespace grid::server::bulk
