// tests/unit/server/services/announced_test.cpp: the domain tells clients of itself: contact
// addresses, external services, its time, its capabilities.
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <set>

#include "server/config/check.hpp"
#include "server/services/contact.hpp"
#include "server/services/external.hpp"
#include "server/services/services.hpp"
#include "xml/base64.hpp"
#include "xml/datetime.hpp"
#include "xml/namespaces.hpp"

namespace announced_test {

using namespace grid::server;
namespace pubsub = grid::pubsub;
namespace xml = grid::xml;

namespace {

constexpr const char* secret = "north";

services::ServerServices everything() {
    services::ServerServices configured;
    configured.takes_incidents = true;
    configured.contact.admin = {"xmpp:root@grid.example", "mailto:root@grid.example"};
    configured.contact.abuse = {"mailto:abuse@grid.example"};
    configured.external.services = {
        "stun:stun.example:3478?transport=udp", "turn:turn.example:3478?transport=udp&name=Relay",
        "turn:[2001:db8::1]:3479", "ftp:files.example"
    };
    configured.external.turn_secret = secret;
    configured.external.turn_seconds = 600;
    return configured;
}

struct Domain {
    explicit Domain(services::ServerServices wanted = everything())
        : configured(std::move(wanted)), table(services::of_server(addresses, configured)) {}

    services::ServerServices configured;
    Config config;
    Addresses addresses{config};
    IqTable table;

    xml::Element asks(xml::Element payload) const {
        const pubsub::IqRequest request{xml::IqType::Get, addresses.server(), &payload, {}};
        const auto* row = table.find(request);
        REQUIRE(row != nullptr);
        auto answer = row->answer(request);
        if (!answer) return xml::Element(answer.error().condition);
        REQUIRE(answer->payload.has_value());
        return *answer->payload;
    }
};

/// XEP-0115 §5.1, from what an entity answers alone.
std::string verification_string(const xml::Element& info) {
    std::set<std::string> identities, features;
    std::map<std::string, std::string> forms;
    for (const xml::Element* child : info.children("identity"))
        identities.insert(
            std::string(child->attr_or("category", "")) + "/" +
            std::string(child->attr_or("type", "")) + "/" +
            std::string(child->attr_or("xml:lang", "")) + "/" +
            std::string(child->attr_or("name", ""))
        );
    for (const xml::Element* child : info.children("feature"))
        features.insert(std::string(child->attr_or("var", "")));
    for (const xml::Element* child : info.children()) {
        if (!child->is("x", xml::ns::data)) continue;
        std::string type;
        std::map<std::string, std::set<std::string>> fields;
        for (const xml::Element* field : child->children("field"))
            for (const xml::Element* value : field->children("value"))
                if (field->attr_or("var", "") == "FORM_TYPE")
                    type = value->text();
                else
                    fields[std::string(field->attr_or("var", ""))].insert(value->text());
        std::string text = type + "<";
        for (const auto& [var, values] : fields) {
            text += var + "<";
            for (const std::string& value : values) text += value + "<";
        }
        forms.emplace(type, text);
    }
    std::string all;
    for (const std::string& one : identities) all += one + "<";
    for (const std::string& one : features) all += one + "<";
    for (const auto& [type, text] : forms) all += text;
    std::array<unsigned char, SHA_DIGEST_LENGTH> digest{};
    SHA1(reinterpret_cast<const unsigned char*>(all.data()), all.size(), digest.data());
    return xml::to_base64({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

std::string attr(const xml::Element& element, const char* name) {
    return std::string(element.attr_or(name, ""));
}

const xml::Element services_query("services", services::external_ns);

}   // namespace

TEST_CASE("XEP-0115 5.1: the hash is that of the answer, with and without forms") {
    for (const auto& configured : {everything(), services::ServerServices{}}) {
        const Domain domain(configured);
        const auto forms = services::contact_forms(configured.contact);
        const std::string hash = services::caps_hash(domain.table, forms);
        const xml::Element plain = domain.asks(xml::Element("query", xml::ns::disco_info));
        CHECK(verification_string(plain) == hash);
        // §6.2: the node of the stream features is answered alike.
        const std::string node = "https://grid.localhost/#" + hash;
        const xml::Element asked =
            domain.asks(xml::Element("query", xml::ns::disco_info, {{"node", node}}));
        CHECK(attr(asked, "node") == node);
        CHECK(verification_string(asked) == hash);
        CHECK(
            domain.asks(xml::Element("query", xml::ns::disco_info, {{"node", node + "x"}}))
                .name() == "item-not-found"
        );
    }
}

TEST_CASE("XEP-0157 2: contact addresses are a form of disco#info, or nothing") {
    const xml::Element whole = Domain().asks(xml::Element("query", xml::ns::disco_info));
    const xml::Element* x = whole.child("x", xml::ns::data);
    REQUIRE(x != nullptr);
    const auto form = xml::Form::parse(*x);
    REQUIRE(form.has_value());
    CHECK(form->type == "result");
    CHECK(form->form_type() == "http://jabber.org/network/serverinfo");
    CHECK(
        form->field("admin-addresses")->values ==
        std::vector<std::string>{"xmpp:root@grid.example", "mailto:root@grid.example"}
    );
    CHECK(form->field("abuse-addresses")->values.size() == 1);
    CHECK(form->field("sales-addresses") == nullptr);
    const Domain bare{services::ServerServices{}};
    const auto info = bare.asks(xml::Element("query", xml::ns::disco_info));
    CHECK(info.child("x", xml::ns::data) == nullptr);
    CHECK(bare.table.find({xml::IqType::Get, {}, &services_query, {}}) == nullptr);
}

TEST_CASE("XEP-0202 3: the time is the clock's, in UTC") {
    const xml::Element time = Domain().asks(xml::Element("time", services::time_ns));
    CHECK(time.child("tzo")->text() == "+00:00");
    CHECK(xml::parse_datetime(time.child("utc")->text()).has_value());
    CHECK(Domain().asks(xml::Element("times", services::time_ns)).name() == "bad-request");
}

TEST_CASE("XEP-0215 3.1, 3.2: external services, all or those of a type") {
    const Domain domain;
    const xml::Element all = domain.asks(services_query);
    const auto found = all.children("service");
    REQUIRE(found.size() == 4);
    CHECK(attr(*found[0], "type") == "stun");
    CHECK(attr(*found[0], "host") == "stun.example");
    CHECK(attr(*found[0], "port") == "3478");
    CHECK(attr(*found[0], "transport") == "udp");
    CHECK(found[0]->attr("username") == nullptr);
    CHECK(attr(*found[1], "name") == "Relay");
    CHECK(attr(*found[2], "host") == "2001:db8::1");
    CHECK(found[3]->attr("port") == nullptr);
    const xml::Element turns =
        domain.asks(xml::Element("services", services::external_ns, {{"type", "turn"}}));
    CHECK(attr(turns, "type") == "turn");
    CHECK(turns.child_count() == 2);
}

TEST_CASE("XEP-0215 3.3: a TURN server takes the credentials that the shared secret makes") {
    const Domain domain;
    const auto credentials = [&](grid::xml::Attrs of) {
        return domain.asks(xml::Element(
            "credentials", services::external_ns, {}, xml::Element("service", std::move(of))
        ));
    };
    const xml::Element made = credentials({{"type", "turn"}, {"host", "turn.example"}});
    REQUIRE(made.child_count() == 1);
    const xml::Element& service = *made.first_child();
    CHECK(attr(service, "restricted") == "true");
    const std::string user = attr(service, "username");
    std::array<unsigned char, SHA_DIGEST_LENGTH> digest{};
    unsigned int length = 0;
    HMAC(
        EVP_sha1(), secret, 5, reinterpret_cast<const unsigned char*>(user.data()), user.size(),
        digest.data(), &length
    );
    CHECK(
        attr(service, "password") ==
        xml::to_base64({reinterpret_cast<const char*>(digest.data()), length})
    );
    CHECK(*xml::parse_datetime(attr(service, "expires")) / 1000 == std::stoll(user));
    CHECK(credentials({{"type", "turn"}, {"host", "stun.example"}}).name() == "item-not-found");
    CHECK(
        credentials({{"type", "turn"}, {"host", "turn.example"}, {"port", "1"}}).name() ==
        "item-not-found"
    );
    CHECK(domain.asks(xml::Element("credentials", services::external_ns)).name() == "bad-request");
    // Without a secret the server is named, and that it wants credentials.
    auto configured = everything();
    configured.external.turn_secret.clear();
    const xml::Element bare = Domain(configured).asks(services_query);
    CHECK(attr(*bare.children("service")[1], "restricted") == "true");
    CHECK(bare.children("service")[1]->attr("password") == nullptr);
}

TEST_CASE("contact addresses and external services that clients could not use are refused") {
    const auto faults = [](auto change) {
        Config config;
        change(config);
        const Findings findings = check_values(config);
        return std::ranges::count_if(findings, [](const Finding& finding) {
            return finding.key.starts_with("contact.") || finding.key.starts_with("external.");
        });
    };
    CHECK(faults([](Config&) {}) == 0);
    CHECK(faults([](Config& c) { c.contact.admin = {"mailto:a@b.example", "https://x/"}; }) == 0);
    for (const char* text : {"a@b.example", "mailto:", "javascript:x", "mailto:a b", ""}) {
        CAPTURE(text);
        CHECK(faults([&](Config& c) { c.contact.support = {text}; }) == 1);
    }
    for (const char* text :
         {"stun.example", "stun:", "stun:host:0", "stun:host:99999", "stun:host:x", "Stun:host",
          "stun:host?transport=sctp", "stun:host?a", "stun:a b", "stun:[::1", "stun:[::1]x", ""}) {
        CAPTURE(text);
        CHECK_FALSE(parse_external(text).has_value());
        CHECK(faults([&](Config& c) { c.external.services = {text}; }) == 1);
    }
    CHECK(faults([](Config& c) { c.external.turn_seconds = 0; }) == 1);
}

}   // namespace announced_test
