// server/allocator.cpp: how gridd uses jemalloc; part of the program alone, tests use the C
// library's allocator.
#include "server/allocator.hpp"

#ifdef GRID_JEMALLOC
#include <jemalloc/jemalloc.h>
#include <openssl/crypto.h>

#include <cstddef>
#include <cstdint>

/// jemalloc reads it before `main`. Memory that was freed goes back to the system by threads of
/// jemalloc's own, within five seconds: without these a thread gives back only while it allocates,
/// and after the loss of 5,000 connections none does.
extern "C" const char* malloc_conf = "background_thread:true,dirty_decay_ms:5000";

namespace grid::server {
namespace {

unsigned arena = 0;

/// The calling thread's cache of that arena's memory: the arena is shared, and takes locks. It has
/// no destructor, since OpenSSL frees memory of a thread after the destructors have run.
struct ThreadCache {
    enum class State : std::uint8_t { None, Made, Gone } state = State::None;
    unsigned number = 0;
};
thread_local constinit ThreadCache cache;

struct CacheEnd {
    ~CacheEnd() {
        if (cache.state == ThreadCache::State::Made)
            ::mallctl("tcache.destroy", nullptr, nullptr, &cache.number, sizeof cache.number);
        cache.state = ThreadCache::State::Gone;
    }
};

void make_cache() {
    thread_local const CacheEnd end;
    std::size_t size = sizeof cache.number;
    const bool is_made = ::mallctl("tcache.create", &cache.number, &size, nullptr, 0) == 0;
    cache.state = is_made ? ThreadCache::State::Made : ThreadCache::State::Gone;
}

int cache_flags() {
    if (cache.state == ThreadCache::State::None) make_cache();
    return cache.state == ThreadCache::State::Made ? MALLOCX_TCACHE(cache.number)
                                                   : MALLOCX_TCACHE_NONE;
}

void* take(std::size_t size, const char*, int) {
    return size == 0 ? nullptr : ::mallocx(size, MALLOCX_ARENA(arena) | cache_flags());
}

void give_back(void* memory, const char*, int) {
    if (memory != nullptr) ::dallocx(memory, cache_flags());
}

void* resize(void* memory, std::size_t size, const char* file, int line) {
    if (memory == nullptr) return take(size, file, line);
    if (size != 0) return ::rallocx(memory, size, MALLOCX_ARENA(arena) | cache_flags());
    give_back(memory, file, line);
    return nullptr;
}

}   // namespace

void keep_openssl_memory_apart() {
    std::size_t size = sizeof arena;
    if (::mallctl("arenas.create", &arena, &size, nullptr, 0) == 0)
        CRYPTO_set_mem_functions(take, resize, give_back);
}

}   // namespace grid::server

#else

// A sanitizer's allocator keeps all memory apart.
void grid::server::keep_openssl_memory_apart() {}

#endif
