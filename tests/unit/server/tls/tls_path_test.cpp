// tests/unit/server/tls/tls_path_test.cpp: every path to an anchor is found, and none costs more
// than another.
#include <time.h>

#include <algorithm>
#include <catch2/catch.hpp>

#include "memory_handshake.hpp"
#include "server/tls/certificate.hpp"
#include "server/tls/certificate_text.hpp"
#include "server/tls/openssl_error.hpp"
#include "server/tls/raw_chain.hpp"

namespace tls_path_test {

using namespace grid::test;
using Catch::Contains;
using grid::server::Config;
namespace tls = grid::server::tls;

namespace {

constexpr grid::storage::Millis now = 1'800'000'000'000;

std::string key_of(const Certificate& one) { return tls::key_hash_of(one.certificate.get()); }

/// A server that trusts these CAs, in this order.
struct Bundle {
    TemporaryFiles files;
    Certificate own_ca = make_ca("the server's CA");
    tls::Context context;

    explicit Bundle(const std::vector<const Certificate*>& trusted, bool is_strict = false) {
        const auto server = make_server(own_ca, "grid.example");
        Config::Tls settings;
        std::string bundle;
        for (const auto* one : trusted) bundle += to_pem(one->certificate.get());
        settings.certificate = files.write("s.crt", to_pem(server.certificate.get()));
        settings.key = files.write("s.key", to_pem(server.key.get()));
        settings.client_ca = files.write("ca.crt", bundle);
        settings.require_client_certificate = is_strict;
        auto made = tls::make_context(settings, tls::Use::Xmpp);
        REQUIRE(made.has_value());
        context = std::move(*made);
    }
    tls::Presented judge(
        const Certificate& client, const std::vector<const Certificate*>& chain = {}
    ) {
        X509_up_ref(client.certificate.get());
        EVP_PKEY_up_ref(client.key.get());
        MemoryHandshake pair(
            context.get(), {X509Ptr(client.certificate.get()), KeyPtr(client.key.get())}, chain
        );
        REQUIRE(pair.run());
        return tls::judge(pair.server(), "grid.example", {}, now);
    }
};

std::vector<std::string> authorities(const tls::Presented& presented) {
    auto all = tls::to_identity(presented, presented.identities.front()).authorities();
    std::ranges::sort(all);
    return all;
}

std::vector<std::string> sorted(std::vector<std::string> all) {
    std::ranges::sort(all);
    return all;
}

}   // namespace

TEST_CASE("found 36: of several CAs of one name and different keys all are tried") {
    std::vector<Certificate> twins;
    for (int i = 0; i < 5; ++i) twins.push_back(make_ca("Example CA"));
    for (int turn = 0; turn < 5; ++turn) {
        std::vector<const Certificate*> order;
        for (int i = 0; i < 5; ++i)
            order.push_back(&twins[static_cast<std::size_t>((i + turn) % 5)]);
        Bundle bundle(order);
        for (const auto& twin : twins) {
            const auto presented = bundle.judge(make_client(twin, "ann@grid.example"));
            CHECK(presented.reason.empty());
            CHECK(presented.anchor == key_of(twin));
        }
        const auto stranger = make_ca("Example CA");
        CHECK_THAT(
            bundle.judge(make_client(stranger, "ann@grid.example")).reason,
            Contains("another key signed")
        );
        // Another fault is said, although the first CA of that name did not sign it.
        const auto expired = make(
            {.not_before = -7200, .not_after = -3600, .xmpp = {{"ann@grid.example"}}}, &twins[3]
        );
        CHECK_THAT(bundle.judge(expired).reason, Contains("expired on"));
    }
}

TEST_CASE("found 34: whatever the order of the bundle, the same CAs vouch for a certificate") {
    const auto root = make_ca("root"), below = make_ca("below", &root);
    const auto client = make_client(below, "ann@grid.example");
    const auto both = sorted({key_of(root), key_of(below)});
    using Trusted = std::vector<const Certificate*>;
    for (const Trusted& trusted :
         {Trusted{&root, &below}, Trusted{&below, &root}, Trusted{&root}}) {
        Bundle bundle(trusted);
        const auto presented = bundle.judge(client, {&below});
        CHECK(presented.reason.empty());
        CHECK(authorities(presented) == both);
    }
    Bundle alone({&below});
    CHECK(authorities(alone.judge(client)) == std::vector{key_of(below)});
}

TEST_CASE("found 34: a CA that two others signed leads to both") {
    const auto old_root = make_ca("old root"), new_root = make_ca("new root");
    const auto below = make_ca("below", &old_root);
    const auto cross = cross_sign(below, new_root);
    const auto client = make_client(below, "ann@grid.example");
    const auto all = sorted({key_of(old_root), key_of(new_root), key_of(below)});
    Bundle bundle({&old_root, &new_root});
    CHECK(authorities(bundle.judge(client, {&below, &cross})) == all);
    CHECK(authorities(bundle.judge(client, {&cross, &below})) == all);
    // Whichever is left will do.
    Bundle later({&new_root});
    CHECK(
        authorities(later.judge(client, {&below, &cross})) ==
        sorted({key_of(new_root), key_of(below)})
    );
}

TEST_CASE("found 28: clients on P-384 and P-521 are taken in both versions of TLS") {
    const auto ca = make({.common_names = {"ca"}, .is_ca = true, .curve = "P-384"});
    Bundle bundle({&ca});
    for (const char* curve : {"P-256", "P-384", "P-521"})
        for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
            CAPTURE(curve, version);
            const Spec spec{.xmpp = {{"ann@grid.example"}}, .curve = curve};
            MemoryHandshake pair(bundle.context.get(), make(spec, &ca));
            SSL_set_max_proto_version(pair.client(), version);
            REQUIRE(pair.run());
            CHECK(tls::judge(pair.server(), "grid.example", {}, now).reason.empty());
        }
}

TEST_CASE("found 33: the text names the extension that is at fault") {
    const auto ca = make_ca("ca");
    Bundle bundle({&ca});
    const auto reason = [&](std::vector<std::pair<std::string, std::string>> extensions) {
        return bundle
            .judge(make({.xmpp = {{"ann@grid.example"}}, .extensions = std::move(extensions)}, &ca))
            .reason;
    };
    for (const char* usage : {"keyEncipherment", "nonRepudiation", "keyCertSign"})
        CHECK_THAT(reason({{"keyUsage", usage}}), Contains("its key usage lacks digitalSignature"));
    CHECK(reason({{"keyUsage", "digitalSignature"}}).empty());
    CHECK_THAT(reason({{"nsCertType", "server"}}), Contains("Netscape certificate type"));
    const auto other = make({.usage = "serverAuth", .xmpp = {{"ann@grid.example"}}}, &ca);
    CHECK_THAT(bundle.judge(other).reason, Contains("its extended key usage lacks clientAuth"));
}

TEST_CASE("found A24: what a CA may name as a host bounds the addresses that it may name") {
    const auto root = make_ca("root");
    const auto limited = [&](const char* constraints) {
        return make(
            {.common_names = {"below"},
             .is_ca = true,
             .extensions = {{"nameConstraints", constraints}}},
            &root
        );
    };
    Bundle bundle({&root});
    const auto reason = [&](const char* constraints) {
        const auto below = limited(constraints);
        return bundle.judge(make_client(below, "ann@grid.example"), {&below}).reason;
    };
    CHECK(reason("critical,permitted;DNS:grid.example").empty());
    CHECK(reason("critical,permitted;DNS:example").empty());
    CHECK(reason("critical,permitted;DNS:other.example,permitted;DNS:grid.example").empty());
    for (const char* constraints :
         {"critical,permitted;DNS:other.example", "critical,permitted;DNS:d.example",
          "critical,permitted;DNS:.grid.example", "critical,excluded;DNS:example"})
        CHECK_THAT(reason(constraints), Contains("name constraints"));
}

TEST_CASE("found A24: only an address in its canonical form is taken, ASCII case aside") {
    const auto ca = make_ca("ca");
    Bundle bundle({&ca});
    const auto reason = [&](const std::string& address) {
        return bundle.judge(make_client(ca, address)).reason;
    };
    CHECK(reason("Ann@Grid.EXAMPLE").empty());
    CHECK_THAT(
        reason("\uff41nn@grid.example"), Contains("canonical form, which is ann@grid.example")
    );
    CHECK_THAT(reason("ann@grid.exam\u00adple"), Contains("canonical form"));
    CHECK_THAT(reason("ann@grid.example."), Contains("canonical form"));
    // found 38: the reason names the fault.
    CHECK_THAT(reason("ann@grid.example/x"), Contains("with a resource"));
    CHECK_THAT(reason("grid.example"), Contains("without a local part"));
}

TEST_CASE("found A27: an empty name gives no account, by no rule") {
    const auto ca = make_ca("ca");
    Bundle bundle({&ca});
    const auto presented = [&](const Spec& spec, const char* rule) {
        MemoryHandshake pair(bundle.context.get(), make(spec, &ca));
        REQUIRE(pair.run());
        return tls::judge(pair.server(), "grid.example", {{rule, ""}}, now);
    };
    const auto check = [](const tls::Presented& shown, const char* text) {
        CHECK(shown.identities.empty());
        CHECK_FALSE(shown.can_log_in());
        CHECK_THAT(shown.reason, Contains(text));
    };
    check(presented({.common_names = {""}}, "cn"), "mapping rule");
    check(presented({.dns = {""}}, "dns"), "gives ''");
    check(presented({.email = {"@grid.example"}}, "email"), "finds nothing");
    // found 40: a rule that fits, and a name that is none; and no rule at all.
    check(presented({.common_names = {"FW Sensor 7"}}, "cn"), "the rule 'cn' gives 'FW Sensor 7'");
    check(presented({.common_names = {"a", "b"}}, "cn"), "needs exactly one common name");
    CHECK_THAT(
        bundle.judge(make({.common_names = {"fw7"}}, &ca)).reason,
        Contains("there is no mapping rule (sasl.mappings)")
    );
}

namespace {

/// The processor time that the server's side of a handshake takes, in nanoseconds: the least of
/// several, since others use the machine too.
template <class Make>
long cost(Make make, const char*& how) {
    long least = 0;
    for (int turn = 0; turn < 9; ++turn) {
        auto pair = make();
        timespec begin{}, end{};
        long spent = 0;
        for (int step = 0; step < 20; ++step) {
            SSL_do_handshake(pair->client());
            clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
            const int result = SSL_do_handshake(pair->server());
            if (result == 1) tls::judge(pair->server(), "grid.example", {}, now);
            const bool is_over =
                result == 1 || SSL_get_error(pair->server(), result) == SSL_ERROR_SSL;
            clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
            spent += (end.tv_sec - begin.tv_sec) * 1'000'000'000L + end.tv_nsec - begin.tv_nsec;
            how = result == 1 ? "passed" : "failed";
            if (is_over) break;
        }
        tls::take_openssl_failure();
        least = least == 0 ? spent : std::min(least, spent);
    }
    return least;
}

}   // namespace

TEST_CASE("found A5: no chain costs the server more than twice what a good one costs") {
    const auto ca = make_ca("grid CA");
    Bundle bundle({&ca});
    const auto with = [&](const Certificate& leaf, std::vector<X509Ptr>& chain) {
        return [&bundle, &leaf, &chain] {
            X509_up_ref(leaf.certificate.get());
            EVP_PKEY_up_ref(leaf.key.get());
            auto pair = std::make_unique<MemoryHandshake>(
                bundle.context.get(),
                Certificate{X509Ptr(leaf.certificate.get()), KeyPtr(leaf.key.get())}
            );
            for (const X509Ptr& one : chain) SSL_add1_chain_cert(pair->client(), one.get());
            return pair;
        };
    };
    const char* how = "";
    std::vector<X509Ptr> none;
    const auto good = make_client(ca, "ann@grid.example");
    const long usual = cost(with(good, none), how);
    REQUIRE(std::string(how) == "passed");
    const auto check = [&](const char* name, const Certificate& leaf, std::vector<X509Ptr> chain) {
        const long spent = cost(with(leaf, chain), how);
        INFO(name << ": " << spent / 1000 << " us, a good one " << usual / 1000 << " us, " << how);
        CHECK(spent < 2 * usual);
    };
    const auto slow_chain = [](int count, int bits, const std::string& top) {
        std::vector<X509Ptr> chain;
        for (int i = 1; i <= count; ++i)
            chain.push_back(make_slow(
                "slow " + std::to_string(i), i == count ? top : "slow " + std::to_string(i + 1),
                bits
            ));
        return chain;
    };
    const auto slow_name = make_ca("slow 1");
    const auto below_slow = make_client(slow_name, "ann@grid.example");
    // The one that was found: moduli of 3,072 random bits with an exponent of 3,070.
    check("slow keys, up to nowhere", below_slow, slow_chain(9, 3072, "nowhere"));
    check("slow keys, up to a trusted name", below_slow, slow_chain(6, 3072, "grid CA"));
    check("short exponents are not the point", below_slow, slow_chain(6, 2048, "grid CA"));
    // Names that fit, keys that do not: many ways up to the anchor, none of which holds.
    std::vector<X509Ptr> tangle;
    const auto twin = make_ca("grid CA");
    for (int i = 0; i < 9; ++i)
        tangle.push_back(X509Ptr(make_ca("grid CA", &twin).certificate.release()));
    check("a tangle of one name", make_client(twin, "ann@grid.example"), std::move(tangle));
    // More certificates than any path has.
    std::vector<X509Ptr> many;
    for (int i = 0; i < 40; ++i)
        many.push_back(X509Ptr(make_ca("ca " + std::to_string(i)).certificate.release()));
    check("forty certificates", good, std::move(many));
    check("self-signed", make({.xmpp = {{"ann@grid.example"}}}), {});
    // Keys as usual, and names that lead to a trusted CA; nothing is signed by what it names.
    std::vector<X509Ptr> forged;
    std::vector<Certificate> liars;
    const auto impostor = make_ca("grid CA");
    for (int i = 0; i < 9; ++i)
        liars.push_back(make_ca("liar " + std::to_string(i), i == 0 ? &impostor : &liars.back()));
    const auto below_liars = make_client(liars.back(), "ann@grid.example");
    for (auto one = liars.rbegin(); one != liars.rend(); ++one) {
        X509_up_ref(one->certificate.get());
        forged.emplace_back(one->certificate.get());
    }
    check("a forged chain", below_liars, std::move(forged));
    std::vector<X509Ptr> two;
    for (const char* name : {"one", "two"})
        two.push_back(X509Ptr(make_ca(name).certificate.release()));
    check("two that have nothing to do with it", good, std::move(two));
    check("a large key of its own", make({.xmpp = {{"ann@grid.example"}}, .rsa_bits = 4096}), {});
    // Names by the hundred.
    Spec names{.xmpp = {{"ann@grid.example"}}};
    for (int i = 0; i < 1'500; ++i) names.dns.push_back("h" + std::to_string(i));
    check("a thousand alternative names", make(names), {});
    Spec subjects{.common_names = {}, .xmpp = {{"ann@grid.example"}}};
    for (int i = 0; i < 1'000; ++i) subjects.common_names.push_back("n" + std::to_string(i));
    check("a thousand common names", make(subjects), {});
}

TEST_CASE("found A5, 39: a chain of eight CAs is taken in any order, and one of nine is too long") {
    const auto root = make_ca("root");
    std::vector<Certificate> line;
    for (int i = 1; i <= 9; ++i)
        line.push_back(make_ca("CA " + std::to_string(i), i == 1 ? &root : &line.back()));
    Bundle bundle({&root});
    const auto judge = [&](std::size_t count, bool is_turned) {
        std::vector<const Certificate*> chain;
        for (std::size_t i = 0; i < count; ++i) chain.push_back(&line[i]);
        if (!is_turned) std::ranges::reverse(chain);
        chain.push_back(&root);
        return bundle.judge(make_client(line[count - 1], "ann@grid.example"), chain).reason;
    };
    for (const bool is_turned : {false, true}) {
        for (const std::size_t count : {1U, 2U, 3U, 4U, 7U, 8U})
            CHECK(judge(count, is_turned).empty());
        CHECK_THAT(judge(9, is_turned), Contains("the chain is too long"));
    }
}

TEST_CASE("found A5: a certificate that is no DER is not parsed") {
    const auto ca = make_ca("grid CA");
    Bundle bundle({&ca});
    const auto client = make_client(ca, "ann@grid.example");
    unsigned char* der = nullptr;
    const int size = i2d_X509(client.certificate.get(), &der);
    std::string bytes(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
    OPENSSL_free(der);
    const auto refused = [&](const std::string& certificate) {
        const auto three = [](std::size_t n) {
            return std::string{
                static_cast<char>(n >> 16), static_cast<char>(n >> 8), static_cast<char>(n)
            };
        };
        const std::string message =
            three(certificate.size() + 3) + three(certificate.size()) + certificate;
        return tls::why_not_parsed(
            {reinterpret_cast<const unsigned char*>(message.data()), message.size()},
            TLS1_2_VERSION, SSL_CTX_get_cert_store(bundle.context.get())
        );
    };
    CHECK(refused(bytes).empty());
    // The outer SEQUENCE with an open length, as BER has it.
    CHECK_THAT(refused("\x30\x80" + bytes.substr(4) + std::string(2, '\0')), Contains("no DER"));
    for (std::size_t cut = 1; cut < bytes.size(); cut += 7)
        CHECK_THAT(refused(bytes.substr(0, cut)), Contains("no DER"));
}

TEST_CASE("found A5: a chain that is slow on purpose ends the handshake, with a reason for the log"
) {
    const auto ca = make_ca("grid CA");
    Bundle bundle({&ca});
    const auto leaf = make_client(make_ca("slow"), "ann@grid.example");
    const auto slow = make_slow("slow", "grid CA", 3072);
    X509_up_ref(leaf.certificate.get());
    EVP_PKEY_up_ref(leaf.key.get());
    MemoryHandshake pair(
        bundle.context.get(), {X509Ptr(leaf.certificate.get()), KeyPtr(leaf.key.get())}
    );
    SSL_add1_chain_cert(pair.client(), slow.get());
    CHECK_FALSE(pair.run());
    CHECK_THAT(
        tls::take_openssl_failure(pair.server()),
        Contains("the peer's certificate is refused") && Contains("public exponent")
    );
}

}   // namespace tls_path_test
