// server/bulk/socks5.cpp: see socks5.hpp.
#include "server/bulk/socks5.hpp"

#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <utility>

namespace grid::server::bulk {

namespace {

constexpr unsigned char socks_version = 5, no_authentication = 0, none_acceptable = 0xff;
constexpr unsigned char connect = 1, domain_name = 3;
constexpr std::size_t request_head_size = 5;   // up to the length of the name
constexpr std::size_t port_size = 2;

unsigned char octet_at(const std::string& text, std::size_t index) {
    return static_cast<unsigned char>(text.at(index));
}

std::string octets(std::initializer_list<unsigned char> values) {
    return {values.begin(), values.end()};
}

bool is_stream_hash(std::string_view text) {
    return text.size() == stream_hash_size && std::ranges::all_of(text, [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
           });
}

}   // namespace

std::string stream_hash(std::string_view sid, std::string_view requester, std::string_view target) {
    std::string text(sid);
    text.append(requester).append(target);
    std::array<unsigned char, SHA_DIGEST_LENGTH> digest{};
    SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
    constexpr std::string_view digits = "0123456789abcdef";
    std::string hash;
    for (const unsigned char byte : digest) {
        hash += digits[byte >> 4U];
        hash += digits[byte & 15U];
    }
    return hash;
}

std::string Socks5::take(std::string_view given) {
    held_ += given.substr(0, wants());
    if (wants() != 0) return {};
    return stage_ == Stage::Greeting ? greet() : read_request();
}

/// Version, number of methods, methods.
std::string Socks5::greet() {
    if (octet_at(held_, 0) != socks_version) return end("the first byte is not that of SOCKS5");
    const std::size_t methods = octet_at(held_, 1);
    if (held_.size() == 2 && methods != 0) {
        wants_ = 2 + methods;
        return {};
    }
    if (std::find(held_.begin() + 2, held_.end(), char{no_authentication}) == held_.end())
        return end(
            "the client offers no method but ones with authentication",
            octets({socks_version, none_acceptable})
        );
    held_.clear();
    wants_ = request_head_size;
    stage_ = Stage::Request;
    return octets({socks_version, no_authentication});
}

/// Version, command, reserved, type of address, its length; then the name and a port.
std::string Socks5::read_request() {
    if (octet_at(held_, 0) != socks_version)
        return end("the request's first byte is not that of SOCKS5");
    if (octet_at(held_, 1) != connect)
        return refuse(
            Reply::NoSuchCommand, octet_at(held_, 1) == 2   ? "BIND is no command here"
                                  : octet_at(held_, 1) == 3 ? "UDP ASSOCIATE is no command here"
                                                            : "no such command"
        );
    if (octet_at(held_, 2) != 0) return refuse(Reply::Failure, "the reserved byte is not 0");
    if (octet_at(held_, 3) != domain_name)
        return refuse(
            Reply::NoSuchAddressType, "an address is asked for: only byte streams are here"
        );
    const std::size_t length = octet_at(held_, 4);
    if (length != stream_hash_size)
        return refuse(Reply::NotAllowed, "a host is asked for: only byte streams are here");
    if (held_.size() == request_head_size) {
        wants_ = request_head_size + length + port_size;
        return {};
    }
    hash_ = held_.substr(request_head_size, length);
    const bool has_port = octet_at(held_, wants_ - 2) != 0 || octet_at(held_, wants_ - 1) != 0;
    if (!is_stream_hash(hash_) || has_port)
        return refuse(
            Reply::NotAllowed,
            "a byte stream is named by 40 hexadecimal digits in lower case, and "
            "port 0"
        );
    stage_ = Stage::Asked;
    held_.clear();
    wants_ = 0;
    return {};
}

/// A success names what was asked for (XEP-0065 §6.3.4).
std::string Socks5::answer(Reply reply) {
    if (reply != Reply::Succeeded) return refuse(reply, reason_);
    std::string text = octets({socks_version, 0, 0, domain_name, stream_hash_size});
    return text.append(hash_).append(port_size, '\0');
}

std::string Socks5::refuse(Reply reply, std::string reason) {
    constexpr unsigned char ipv4 = 1;
    std::string text = octets({socks_version, static_cast<unsigned char>(reply), 0, ipv4});
    return end(std::move(reason), text.append(4 + port_size, '\0'));
}

std::string Socks5::end(std::string reason, std::string answer) {
    stage_ = Stage::Ended;
    reason_ = std::move(reason);
    held_.clear();
    wants_ = 0;
    return answer;
}

}   // namespace grid::server::bulk
