// server/clock.cpp: clock and random numbers, the latter drawn from OpenSSL in blocks.
#include "server/clock.hpp"

#include <openssl/rand.h>

#include <array>
#include <chrono>
#include <stdexcept>

namespace grid::server {

storage::Millis now() {
    using namespace std::chrono;
    return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

std::uint64_t monotonic_ms() {
    using namespace std::chrono;
    const auto since = duration_cast<milliseconds>(steady_clock::now().time_since_epoch());
    return static_cast<std::uint64_t>(since.count());
}

std::string fresh_id() {
    constexpr std::size_t id_bytes = 16;
    // RAND_bytes costs about a microsecond a call whatever it gives, so a thread draws 64 ids at
    // once.
    thread_local std::array<unsigned char, 64 * id_bytes> block;
    thread_local std::size_t used = block.size();
    if (used == block.size()) {
        if (RAND_bytes(block.data(), static_cast<int>(block.size())) != 1)
            throw std::runtime_error("the system gives no random numbers");
        used = 0;
    }
    constexpr std::string_view digits = "0123456789abcdef";
    std::string id;
    id.reserve(2 * id_bytes);
    for (std::size_t i = 0; i < id_bytes; ++i, ++used) {
        id += digits[block[used] >> 4];
        id += digits[block[used] & 15];
    }
    return id;
}

}   // namespace grid::server
