// tests/unit/server/tls/known_paths_test.cpp: a chain that held before is not verified again, and
// nothing else changes by that.
#include <catch2/catch.hpp>
#include <ctime>

#include "make_certificate.hpp"
#include "server/tls/paths/known_paths.hpp"

namespace known_paths_test {

using namespace grid::test;
namespace tls = grid::server::tls;

namespace {

using Sent = std::vector<const Certificate*>;

/// Anchors whose paths are kept.
class Anchors {
public:
    explicit Anchors(const Sent& anchors) : store_(X509_STORE_new()) {
        for (const Certificate* one : anchors) X509_STORE_add_cert(store_, one->certificate.get());
        tls::keep_paths(store_);
    }
    ~Anchors() { X509_STORE_free(store_); }
    Anchors(const Anchors&) = delete;
    Anchors& operator=(const Anchors&) = delete;

    /// As in a handshake: what is sent is parsed anew.
    tls::Found find(const X509* leaf, const Sent& above = {}, long seconds_later = 0) {
        const tls::X509Ptr own(X509_dup(leaf));
        const tls::OwningStack sent(sk_X509_new_null());
        sk_X509_push(sent.get(), tls::share(own.get()).release());
        for (const Certificate* one : above)
            sk_X509_push(sent.get(), X509_dup(one->certificate.get()));
        return tls::find_known_paths(
            own.get(), sent.get(), store_, std::time(nullptr) + seconds_later
        );
    }
    int verdict(const Certificate& leaf, const Sent& above = {}) {
        return find(leaf.certificate.get(), above).verdict.error;
    }

private:
    X509_STORE* store_;
};

}   // namespace

TEST_CASE("a chain that held before is found again, and no other one") {
    const auto root = make_ca("root"), below = make_ca("below", &root);
    const auto ann = make_client(below, "ann@grid.example");
    Anchors anchors({&root});
    const auto first = anchors.find(ann.certificate.get(), {&below});
    REQUIRE(first.verdict.error == X509_V_OK);
    REQUIRE(first.path.size() == 3);
    const auto again = anchors.find(ann.certificate.get(), {&below});
    CHECK(again.verdict.error == X509_V_OK);
    REQUIRE(again.path.size() == 3);
    CHECK(X509_cmp(again.path[0].get(), ann.certificate.get()) == 0);
    CHECK(again.path[1].get() == first.path[1].get());   // the one that was kept, not the one sent
    CHECK(again.path[2].get() == first.path[2].get());

    CHECK(anchors.verdict(ann) != X509_V_OK);   // without the CA between
    const auto forger = make_ca("below", &root), forged = make_client(forger, "ann@grid.example");
    CHECK(anchors.verdict(forged, {&below}) != X509_V_OK);
    CHECK(anchors.verdict(make_client(below, "ann@grid.example"), {&below}) == X509_V_OK);
    const auto stranger = make_ca("root");
    CHECK(Anchors({&stranger}).verdict(ann, {&below}) != X509_V_OK);
}

TEST_CASE("the other CAs that vouch for a certificate are found again as well") {
    const auto old_root = make_ca("old root"), new_root = make_ca("new root");
    const auto below = make_ca("below", &old_root), cross = cross_sign(below, new_root);
    const auto ann = make_client(below, "ann@grid.example");
    Anchors anchors({&old_root, &new_root});
    const auto first = anchors.find(ann.certificate.get(), {&below, &cross});
    CHECK(first.others.size() == 1);
    CHECK(anchors.find(ann.certificate.get(), {&below, &cross}).others == first.others);
    CHECK(anchors.find(ann.certificate.get(), {&below}).others.empty());
}

/// OpenSSL verifies by the clock of this machine: whether a path is taken from what was kept shows
/// in the CA between, which is an object of this search otherwise.
TEST_CASE("a known path holds until a certificate becomes valid or expires, and not before") {
    const auto root = make_ca("root");
    const auto next_root = make({.common_names = {"next"}, .is_ca = true, .not_before = 600});
    const auto below = make({.common_names = {"below"}, .is_ca = true, .not_after = 1800}, &root);
    const auto beside = make({.common_names = {"beside"}, .is_ca = true, .not_after = 1200}, &root);
    const auto ann = make_client(below, "ann@grid.example");   // from an hour ago, for an hour
    const auto is_known = [&](Anchors& anchors, long seconds_later, const Sent& sent) {
        anchors.find(ann.certificate.get(), sent);
        const auto kept = anchors.find(ann.certificate.get(), sent);
        const auto found = anchors.find(ann.certificate.get(), sent, seconds_later);
        return found.path.at(1).get() == kept.path.at(1).get();
    };
    Anchors anchors({&root});
    for (const auto& [seconds_later, is_expected] : std::vector<std::pair<long, bool>>{
             {0, true}, {1700, true}, {1900, false}, {-3500, true}, {-3700, false}
         })
        CHECK(is_known(anchors, seconds_later, {&below}) == is_expected);
    // Another path may begin to hold with any of them.
    CHECK(is_known(anchors, 1100, {&below, &beside}));
    CHECK_FALSE(is_known(anchors, 1300, {&below, &beside}));
    Anchors both({&root, &next_root});
    CHECK(is_known(both, 500, {&below}));
    CHECK_FALSE(is_known(both, 700, {&below}));
}

TEST_CASE("more CAs than are kept change no verdict") {
    const auto root = make_ca("root");
    Anchors anchors({&root});
    std::vector<Certificate> below, clients;
    for (int i = 0; i < 300; ++i) {
        below.push_back(make_ca("below", &root));
        clients.push_back(make_client(below.back(), "ann@grid.example"));
    }
    for (int turn = 0; turn < 2; ++turn)
        for (std::size_t i = 0; i < clients.size(); ++i)
            REQUIRE(anchors.verdict(clients[i], {&below[i]}) == X509_V_OK);
    CHECK(anchors.verdict(clients[0], {&below[1]}) != X509_V_OK);
}

}   // namespace known_paths_test
