// server/net/connection_memory.hpp: where the objects of a connection are, apart from those that
// stay.
#pragma once

#include <openssl/crypto.h>

#include <cstddef>
#include <new>

namespace grid::server::net {

/// For std::allocate_shared, of objects that end with their connection: OpenSSL's memory, which
/// gridd keeps apart from that of sessions, accounts and the store (server/allocator.hpp). Any
/// thread.
template <class T>
struct ConnectionMemory {
    using value_type = T;

    ConnectionMemory() = default;
    template <class Other>
    explicit(false) ConnectionMemory(const ConnectionMemory<Other>&) {}

    T* allocate(std::size_t count) {
        static_assert(alignof(T) <= alignof(std::max_align_t));
        void* memory = OPENSSL_malloc(count * sizeof(T));
        if (memory == nullptr) throw std::bad_alloc();
        return static_cast<T*>(memory);
    }
    void deallocate(T* memory, std::size_t) { OPENSSL_free(memory); }

    template <class Other>
    bool operator==(const ConnectionMemory<Other>&) const {
        return true;
    }
};

}   // namespace grid::server::net
