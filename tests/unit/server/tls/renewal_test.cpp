// tests/unit/server/tls/renewal_test.cpp: contexts that were replaced end with their last user.
#include "server/tls/renewal.hpp"

#include <catch2/catch.hpp>
#include <memory>

namespace renewal_test {

using namespace grid::server::tls;

namespace {

void count_end(void*, void* ended, CRYPTO_EX_DATA*, int, long, void*) {
    if (ended != nullptr) ++*static_cast<int*>(ended);
}

/// A context that says when it ends.
Context counted_context(int& ended) {
    static const int slot = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, count_end);
    Context context(SSL_CTX_new(TLS_server_method()));
    REQUIRE(SSL_CTX_set_ex_data(context.get(), slot, &ended) == 1);
    return context;
}

struct SslEnd {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
};

}   // namespace

TEST_CASE("a thousand renewals leave two contexts, and those that connections have") {
    int ended = 0;
    {
        Renewal renewal(counted_context(ended));
        renewal.put(counted_context(ended));
        const std::unique_ptr<SSL, SslEnd> connection(SSL_new(renewal.newest().get()));
        for (int i = 0; i < 998; ++i) renewal.put(counted_context(ended));
        CHECK(ended == 997);   // all but the first, the newest, and the connection's
        CHECK(renewal.newest().get() != renewal.get());
    }
    CHECK(ended == 1'000);
}

TEST_CASE("who asks for the newest one may keep it") {
    int ended = 0;
    Renewal renewal(counted_context(ended));
    renewal.put(counted_context(ended));
    {
        const Context kept = renewal.newest();
        renewal.put(counted_context(ended));
        CHECK(ended == 0);
    }
    CHECK(ended == 1);
}

}   // namespace renewal_test
