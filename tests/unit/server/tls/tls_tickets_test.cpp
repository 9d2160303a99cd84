// tests/unit/server/tls/tls_tickets_test.cpp: TLS 1.3 is resumed with tickets, by whom they were
// made for, while the same CAs are trusted.
#include <catch2/catch.hpp>

#include "memory_handshake.hpp"
#include "server/net/channel_binding.hpp"
#include "server/tls/certificate.hpp"
#include "server/tls/tickets/tickets.hpp"
#include "server/tls/verify.hpp"

namespace tls_tickets_test {

using namespace grid::test;
using grid::server::Config;
namespace tls = grid::server::tls;
namespace net = grid::server::net;

namespace {

struct SessionDeleter {
    void operator()(SSL_SESSION* session) const { SSL_SESSION_free(session); }
};
using SessionPtr = std::unique_ptr<SSL_SESSION, SessionDeleter>;

struct Grid {
    TemporaryFiles files;
    Certificate ca = make_ca("a CA");
    Certificate ann = make_client(ca, "ann@grid.example");
    Config::Tls settings;

    Grid() {
        const auto server = make_server(ca, "grid.example");
        settings.certificate = files.write("server.crt", to_pem(server.certificate.get()));
        settings.key = files.write("server.key", to_pem(server.key.get()));
        trust({&ca});
    }
    void trust(const std::vector<const Certificate*>& anchors) {
        std::string all;
        for (const auto* one : anchors) all += to_pem(one->certificate.get());
        settings.client_ca = files.write("ca.crt", all);
    }
    tls::Context context(tls::Use use = tls::Use::Xmpp) const {
        return *tls::make_context(settings, use);
    }
};

Certificate copy_of(const Certificate& one) {
    EVP_PKEY_up_ref(one.key.get());
    return {X509Ptr(X509_dup(one.certificate.get())), KeyPtr(one.key.get())};
}

/// As TlsStream::send_ticket does.
SessionPtr take_ticket(MemoryHandshake& pair, const std::string& bytes, long seconds = 60) {
    SSL_SESSION* session = SSL_get_session(pair.server());
    SSL_SESSION_set_timeout(session, seconds);
    SSL_SESSION_set1_ticket_appdata(session, bytes.data(), bytes.size());
    SSL_new_session_ticket(pair.server());
    SSL_do_handshake(pair.server());
    char byte = 0;
    SSL_read(pair.client(), &byte, 1);   // takes the ticket in
    // A copy: a connection that ends without a goodbye takes its own session along.
    return SessionPtr(SSL_SESSION_dup(SSL_get_session(pair.client())));
}

SessionPtr first_ticket(SSL_CTX* context, const Certificate& client, int version = 0) {
    MemoryHandshake pair(context, copy_of(client));
    SSL_set_max_proto_version(pair.client(), version);
    REQUIRE(pair.run());
    const auto ticket = tls::ticket_for(pair.server(), 1'000);
    REQUIRE(ticket.has_value());
    return take_ticket(pair, tls::to_bytes(*ticket));
}

bool is_resumed(SSL_CTX* context, const SessionPtr& session) {
    MemoryHandshake pair(context);
    SSL_set_session(pair.client(), SessionPtr(SSL_SESSION_dup(session.get())).get());
    REQUIRE(pair.run());
    CHECK(SSL_session_reused(pair.client()) == SSL_session_reused(pair.server()));
    return SSL_session_reused(pair.server()) == 1;
}

tls::Presented judge_again(SSL* ssl) {
    const auto ticket = tls::resumed_ticket_of(ssl);
    REQUIRE(ticket.has_value());
    tls::verify_again(ssl, ticket->chain);
    return tls::judge(ssl, "grid.example", {}, 0);
}

}   // namespace

TEST_CASE("a client that resumes is the one that it was, by its chain verified anew", "[tls]") {
    const Grid grid;
    const auto context = grid.context();
    tls::Presented full;
    SessionPtr session;
    {
        MemoryHandshake pair(context.get(), copy_of(grid.ann));
        REQUIRE(pair.run());
        full = tls::judge(pair.server(), "grid.example", {}, 0);
        session = take_ticket(pair, tls::to_bytes(*tls::ticket_for(pair.server(), 1'000)));
    }
    MemoryHandshake pair(context.get());
    SSL_set_session(pair.client(), session.get());
    REQUIRE(pair.run());
    REQUIRE(SSL_session_reused(pair.server()) == 1);
    CHECK(tls::resumed_ticket_of(pair.server())->proved == 1'000);
    const auto again = judge_again(pair.server());
    CHECK(again.can_log_in());
    CHECK(again.identities == full.identities);
    CHECK(again.fingerprint == full.fingerprint);
    CHECK(again.anchor == full.anchor);
    CHECK(again.key == full.key);
    CHECK(again.path == full.path);
    CHECK(again.valid_until == full.valid_until);
    tls::forget_verified(pair.server());
    CHECK(tls::certificate_of(pair.server()) == nullptr);
}

TEST_CASE("a chain with a CA between resumes, too", "[tls]") {
    Grid grid;
    const auto between = make_ca("a CA between", &grid.ca);
    const auto bob = make_client(between, "bob@grid.example");
    const auto context = grid.context();
    SessionPtr session;
    {
        MemoryHandshake pair(context.get(), copy_of(bob), {&between});
        REQUIRE(pair.run());
        const auto ticket = tls::ticket_for(pair.server(), 1'000);
        REQUIRE(ticket.has_value());
        CHECK(ticket->chain.size() == 2);
        session = take_ticket(pair, tls::to_bytes(*ticket));
    }
    MemoryHandshake pair(context.get());
    SSL_set_session(pair.client(), session.get());
    REQUIRE(pair.run());
    const auto again = judge_again(pair.server());
    CHECK(again.can_log_in());
    CHECK(again.path.size() == 2);
}

TEST_CASE("the keys of a resumed connection are its own, and so is its channel binding", "[tls]") {
    const Grid grid;
    const auto context = grid.context();
    MemoryHandshake first(context.get(), copy_of(grid.ann));
    REQUIRE(first.run());
    const auto session = take_ticket(first, tls::to_bytes({.proved = 1, .chain = {}}));
    MemoryHandshake second(context.get());
    SSL_set_session(second.client(), session.get());
    REQUIRE(second.run());
    REQUIRE(SSL_session_reused(second.server()) == 1);
    const auto before = net::channel_bindings(first.server());
    const auto here = net::channel_bindings(second.server());
    const auto there = net::channel_bindings(second.client());
    CHECK(here.at("tls-exporter").size() == 32);
    CHECK(here.at("tls-exporter") == there.at("tls-exporter"));
    CHECK(here.at("tls-exporter") != before.at("tls-exporter"));
    CHECK(here.at("tls-server-end-point") == before.at("tls-server-end-point"));
}

TEST_CASE("a ticket is of no use in another context", "[tls]") {
    Grid grid;
    const auto context = grid.context();
    const auto session = first_ticket(context.get(), grid.ann);
    CHECK(is_resumed(context.get(), session));
    CHECK(is_resumed(context.get(), session));   // as often as its holder wants
    CHECK_FALSE(is_resumed(grid.context().get(), session));
    CHECK_FALSE(is_resumed(grid.context(tls::Use::Http).get(), session));
    grid.settings.resumption_seconds_max = 0;
    CHECK_FALSE(is_resumed(grid.context().get(), session));
}

TEST_CASE("a connection whose context was replaced resumes nothing of the old one", "[tls]") {
    Grid grid;
    const auto old_context = grid.context();
    const auto session = first_ticket(old_context.get(), grid.ann);
    const auto other = make_ca("another CA");
    grid.trust({&other});
    const auto newest = grid.context();
    // As tls::Renewal does.
    SSL_CTX_set_client_hello_cb(
        old_context.get(),
        [](SSL* ssl, int*, void* context) {
            SSL_set_SSL_CTX(ssl, static_cast<SSL_CTX*>(context));
            return SSL_CLIENT_HELLO_SUCCESS;
        },
        newest.get()
    );
    CHECK_FALSE(is_resumed(old_context.get(), session));
    const auto bob = make_client(other, "bob@grid.example");
    const auto of_bob = first_ticket(old_context.get(), bob);
    CHECK(is_resumed(old_context.get(), of_bob));
    // Even a chain that had come through would be judged by the new anchors.
    MemoryHandshake pair(old_context.get());
    SSL_set_session(pair.client(), of_bob.get());
    REQUIRE(pair.run());
    MemoryHandshake anns(grid.context().get(), copy_of(grid.ann));
    REQUIRE(anns.run());
    tls::verify_again(pair.server(), tls::ticket_for(anns.server(), 1)->chain);
    const auto judged = tls::judge(pair.server(), "grid.example", {}, 0);
    CHECK(judged.present);
    CHECK_FALSE(judged.can_log_in());
    CHECK(judged.reason.find("not among the trusted CAs") != std::string::npos);
}

TEST_CASE("TLS 1.2 is not resumed, and a key exchange without an ephemeral key never", "[tls]") {
    const Grid grid;
    const auto context = grid.context();
    MemoryHandshake old_pair(context.get(), copy_of(grid.ann));
    SSL_set_max_proto_version(old_pair.client(), TLS1_2_VERSION);
    REQUIRE(old_pair.run());
    CHECK(SSL_SESSION_has_ticket(SSL_get_session(old_pair.client())) == 0);
    CHECK(SSL_SESSION_is_resumable(SSL_get_session(old_pair.client())) == 0);

    const auto session = first_ticket(context.get(), grid.ann);
    CHECK(SSL_SESSION_get_max_early_data(session.get()) == 0);
    // The key exchange of the resumed connection is there: the group was negotiated.
    MemoryHandshake pair(context.get());
    SSL_set_session(pair.client(), session.get());
    REQUIRE(pair.run());
    REQUIRE(SSL_session_reused(pair.server()) == 1);
    CHECK(SSL_get_negotiated_group(pair.server()) != NID_undef);
}

TEST_CASE("a ticket that was damaged leads to a full handshake", "[tls]") {
    const Grid grid;
    const auto context = grid.context();
    const auto session = first_ticket(context.get(), grid.ann);
    unsigned char* der = nullptr;
    const int size = i2d_SSL_SESSION(session.get(), &der);
    REQUIRE(size > 0);
    const unsigned char* ticket = nullptr;
    std::size_t ticket_size = 0;
    SSL_SESSION_get0_ticket(session.get(), &ticket, &ticket_size);
    const std::string_view all(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
    const auto at = all.find({reinterpret_cast<const char*>(ticket), ticket_size});
    REQUIRE(at != std::string_view::npos);
    for (const std::size_t place :
         {std::size_t{0}, std::size_t{20}, ticket_size / 2, ticket_size - 1}) {
        der[at + place] ^= 1U;
        const unsigned char* from = der;
        const SessionPtr damaged(d2i_SSL_SESSION(nullptr, &from, size));
        der[at + place] ^= 1U;
        REQUIRE(damaged);
        CHECK_FALSE(is_resumed(context.get(), damaged));
    }
    OPENSSL_free(der);
}

TEST_CASE("the content of a ticket is read back, and nothing else is", "[tls]") {
    const tls::Ticket ticket{
        .proved = 1'700'000'000'123, .chain = {"first", std::string(300, 'x')}, .verdict = "good"
    };
    const std::string bytes = tls::to_bytes(ticket);
    const auto read = tls::read_ticket(bytes);
    REQUIRE(read.has_value());
    CHECK(read->proved == ticket.proved);
    CHECK(read->chain == ticket.chain);
    CHECK(read->verdict == ticket.verdict);
    CHECK(tls::read_ticket(tls::to_bytes({.proved = 5, .chain = {}}))->chain.empty());
    const std::size_t before_chain = 8 + 4 + 4, of_first = before_chain + 4 + 5;
    for (std::size_t length = 0; length < bytes.size(); ++length) {
        CAPTURE(length);
        const bool is_whole = length == before_chain || length == of_first;
        CHECK(tls::read_ticket(std::string_view(bytes).substr(0, length)).has_value() == is_whole);
    }
}

TEST_CASE("a chain that is too long for a ticket is not carried", "[tls]") {
    Grid grid;
    std::vector<std::string> names;
    for (int i = 0; i < 60; ++i) names.push_back(std::string(140, 'a') + std::to_string(i));
    const auto ann = make({.xmpp = {{"ann@grid.example"}}, .dns = names}, &grid.ca);
    MemoryHandshake pair(grid.context().get(), copy_of(ann));
    REQUIRE(pair.run());
    CHECK_FALSE(tls::ticket_for(pair.server(), 1).has_value());
}

}   // namespace tls_tickets_test
