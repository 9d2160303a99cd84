// server/net/socket_bio.cpp: recv and send as an OpenSSL BIO.
#include "server/net/socket_bio.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <cstdint>

namespace grid::server::net {
namespace {

int descriptor_of(BIO* bio) {
    return static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio)));
}

bool is_retry(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

int write(BIO* bio, const char* from, int size) {
    BIO_clear_retry_flags(bio);
    const auto sent =
        ::send(descriptor_of(bio), from, static_cast<std::size_t>(size), MSG_NOSIGNAL);
    if (sent < 0 && is_retry(errno)) BIO_set_retry_write(bio);
    return static_cast<int>(sent);
}

int read(BIO* bio, char* into, int size) {
    BIO_clear_retry_flags(bio);
    const auto received = ::recv(descriptor_of(bio), into, static_cast<std::size_t>(size), 0);
    if (received < 0 && is_retry(errno)) BIO_set_retry_read(bio);
    if (received == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
    return static_cast<int>(received);
}

long control(BIO* bio, int command, long, void*) {
    switch (command) {
        case BIO_CTRL_FLUSH:
            return 1;   // nothing is held back
        case BIO_CTRL_EOF:
            return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
        default:
            return 0;
    }
}

BIO_METHOD* make_method() {
    BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "grid socket");
    if (method == nullptr) return nullptr;
    BIO_meth_set_write(method, write);
    BIO_meth_set_read(method, read);
    BIO_meth_set_ctrl(method, control);
    return method;
}

}   // namespace

BIO* make_socket_bio(int descriptor) {
    static BIO_METHOD* const method = make_method();   // for the life of the process
    if (method == nullptr) return nullptr;
    BIO* bio = BIO_new(method);
    if (bio == nullptr) return nullptr;
    BIO_set_data(bio, reinterpret_cast<void*>(static_cast<std::intptr_t>(descriptor)));
    BIO_set_init(bio, 1);
    return bio;
}

}   // namespace grid::server::net
