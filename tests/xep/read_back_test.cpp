// tests/xep/read_back_test.cpp: every accepted value comes back as it was, or is an error; never
// an absence.
#include <map>
#include <random>

#include "pubsub/model/records.hpp"
#include "stage.hpp"
#include "xml/qname.hpp"
#include "xml/writer.hpp"

namespace grid::test::read_back_test {

namespace {

const std::string owner = "owner@grid.example/o", reader = "reader@grid.example/r",
                  account = "reader@grid.example";

using Prefixes = std::map<std::string, std::string, std::less<>>;

void append(std::string& out, std::string_view text) {
    out.append(std::to_string(text.size())).append(":").append(text);
}

/// One text for all spellings of one meaning: names by their namespaces, attributes sorted.
void canonize(std::string& out, const xml::Element& element, Prefixes prefixes) {
    if (element.is_text()) {
        out += "T";
        return append(out, element.name());
    }
    for (const auto& [prefix, uri] : element.declarations()) prefixes[prefix] = uri;
    if (!element.prefix().empty()) prefixes[element.prefix()] = element.ns().uri();
    out += "E";
    append(out, element.ns().uri());
    append(out, element.name());
    std::map<std::string, std::string> attributes;
    for (const auto& [name, value] : element.attrs()) {
        const auto [prefix, local] = xml::split_qname(name);
        const auto known = prefixes.find(prefix);
        const std::string ns = prefix.empty()            ? ""
                               : known != prefixes.end() ? known->second
                                                         : std::string(prefix);
        attributes["{" + ns + "}" + std::string(local)] = value;
    }
    for (const auto& [name, value] : attributes) {
        out += "A";
        append(out, name);
        append(out, value);
    }
    for (const xml::Element& node : element.nodes()) canonize(out, node, prefixes);
    out += "/";
}

std::string canonical(const xml::Element& element, const Prefixes& around = {}) {
    std::string out;
    canonize(out, element, around);
    return out;
}

/// Documents of any shape within the limits; prefixes are declared on the item, on the root and
/// inside, hide each other and are mentioned in texts.
class Documents {
public:
    explicit Documents(unsigned seed) : random_(seed) {}

    std::string item(const std::string& id) {
        std::string out = "<item id='" + id + "' xmlns:root='urn:root'";
        std::vector<std::string> known = declare(out);
        return out + ">" + element(known, 0) + "</item>";
    }

private:
    std::size_t below(std::size_t most) { return random_() % most; }

    std::vector<std::string> declare(std::string& out) {
        std::vector<std::string> made;
        for (std::size_t i = below(10); i-- > 0;) {
            const std::string prefix = "p" + std::to_string(below(40));
            if (std::find(made.begin(), made.end(), prefix) != made.end()) continue;
            out += " xmlns:" + prefix + "='urn:" + std::to_string(below(30)) + "'";
            made.push_back(prefix);
        }
        return made;
    }
    std::string text() {
        static const char* const pieces[] = {"a",      " ",     "&lt;",     "&amp;",
                                             "&#13;",  "&#10;", "]]&gt;",   "&apos;",
                                             "&quot;", "p1:b",  "\xC3\xA4", "&#9;"};
        std::string out;
        for (std::size_t i = below(6); i-- > 0;) out += pieces[below(std::size(pieces))];
        return out;
    }
    std::string element(std::vector<std::string> known, std::size_t depth) {
        std::string declared;
        for (std::string& prefix : declare(declared)) known.push_back(std::move(prefix));
        // All roots are in one namespace, as a node wants it, by prefix or by default.
        const bool is_root = depth == 0, is_prefixed = !known.empty() && below(3) == 0;
        const std::string prefix = is_root ? "root" : is_prefixed ? known[below(known.size())] : "";
        const std::string name = (is_prefixed ? prefix + ":" : "") + "e" + std::to_string(below(9));
        std::string out = "<" + name + declared;
        if (is_root && !is_prefixed) out += " xmlns='urn:root'";
        if (!is_root && !is_prefixed && below(2) == 0)
            out += " xmlns='urn:d" + std::to_string(below(3)) + "'";
        for (std::size_t i = 0; i < below(4); ++i) {
            out += " a" + std::to_string(i) + "='" + text() + "'";
        }
        if (!known.empty() && below(3) == 0) {
            const std::string& other = known[below(known.size())];
            out += " " + other + ":q='" + other + ":t'";
        }
        out += ">";
        const std::size_t children = depth > 4 ? 0 : below(4);
        for (std::size_t i = 0; i < children; ++i) out += text() + element(known, depth + 1);
        return out + text() + "</" + name + ">";
    }

    std::mt19937 random_;
};

const xml::Element* item_in(const xml::Element& from) {
    if (from.name() == "item") return &from;
    for (const xml::Element* child : from.children())
        if (const xml::Element* found = item_in(*child)) return found;
    return nullptr;
}

std::string payload_in(const xml::Element& stanza) {
    const xml::Element* item = item_in(stanza);
    REQUIRE(item != nullptr);
    REQUIRE(item->first_child() != nullptr);
    Prefixes around;
    for (const auto& [prefix, uri] : item->declarations()) around[prefix] = uri;
    return canonical(*item->first_child(), around);
}

class ReadBackStage : public Stage {
protected:
    ReadBackStage() {
        creates(owner, "n", "max_items=max");
        affiliates(owner, "n", account, "member");
        subscribes(reader, "n", account);
    }
    pubsub::ItemAt at(const std::string& id) const {
        const pubsub::Node& node = *memory().find("n");
        return {node.uid, node.epoch(), id, node.items.find(id)->revision};
    }
    /// As if the store gave back something else than it was given; nothing: it has it no more.
    void damages(const std::string& id, const std::optional<std::string>& payload) {
        const pubsub::ItemAt item = at(id);
        storage::Batch batch;
        const std::string key = pubsub::payload_key(item.node, item.epoch, item.revision);
        if (payload)
            batch.put(storage::Family::Payload, key, *payload);
        else
            batch.erase(storage::Family::Payload, key);
        submit(std::move(batch));
    }
    std::string read(const std::string& id) {
        get(owner, "r1", "<items node='n'><item id='" + id + "'/></items>");
        return payload_in(next(owner));
    }
};

}   // namespace

TEST_CASE_METHOD(ReadBackStage, "documents of any shape come back by every way", "[read-back]") {
    Documents documents(20261128);
    for (int round = 0; round < 300; ++round) {
        const std::string id = "i" + std::to_string(round), item = documents.item(id);
        INFO(item);
        const std::string wanted =
            payload_in(parse_stanza("<a xmlns='" + pubsub_ns + "'>" + item + "</a>"));
        forget();
        set(owner, "p1", "<publish node='n'>" + item + "</publish>");
        result(owner, "p1");
        CHECK(payload_in(next(account)) == wanted);
        CHECK(read(id) == wanted);
        const pubsub::StoredItem stored =
            pubsub::read_item(*store().snapshot(), at(id), engine().payload_faults());
        const auto again = pubsub::parse_payload(stored.payload);
        REQUIRE(again);
        CHECK(canonical(*again) == wanted);
        // Stored once more it is the same text.
        CHECK(xml::write_detached(*again, {}) == stored.payload);
    }
    CHECK(engine().payload_faults().count() == 0);
}

TEST_CASE("what is stored is read without limits of count", "[read-back]") {
    std::string deep, wide("<r xmlns='urn:r'"), close;
    for (int i = 0; i < 500; ++i) {
        deep += "<x>";
        close += "</x>";
        wide += " xmlns:p" + std::to_string(i) + "='urn:p'" + " a" + std::to_string(i) + "=''";
    }
    std::string many = "<r>";
    for (int i = 0; i < 40'000; ++i) many += "<x/>";
    CHECK(pubsub::parse_payload(deep + close));
    CHECK(pubsub::parse_payload(wide + "/>"));
    CHECK(pubsub::parse_payload(many + "</r>"));
    CHECK(pubsub::parse_payload("<" + std::string(5000, 'n') + "/>"));
    CHECK(!pubsub::parse_payload("<r>"));
    CHECK(!pubsub::parse_payload(""));
}

TEST_CASE_METHOD(
    ReadBackStage, "a payload that cannot be read is an error, and counted", "[read-back]"
) {
    std::vector<std::string> reports;
    engine().report_faults([&](std::uint64_t, const std::string& item, const std::string&) {
        reports.push_back(item);
    });
    publishes(owner, "n", "a");
    publishes(owner, "n", "b");
    forget();
    for (const auto& damage :
         {std::optional<std::string>("<broken"), std::optional<std::string>()}) {
        damages("a", damage);
        const auto before = engine().payload_faults().count();
        for (const char* request :
             {"<items node='n'/>", "<items node='n'><item id='a'/></items>"}) {
            get(owner, "r1", request);
            error(owner, "r1", "cancel", "internal-server-error");
        }
        sends(owner, "<iq type='set' id='m1'><query xmlns='urn:xmpp:mam:2' node='n'/></iq>");
        error(owner, "m1", "cancel", "internal-server-error");
        CHECK(engine().payload_faults().count() == before + 3);
        read("b");
    }
    CHECK(reports.size() == 6);
    CHECK(reports.front() == "a");
    publishes(owner, "n", "a");   // published again it is there
    read("a");
}

TEST_CASE_METHOD(
    ReadBackStage, "an item that is replaced between decision and reading is there", "[read-back]"
) {
    publishes(owner, "n", "a");
    const pubsub::ItemAt before = at("a");
    publishes(owner, "n", "a");
    auto found = pubsub::read_item(*store().snapshot(), before, engine().payload_faults());
    CHECK(found.state == pubsub::StoredItem::State::Replaced);
    CHECK(found.publisher == "owner@grid.example");
    CHECK(!found.payload.empty());
    set(owner, "x1", "<retract node='n'><item id='a'/></retract>");
    found = pubsub::read_item(*store().snapshot(), before, engine().payload_faults());
    CHECK(found.state == pubsub::StoredItem::State::Gone);
    CHECK(engine().payload_faults().count() == 0);
}

TEST_CASE_METHOD(ReadBackStage, "ids of an archive hold over a restart", "[read-back]") {
    auto seeded = settings();
    seeded.cursor_seed = std::string(32, 's');
    restart(seeded);
    work_off();   // keeps the key
    publishes(owner, "n", "a");
    const auto ask = [&] {
        forget();
        sends(owner, "<iq type='set' id='m1'><query xmlns='urn:xmpp:mam:2' node='n'/></iq>");
        return std::string(next(owner).first_child()->attr_or("id", ""));
    };
    const std::string id = ask();
    CHECK(id.size() == 32);
    seeded.cursor_seed = std::string(32, 't');   // the seed of another start
    restart(seeded);
    work_off();
    CHECK(ask() == id);
}

}   // namespace grid::test::read_back_test
