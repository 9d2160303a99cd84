// server/net/tls_stream_async.hpp: TlsStream's composed operations, for Beast. Included by
// tls_stream.hpp.
#pragma once

#include <algorithm>
#include <cstring>
#include <utility>

namespace grid::server::net {
namespace detail {

/// The payload of one TLS record; the unit of a gathered write.
inline constexpr std::size_t record_bytes_max = 16 * 1024;
/// Of this thread, record_bytes_max long; valid until the next call.
char* gather_scratch();

enum class Step { Start, Waiting, Posted };

struct ReadSome {
    TlsStream& stream;
    std::span<char> into;
    TlsStream::Now now = {};
    Step step = Step::Start;

    template <class Self>
    void operator()(Self& self, boost::system::error_code error = {}) {
        if (step == Step::Posted) return self.complete(now.error, now.bytes);
        if (error) return self.complete(error, 0);
        now = stream.read_now(into);
        if (now.would_block) {
            step = Step::Waiting;
            return stream.socket().async_wait(stream.wait_type_of_read(), std::move(self));
        }
        if (step == Step::Waiting) return self.complete(now.error, now.bytes);
        // A composed operation must not complete inside the function that starts it.
        step = Step::Posted;
        asio::post(stream.get_executor(), std::move(self));
    }
};

template <class Buffers>
struct WriteSome {
    TlsStream& stream;
    Buffers buffers;
    TlsStream::Now now = {};
    Step step = Step::Start;

    /// Small buffers together, so that an HTTP head and its body are one record. The same bytes
    /// after every wait, as OpenSSL demands.
    std::string_view gather() const {
        std::size_t size = 0;
        for (auto at = asio::buffer_sequence_begin(buffers);
             at != asio::buffer_sequence_end(buffers); ++at) {
            const asio::const_buffer buffer(*at);
            if (size == 0 && buffer.size() >= record_bytes_max)
                return {static_cast<const char*>(buffer.data()), record_bytes_max};
            const std::size_t taken = std::min(buffer.size(), record_bytes_max - size);
            if (taken > 0) std::memcpy(gather_scratch() + size, buffer.data(), taken);
            size += taken;
        }
        return {gather_scratch(), size};
    }

    template <class Self>
    void operator()(Self& self, boost::system::error_code error = {}) {
        if (step == Step::Posted) return self.complete(now.error, now.bytes);
        if (error) return self.complete(error, 0);
        now = stream.write_now(gather());
        if (now.would_block && now.bytes == 0) {
            step = Step::Waiting;
            return stream.socket().async_wait(stream.wait_type_of_write(), std::move(self));
        }
        if (step == Step::Waiting) return self.complete(now.error, now.bytes);
        step = Step::Posted;
        asio::post(stream.get_executor(), std::move(self));
    }
};

/// The first buffer that is not empty: an async_read_some may read less than was asked for.
template <class Buffers>
std::span<char> first_span(const Buffers& buffers) {
    for (auto at = asio::buffer_sequence_begin(buffers); at != asio::buffer_sequence_end(buffers);
         ++at) {
        const asio::mutable_buffer buffer(*at);
        if (buffer.size() > 0) return {static_cast<char*>(buffer.data()), buffer.size()};
    }
    return {};
}

}   // namespace detail

template <class Buffers, class Token>
auto TlsStream::async_read_some(const Buffers& buffers, Token&& token) {
    return asio::async_compose<Token, void(boost::system::error_code, std::size_t)>(
        detail::ReadSome{*this, detail::first_span(buffers)}, token, socket_
    );
}

template <class Buffers, class Token>
auto TlsStream::async_write_some(const Buffers& buffers, Token&& token) {
    return asio::async_compose<Token, void(boost::system::error_code, std::size_t)>(
        detail::WriteSome<Buffers>{*this, buffers}, token, socket_
    );
}

}   // namespace grid::server::net
