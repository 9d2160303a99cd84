// tests/unit/server/cluster/links_test.cpp: members that talk to each other, and strangers that
// try to.
#include <openssl/ssl.h>

#include <catch2/catch.hpp>
#include <chrono>

#include "../net/client.hpp"
#include "members.hpp"
#include "server/clock.hpp"
#include "server/cluster/link/frame.hpp"

namespace links_test {

using namespace grid::server::cluster;
using namespace grid::test;
using namespace std::chrono_literals;
using Catch::Contains;
using Change = LinkedMember::Change;

namespace {

std::uint16_t port_of(const std::string& address) {
    return static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
}

/// A member or not, by a certificate, that says what it likes.
class Talker {
public:
    Talker(LinkedMember& to, const Certificate& certificate)
        : client_(port_of(to.links().address())) {
        client_.start_tls(TLS1_3_VERSION, &certificate);
    }
    void send(const std::string& bytes) { client_.send(bytes); }
    void greet(const Hello& hello) { send(make_frame(link_channel, encode(hello))); }
    std::optional<Frame> receive() {
        while (true) {
            std::string_view rest = bytes_;
            auto frame = reader_.take(rest);
            bytes_ = std::string(rest);
            if (frame) return frame;
            bytes_ = client_.receive(1);
            if (bytes_.empty()) return std::nullopt;
        }
    }
    /// The reason in the last frame that comes.
    std::string bye() {
        while (const auto frame = receive())
            if (const auto reason = decode_bye(frame->payload)) return *reason;
        return "";
    }
    bool is_welcome() {
        const auto frame = receive();
        return frame && decode_hello(frame->payload).has_value();
    }
    bool is_cut() {
        while (receive()) {
        }
        return true;
    }

private:
    Client client_;
    FrameReader reader_{1'000'000};
    std::string bytes_;
};

Hello hello_of(const std::string& name, grid::storage::MemberId id, std::uint64_t connection = 1) {
    Hello hello;
    hello.cluster = "test";
    hello.name = name;
    hello.id = id;
    hello.connection = connection;
    return hello;
}

/// One member that waits for `b`, whose id is less.
struct Waiting : LinkedMembers {
    LinkedMember& a = add(9, "a");
    const Certificate b = certify(ca, "b");

    Waiting() { know({5}); }
    void know(const std::vector<grid::storage::MemberId>& ids) {
        std::vector<Member> members;
        for (const auto id : ids) {
            Member member;
            member.id = id;
            member.name = "b";
            member.address = "127.0.0.1:9";
            members.push_back(member);
        }
        a.links().set_members(members);
        REQUIRE(comes_true([&] { return a.links().status().size() == ids.size(); }));
    }
};

}   // namespace

TEST_CASE_METHOD(LinkedMembers, "three members are linked, each with each", "[cluster]") {
    for (const auto& [id, name] : {std::pair{3, "a"}, {1, "b"}, {2, "c"}})
        add(static_cast<grid::storage::MemberId>(id), name);
    meet();
    for (LinkedMember& one : all)
        for (LinkedMember& other : all)
            if (&one != &other) REQUIRE(comes_true([&] { return one.is_up(other.self().name); }));
    for (LinkedMember& one : all)
        for (LinkedMember& other : all)
            if (&one != &other)
                CHECK(one.links().send(other.self().id, Channel::Stanza, "from " + one.self().name)
                );
    for (LinkedMember& one : all) {
        REQUIRE(comes_true([&] { return one.has_received(2); }));
        for (const auto& [from, text] : one.received()) {
            const auto name = from == 3 ? "a" : from == 1 ? "b" : "c";
            CHECK(text == std::string("from ") + name);
        }
    }
}

TEST_CASE_METHOD(LinkedMembers, "frames of any size arrive whole and in order", "[cluster]") {
    LinkedMember &a = add(1, "a"), &b = add(2, "b");
    meet();
    REQUIRE(comes_true([&] { return a.is_up("b") && b.is_up("a"); }));
    const std::size_t most = LinksSettings{}.frame_bytes_max;
    std::vector<std::string> sent;
    for (int i = 0; i < 600; ++i) {
        std::string text = std::to_string(i) + " ";
        text.append(
            i % 200 == 100 ? most - text.size() : static_cast<std::size_t>(i % 50) * 9, 'x'
        );
        sent.push_back(std::move(text));
    }
    sent.emplace_back();   // an empty one is one
    for (const auto& text : sent) {
        REQUIRE(a.links().send(2, Channel::Stanza, text));
        REQUIRE(b.links().send(1, Channel::Stanza, text));
    }
    for (LinkedMember* to : {&a, &b}) {
        REQUIRE(comes_true([&] { return to->has_received(sent.size()); }));
        const auto received = to->received();
        REQUIRE(received.size() == sent.size());
        for (std::size_t i = 0; i < sent.size(); ++i) REQUIRE(received[i].second == sent[i]);
    }
    const auto status = a.links().status();
    REQUIRE(status.size() == 1);
    CHECK(status[0].frames_received == sent.size());
    CHECK(status[0].bytes_sent > 3 * most);
    CHECK(status[0].queued_bytes == 0);
}

TEST_CASE_METHOD(
    LinkedMembers, "a frame that is too large, or for no member, is not taken", "[cluster]"
) {
    LinkedMember &a = add(1, "a"), &b = add(2, "b");
    CHECK_FALSE(a.links().send(2, Channel::Stanza, "not known yet"));
    meet();
    REQUIRE(comes_true([&] { return a.is_up("b") && b.is_up("a"); }));
    CHECK_FALSE(
        a.links().send(2, Channel::Stanza, std::string(LinksSettings{}.frame_bytes_max + 1, 'x'))
    );
    CHECK_FALSE(a.links().send(3, Channel::Stanza, "nobody"));
    CHECK_FALSE(a.links().send(1, Channel::Stanza, "itself"));
}

TEST_CASE_METHOD(LinkedMembers, "a queue that is full takes no more, and loses none", "[cluster]") {
    LinkedMember& a = add(1, "a", [](LinksSettings& of_a) { of_a.queue_bytes_max = 4'000'000; });
    LinkedMember& b = add(2, "b");
    CutWire wire(io, b.self().address);
    Member far = b.self();
    far.address = wire.address();
    a.links().set_members({far});
    b.links().set_members({a.self()});
    REQUIRE(comes_true([&] { return a.is_up("b") && b.is_up("a"); }));
    wire.hold(true);
    std::size_t taken = 0;
    while (a.links().send(2, Channel::Stanza, std::to_string(taken) + std::string(100'000, 'x')))
        REQUIRE(++taken < 1'000);   // the sockets' buffers end somewhere
    CHECK(a.links().status()[0].queued_bytes <= 4'000'000);
    CHECK(taken >= 39);
    wire.hold(false);
    REQUIRE(comes_true([&] { return b.has_received(taken); }));
    const auto received = b.received();
    for (std::size_t i = 0; i < taken; ++i)
        REQUIRE(received[i].second.starts_with(std::to_string(i) + "x"));
    CHECK(a.changes() == std::vector<Change>{{"b", true}});
}

TEST_CASE_METHOD(
    LinkedMembers, "a link that is cut comes again, and both are told once of each", "[cluster]"
) {
    LinkedMember &a = add(1, "a"), &b = add(2, "b");
    CutWire wire(io, b.self().address);
    Member far = b.self();
    far.address = wire.address();
    a.links().set_members({far});
    b.links().set_members({a.self()});
    REQUIRE(comes_true([&] { return a.is_up("b") && b.is_up("a"); }));
    wire.cut();
    for (LinkedMember* one : {&a, &b})
        REQUIRE(comes_true([&] { return one->changes().size() == 3; }));
    CHECK(a.changes() == std::vector<Change>{{"b", true}, {"b", false}, {"b", true}});
    CHECK(b.changes() == std::vector<Change>{{"a", true}, {"a", false}, {"a", true}});
    CHECK(a.links().send(2, Channel::Stanza, "again"));
    CHECK(b.links().send(1, Channel::Stanza, "again"));
    CHECK(comes_true([&] { return a.has_received(1) && b.has_received(1); }));
}

TEST_CASE_METHOD(LinkedMembers, "a link on which nothing is heard is cut", "[cluster]") {
    const auto quick = [](LinksSettings& settings) { settings.beat = 50ms; };
    LinkedMember &a = add(1, "a", quick), &b = add(2, "b", quick);
    CutWire wire(io, b.self().address);
    Member far = b.self();
    far.address = wire.address();
    a.links().set_members({far});
    b.links().set_members({a.self()});
    REQUIRE(comes_true([&] { return a.is_up("b") && b.is_up("a"); }));
    wire.hold(true);
    REQUIRE(comes_true([&] { return !a.is_up("b") && !b.is_up("a"); }));
    CHECK_FALSE(a.links().send(2, Channel::Stanza, "nobody hears it"));
    wire.hold(false);
    REQUIRE(comes_true([&] { return a.is_up("b") && b.is_up("a"); }));
}

TEST_CASE_METHOD(
    LinkedMembers, "the link to a member that is not there any more is cut", "[cluster]"
) {
    LinkedMember &a = add(1, "a"), &b = add(2, "b");
    meet();
    REQUIRE(comes_true([&] { return a.is_up("b") && b.is_up("a"); }));
    b.links().set_members({});
    REQUIRE(comes_true([&] { return a.changes().size() >= 2 && b.changes().size() == 2; }));
    CHECK(b.changes() == std::vector<Change>{{"a", true}, {"a", false}});
    CHECK(b.links().status().empty());
    meet();
    REQUIRE(comes_true([&] { return a.is_up("b") && b.is_up("a"); }));
}

TEST_CASE_METHOD(
    LinkedMembers, "links that a member makes anew are newer than its old ones", "[cluster]"
) {
    LinkedMember& b = add(2, "b");
    LinkedMember& before = add(1, "a");
    b.links().set_members({before.self()});
    before.links().set_members({b.self()});
    REQUIRE(comes_true([&] { return b.is_up("a"); }));
    // The old ones have not gone yet.
    LinkedMember& after = add(1, "a");
    after.links().set_members({b.self()});
    REQUIRE(comes_true([&] { return after.is_up("b"); }));
    REQUIRE(comes_true([&] { return b.changes().size() >= 3; }));
}

TEST_CASE_METHOD(LinkedMembers, "a member that stopped tells nothing more", "[cluster]") {
    LinkedMember &a = add(1, "a"), &b = add(2, "b");
    meet();
    REQUIRE(comes_true([&] { return a.is_up("b") && b.is_up("a"); }));
    b.links().stop();
    REQUIRE(comes_true([&] { return !a.is_up("b"); }));
    CHECK(b.changes() == std::vector<Change>{{"a", true}});
    CHECK_FALSE(b.links().send(1, Channel::Stanza, "too late"));
}

namespace {

void renew(LinkedMember& member) {
    const auto step = member.links().prepare_renewal();
    REQUIRE(step.has_value());
    (*step)();
}

}   // namespace

TEST_CASE_METHOD(
    LinkedMembers, "certificates of a new CA are taken without cutting a link", "[cluster]"
) {
    LinkedMember &a = add(1, "a"), &b = add(2, "b");
    meet();
    REQUIRE(comes_true([&] { return a.is_up("b") && b.is_up("a"); }));
    const Certificate fresh = make_ca("a new cluster CA");
    files.write("ca.crt", "none");
    CHECK_THAT(a.links().prepare_renewal().error(), Contains("ca.crt"));
    files.write("ca.crt", to_pem(ca.certificate.get()) + to_pem(fresh.certificate.get()));
    for (LinkedMember* one : {&a, &b}) renew(*one);
    const Certificate renewed = certify(fresh, "b");
    files.write("b.crt", to_pem(renewed.certificate.get()));
    files.write("b.key", to_pem(renewed.key.get()));
    renew(b);
    CHECK(a.changes() == std::vector<Change>{{"b", true}});
    b.links().set_members({});
    REQUIRE(comes_true([&] { return !b.is_up("a") && b.links().status().empty(); }));
    meet();
    REQUIRE(comes_true([&] { return a.is_up("b") && b.is_up("a"); }));
}

TEST_CASE_METHOD(
    LinkedMembers, "a link ends with its certificate, and a renewed one makes the next", "[cluster]"
) {
    LinkedMember &a = add(1, "a"), &b = add(2, "b");
    const auto certifies = [&](long valid_seconds) {
        const Certificate made = certify(ca, "b", valid_seconds);
        files.write("b.crt", to_pem(made.certificate.get()));
        files.write("b.key", to_pem(made.key.get()));
        renew(b);
    };
    certifies(4);
    meet();
    REQUIRE(comes_true([&] { return a.is_up("b") && b.is_up("a"); }));
    const auto until = a.links().status().front().valid_until;
    CHECK(until < grid::server::now() + 5'000);
    REQUIRE(comes_true([&] { return !a.is_up("b") && !b.is_up("a"); }));
    CHECK(grid::server::now() >= until);
    CHECK_THAT(a.links().status().front().failure, Contains("certificate"));
    certifies(3600);
    REQUIRE(comes_true([&] { return a.is_up("b") && b.is_up("a"); }));
}

TEST_CASE_METHOD(LinkedMembers, "a CA that is taken away ends the links by it", "[cluster]") {
    LinkedMember &a = add(1, "a"), &b = add(2, "b");
    meet();
    REQUIRE(comes_true([&] { return a.is_up("b") && b.is_up("a"); }));
    CHECK(a.links().status().front().valid_until > grid::server::now());
    const Certificate other = make_ca("another cluster CA");
    files.write("ca.crt", to_pem(other.certificate.get()));
    const Certificate renewed = certify(other, "a");
    files.write("a.crt", to_pem(renewed.certificate.get()));
    files.write("a.key", to_pem(renewed.key.get()));
    renew(a);
    REQUIRE(comes_true([&] { return !a.is_up("b") && !b.is_up("a"); }));
    CHECK(a.links().status().front().valid_until == 0);
}

TEST_CASE_METHOD(Waiting, "a certificate of another CA fails the handshake", "[cluster]") {
    const Certificate other = make_ca("cluster CA");
    Talker talker(a, certify(other, "b"));
    talker.greet(hello_of("b", 5));
    CHECK(talker.is_cut());
    CHECK(a.changes().empty());
}

TEST_CASE_METHOD(Waiting, "TLS 1.2 is refused", "[cluster]") {
    Client client(port_of(a.links().address()));
    CHECK_FALSE(client.start_tls(TLS1_2_VERSION, &b));
}

TEST_CASE_METHOD(Waiting, "a certificate without the role is refused", "[cluster]") {
    // As the grid's clients and servers have them, by the same CA.
    Spec both;
    both.usage = "clientAuth,serverAuth";
    both.dns = {"b"};
    for (const Certificate& one : {make_client(ca, "ann@grid.example"), make(both, &ca)}) {
        Talker talker(a, one);
        talker.greet(hello_of("b", 5));
        CHECK_THAT(talker.bye(), Contains("it has no role of a member"));
    }
    both.dns = {};
    both.extensions = {{"subjectAltName", "URI:urn:gridd:member:b,URI:urn:gridd:member:c"}};
    Talker two(a, make(both, &ca));
    CHECK_THAT(two.bye(), Contains("more than one member"));
    CHECK(a.changes().empty());
}

TEST_CASE_METHOD(Waiting, "a hello that does not fit is answered with the reason", "[cluster]") {
    const auto answer_to = [this](const Hello& hello) {
        Talker talker(a, b);
        talker.greet(hello);
        return talker.bye();
    };
    Hello hello = hello_of("b", 5);
    hello.cluster = "other";
    CHECK_THAT(answer_to(hello), Contains("it is of the cluster other"));
    hello = hello_of("b", 5);
    hello.oldest = 7;
    hello.newest = 9;
    CHECK_THAT(answer_to(hello), Contains("it speaks the versions 7 to 9"));
    CHECK_THAT(answer_to(hello_of("c", 5)), Contains("its certificate is of b"));
    CHECK_THAT(answer_to(hello_of("b", 6)), Contains("has not heard of it yet"));
    CHECK_THAT(answer_to(hello_of("b", 9)), Contains("has the name of this member"));
    know({10});
    CHECK_THAT(answer_to(hello_of("b", 10)), Contains("whose id is less connects"));
    CHECK(a.changes().empty());
}

TEST_CASE_METHOD(Waiting, "of two connections the newer one is kept", "[cluster]") {
    Talker first(a, b), older(a, b), newer(a, b);
    first.greet(hello_of("b", 5, 2));
    REQUIRE(first.is_welcome());
    older.greet(hello_of("b", 5, 1));
    CHECK_THAT(older.bye(), Contains("a newer connection was here"));
    newer.greet(hello_of("b", 5, 3));
    REQUIRE(newer.is_welcome());
    CHECK(first.is_cut());
    CHECK(a.changes() == std::vector<Change>{{"b", true}, {"b", false}, {"b", true}});
    newer.send(make_frame(static_cast<std::uint8_t>(Channel::Stanza), "hello"));
    CHECK(comes_true([this] { return a.has_received(1); }));
}

TEST_CASE_METHOD(Waiting, "garbage in the place of TLS, hello or frames ends it", "[cluster]") {
    Client plain(port_of(a.links().address()));
    plain.send("GET / HTTP/1.1\r\n\r\n");
    plain.receive_all();
    Talker wordy(a, b);
    wordy.send("this is no frame of this protocol");   // a length beyond a hello's
    CHECK_THAT(wordy.bye(), Contains("no hello"));
    Talker wrong(a, b);
    wrong.send(make_frame(link_channel, "nonsense"));
    CHECK_THAT(wrong.bye(), Contains("no hello"));
    CHECK(a.changes().empty());

    Talker member(a, b);
    member.greet(hello_of("b", 5));
    REQUIRE(member.is_welcome());
    member.send(std::string("\xff\xff\xff\xff\x03", 5));
    CHECK(member.is_cut());
    REQUIRE(comes_true([this] { return a.changes().size() == 2; }));
    CHECK(a.received().empty());
}

TEST_CASE_METHOD(LinkedMembers, "half a hello has its time", "[cluster]") {
    LinkedMember& a = add(9, "a", [](LinksSettings& of_a) { of_a.greeting_max = 300ms; });
    const Certificate b = certify(ca, "b");
    const std::string hello = make_frame(link_channel, encode(hello_of("b", 5)));
    Talker talker(a, b);
    talker.send(hello.substr(0, hello.size() / 2));
    CHECK(talker.is_cut());
    Client silent(port_of(a.links().address()));
    CHECK(silent.receive_all().empty());
}

TEST_CASE_METHOD(
    LinkedMembers, "links are not made with a certificate that is not the member's", "[cluster]"
) {
    const auto complaint = [this](const LinksSettings& settings) {
        const auto links = make_links(io, settings, log);
        return links ? std::string() : links.error();
    };
    LinksSettings other = settings(1, "b");
    other.self.name = "a";
    CHECK_THAT(complaint(other), Contains("it is of the member b, and cluster.member is a"));
    const Certificate client = make_client(ca, "ann@grid.example");
    LinksSettings no_member = settings(1, "a");
    no_member.certificate = files.write("ann.crt", to_pem(client.certificate.get()));
    no_member.key = files.write("ann.key", to_pem(client.key.get()));
    CHECK_THAT(complaint(no_member), Contains("it has no role of a member"));
    LinksSettings nowhere = settings(1, "a");
    nowhere.listen = "somewhere";
    CHECK_THAT(complaint(nowhere), Contains("listen.cluster: 'somewhere'"));
}

TEST_CASE("a frame is read from pieces of any size", "[cluster]") {
    const std::string bytes = make_frame(3, "first") + make_frame(4, "") + make_frame(3, "third");
    for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
        FrameReader reader(5);
        std::vector<std::pair<int, std::string>> frames;
        for (std::size_t at = 0; at < bytes.size(); at += piece) {
            std::string_view rest = std::string_view(bytes).substr(at, piece);
            while (auto frame = reader.take(rest))
                frames.emplace_back(frame->channel, frame->payload);
            REQUIRE(rest.empty());
        }
        REQUIRE(
            frames == std::vector<std::pair<int, std::string>>{{3, "first"}, {4, ""}, {3, "third"}}
        );
    }
    FrameReader reader(4);
    std::string_view rest = bytes;
    CHECK_FALSE(reader.take(rest));
    CHECK(reader.is_broken());
    CHECK_FALSE(reader.take(rest));
}

TEST_CASE("a hello reads back, and a newer one may be longer", "[cluster]") {
    const Hello hello = hello_of("a-member", 77, 3);
    for (const std::string& tail : {std::string(), std::string("more")}) {
        const auto read = decode_hello(encode(hello) + tail);
        REQUIRE(read.has_value());
        CHECK(read->name == "a-member");
        CHECK(read->cluster == "test");
        CHECK(read->id == 77);
        CHECK(read->connection == 3);
    }
    const std::string bytes = encode(hello);
    for (std::size_t size = 0; size < bytes.size(); ++size)
        CHECK_FALSE(decode_hello(std::string_view(bytes).substr(0, size)).has_value());
    CHECK_FALSE(decode_hello(encode_beat()).has_value());
    CHECK(decode_bye(encode_bye("because")) == "because");
}

}   // namespace links_test
