// server/net/socket_bio.cpp: recv and send as an OpenSSL BIO.
#include "server/net/socket_bio.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <span>
#include <utility>

namespace grid::server::net {
namespace {

/// Real ones have 200 bytes to 4 KiB.
constexpr std::size_t hello_bytes_max = 16 * 1024;

/// OpenSSL makes room for all of a ClientHello as soon as its head says how long it is, up to 128
/// KiB: a connection that sends nine bytes would have it. The bound is not to be set, so that the
/// records before any encryption are followed here.
class HelloGuard {
public:
    using Bytes = std::span<const unsigned char>;

    /// False: a longer ClientHello than any client has.
    bool admit(Bytes bytes) {
        while (!is_done_ && !bytes.empty()) {
            if (record_size_ < record_.size()) {
                record_[record_size_++] = bytes.front();
                bytes = bytes.subspan(1);
                left_ = record_[3] * 256U + record_[4];
            } else {
                const auto size = std::min<std::size_t>(left_, bytes.size());
                if (record_[0] == SSL3_RT_HANDSHAKE && !admit_message(bytes.first(size)))
                    return false;
                left_ -= size;
                bytes = bytes.subspan(size);
            }
            if (record_size_ == record_.size() && left_ == 0) record_size_ = 0;
        }
        return true;
    }

private:
    /// There may be a second one (RFC 8446 §4.1.4); another message ends it, since sessions are
    /// not resumed: in TLS 1.2 one stands in the clear before the first that is encrypted.
    bool admit_message(Bytes bytes) {
        while (!is_done_ && !bytes.empty()) {
            if (message_left_ > 0) {
                const auto size = std::min<std::size_t>(message_left_, bytes.size());
                message_left_ -= size;
                bytes = bytes.subspan(size);
                continue;
            }
            message_[message_size_++] = bytes.front();
            bytes = bytes.subspan(1);
            if (message_size_ < message_.size()) continue;
            message_size_ = 0;
            message_left_ = message_[1] * 65536U + message_[2] * 256U + message_[3];
            is_done_ = message_[0] != SSL3_MT_CLIENT_HELLO;
            if (!is_done_ && message_left_ > hello_bytes_max) return false;
        }
        return true;
    }

    std::array<unsigned char, 5> record_{};    // type, version, length
    std::array<unsigned char, 4> message_{};   // type, length
    std::uint8_t record_size_ = 0, message_size_ = 0;
    bool is_done_ = false;
    std::size_t left_ = 0, message_left_ = 0;
};

struct State {
    int descriptor;
    HelloGuard guard;
    bool holds = false;
    bool is_drained = false;   // by the last read, which got less than it had room for
};

State& state_of(BIO* bio) { return *static_cast<State*>(BIO_get_data(bio)); }

int descriptor_of(BIO* bio) { return state_of(bio).descriptor; }

bool is_retry(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

int write(BIO* bio, const char* from, int size) {
    BIO_clear_retry_flags(bio);
    const int flags = MSG_NOSIGNAL | (state_of(bio).holds ? MSG_MORE : 0);
    const auto sent = ::send(descriptor_of(bio), from, static_cast<std::size_t>(size), flags);
    if (sent < 0 && is_retry(errno)) BIO_set_retry_write(bio);
    return static_cast<int>(sent);
}

int read(BIO* bio, char* into, int size) {
    BIO_clear_retry_flags(bio);
    // To wait for more costs a call of the system that finds what has come meanwhile: a `recv` that
    // gets nothing before it would be one too many.
    if (std::exchange(state_of(bio).is_drained, false)) {
        BIO_set_retry_read(bio);
        return -1;
    }
    const auto received = ::recv(descriptor_of(bio), into, static_cast<std::size_t>(size), 0);
    state_of(bio).is_drained = received > 0 && received < size;
    if (received < 0 && is_retry(errno)) BIO_set_retry_read(bio);
    if (received == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
    if (received > 0 &&
        !state_of(bio).guard.admit(
            {reinterpret_cast<const unsigned char*>(into), static_cast<std::size_t>(received)}
        )) {
        ERR_raise(ERR_LIB_SSL, SSL_R_EXCESSIVE_MESSAGE_SIZE);
        return -1;
    }
    return static_cast<int>(received);
}

long control(BIO* bio, int command, long, void*) {
    switch (command) {
        case BIO_CTRL_FLUSH:
            return 1;   // all were given to the system
        case BIO_CTRL_EOF:
            return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
        default:
            return 0;
    }
}

int destroy(BIO* bio) {
    delete static_cast<State*>(BIO_get_data(bio));
    BIO_set_data(bio, nullptr);
    return 1;
}

BIO_METHOD* make_method() {
    BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "grid socket");
    if (method == nullptr) return nullptr;
    BIO_meth_set_write(method, write);
    BIO_meth_set_read(method, read);
    BIO_meth_set_ctrl(method, control);
    BIO_meth_set_destroy(method, destroy);
    return method;
}

}   // namespace

BIO* make_socket_bio(int descriptor) {
    static BIO_METHOD* const method = make_method();   // for the life of the process
    if (method == nullptr) return nullptr;
    BIO* bio = BIO_new(method);
    if (bio == nullptr) return nullptr;
    BIO_set_data(bio, new State{descriptor, {}});
    BIO_set_init(bio, 1);
    return bio;
}

void hold_back(BIO* bio, bool holds) { state_of(bio).holds = holds; }

void note_wait(BIO* bio) { state_of(bio).is_drained = false; }

}   // namespace grid::server::net
