// server/stream/codec.cpp: see codec.hpp.
#include "server/stream/codec.hpp"

namespace grid::server::stream {

std::size_t piece_of(std::string_view bytes, std::size_t& tags) {
    std::size_t size = 0;
    for (; tags > 0; --tags) {
        const auto end = bytes.find('>', size);
        if (end == std::string_view::npos) return bytes.size();
        size = end + 1;
    }
    return size;
}

}   // namespace grid::server::stream
