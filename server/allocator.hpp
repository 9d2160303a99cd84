// server/allocator.hpp: how gridd uses jemalloc.
#pragma once

namespace grid::server {

/// OpenSSL's memory is taken from an arena of its own. The objects of a connection end with it,
/// while those of its session, of its account and of the store stay: on pages that both share, a
/// session that waits to be resumed would hold twice the memory that it uses. To be called before
/// anything uses OpenSSL; without effect later.
void keep_openssl_memory_apart();

}   // namespace grid::server
