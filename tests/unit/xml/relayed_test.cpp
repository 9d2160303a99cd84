// tests/unit/xml/relayed_test.cpp: stanzas of any spelling reach an independent parser unbroken
// and with the same meaning.
#include <expat.h>
#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <map>
#include <random>

#include "xml/namespaces.hpp"
#include "xml_tests.hpp"

namespace relayed_test {

using namespace grid::xml;
using namespace grid::test;

namespace {

/// A document's meaning, however it is spelt, as Expat's own namespaces give it.
class Meaning {
public:
    static std::vector<std::string> of(const std::string& document) {
        Meaning meaning;
        XML_Parser parser = XML_ParserCreateNS("UTF-8", ' ');
        XML_SetUserData(parser, &meaning);
        XML_SetElementHandler(parser, on_start, on_end);
        XML_SetCharacterDataHandler(parser, on_text);
        XML_SetNamespaceDeclHandler(parser, on_declared, on_undeclared);
        const auto size = static_cast<int>(document.size());
        if (XML_Parse(parser, document.data(), size, XML_TRUE) != XML_STATUS_OK)
            meaning.lines_ = {"broken: " + document};
        XML_ParserFree(parser);
        return meaning.lines_;
    }

private:
    static Meaning& from(void* self) { return *static_cast<Meaning*>(self); }
    static void on_start(void* self, const char* name, const char** attributes) {
        Meaning& meaning = from(self);
        meaning.end_text();
        std::vector<std::string> attrs;
        for (; *attributes; attributes += 2)
            attrs.push_back(std::string(attributes[0]) + "=" + meaning.resolved(attributes[1]));
        std::ranges::sort(attrs);
        std::string line = "<" + std::string(name);
        for (const auto& each : attrs) line += " | " + each;
        meaning.lines_.push_back(std::move(line));
    }
    static void on_end(void* self, const char*) {
        from(self).end_text();
        from(self).lines_.emplace_back(">");
    }
    static void on_text(void* self, const char* text, int size) {
        from(self).text_.append(text, static_cast<std::size_t>(size));
    }
    static void on_declared(void* self, const char* prefix, const char* uri) {
        from(self).end_text();
        from(self).bound_[prefix ? prefix : ""].emplace_back(uri ? uri : "");
    }
    static void on_undeclared(void* self, const char* prefix) {
        from(self).end_text();   // declarations end behind the element
        from(self).bound_[prefix ? prefix : ""].pop_back();
    }
    void end_text() {
        if (!text_.empty()) lines_.push_back("text " + resolved(text_));
        text_.clear();
    }
    /// A value `p:name` means what p is bound to.
    std::string resolved(const std::string& value) {
        const std::size_t colon = value.find(':');
        if (colon != 1 || value.size() < 3) return value;
        const auto found = bound_.find(value.substr(0, 1));
        if (found == bound_.end() || found->second.empty()) return value;
        return value + " in " + found->second.back();
    }

    std::vector<std::string> lines_;
    std::string text_;
    std::map<std::string, std::vector<std::string>> bound_;
};

/// A client that spells as strangely as XML lets it.
class Speller {
public:
    explicit Speller(unsigned seed) : random_(seed) {}

    std::string header() {
        bound_ = {{"", "jabber:client"}, {"s", "http://etherx.jabber.org/streams"}};
        std::string text =
            "<s:stream xmlns='jabber:client' xmlns:s='http://etherx.jabber.org/streams'";
        for (const char* prefix : {"a", "b", "c"})
            if (chance(3)) text += declaration(bound_, prefix, uri());
        return text + ">";
    }
    std::string stanza() {
        const std::string name = chance(2) ? "iq" : "message";
        return element(bound_, name, "jabber:client", 0);
    }
    std::size_t number(std::size_t below) {
        return std::uniform_int_distribution<std::size_t>(0, below - 1)(random_);
    }
    bool chance(std::size_t of) { return number(of) == 0; }

private:
    using Scope = std::map<std::string, std::string>;

    std::string uri() {
        static const std::array<std::string, 5> all{
            "jabber:client", "jabber:client", "urn:1", "urn:2", "urn:it's"
        };
        return all[number(all.size())];
    }
    std::string prefix() {
        static const std::array<std::string, 5> all{"a", "b", "c", "d", "e"};
        return all[number(all.size())];
    }
    std::string declaration(Scope& scope, const std::string& prefix, const std::string& uri) {
        scope[prefix] = uri;
        return blank() + (prefix.empty() ? "xmlns" : "xmlns:" + prefix) + equals() + value_of(uri);
    }
    std::string blank() { return chance(4) ? "\n \t" : " "; }
    std::string equals() { return chance(8) ? " = " : "="; }

    /// An element of that namespace, under a prefix that has it, old or new, or under none.
    std::string element(Scope scope, const std::string& name, const std::string& ns, int depth) {
        std::string own, tag;
        std::map<std::string, bool> declared;
        const auto declare = [&](const std::string& prefix, const std::string& uri) {
            if (!declared.emplace(prefix, true).second) return scope[prefix] == uri;
            tag += declaration(scope, prefix, uri);
            return true;
        };
        if (ns.empty() || chance(2)) {
            if (scope[""] != ns) declare("", ns);
        } else {
            for (const auto& [prefix, uri] : scope)
                if (!prefix.empty() && uri == ns && chance(2)) own = prefix;
            if (own.empty()) declare(own = prefix(), ns);
            own += ':';
            if (chance(3)) declare("", chance(4) ? "" : uri());
        }
        std::string attrs = attributes(scope, declare);
        const std::string full = own + name;
        std::string text = "<" + full + (chance(2) ? tag + attrs : attrs + tag);
        if (depth > 5 || chance(4)) return text + (chance(2) ? "/>" : "></" + full + " >");
        text += ">";
        for (std::size_t i = number(5); i > 0; --i)
            text += chance(2) ? characters() : child(scope, depth);
        return text + "</" + full + ">";
    }
    std::string child(const Scope& scope, int depth) {
        static const std::array<std::string, 4> names{"body", "q", "x-1", "\xC3\xA4"};
        const std::string ns = chance(6)   ? ""
                               : chance(8) ? "http://etherx.jabber.org/streams"
                                           : uri();
        return element(scope, names[number(names.size())], ns, depth + 1);
    }
    template <class Declare>
    std::string attributes(Scope& scope, Declare declare) {
        std::string text;
        if (chance(3)) text += blank() + "to" + equals() + value_of("b@d/" + plain());
        if (chance(3)) text += blank() + "t" + equals() + value_of(prefix() + ":T");
        if (chance(5)) text += blank() + "xml:lang" + equals() + value_of("de");
        if (chance(3)) {
            const std::string under = prefix();
            if (scope.contains(under) || declare(under, uri()))
                text += blank() + under + ":k" + under + equals() + value_of(plain());
        }
        if (chance(6) && scope["s"] == "http://etherx.jabber.org/streams")
            text += blank() + "s:k" + equals() + value_of("1");
        return text;
    }
    std::string plain() {
        static const std::array<std::string, 12> pieces{
            "x", "&", "<", ">", "'", "\"", "]]>", "\n", " ", "]", "\r", "\xF0\x9F\x98\x80"
        };
        std::string text;
        for (std::size_t i = number(5); i > 0; --i) text += pieces[number(pieces.size())];
        return text;
    }
    /// One character in one of its spellings.
    std::string reference(char c) {
        static const std::map<char, std::string> named{
            {'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'\'', "&apos;"}, {'"', "&quot;"}
        };
        if (named.contains(c) && chance(2)) return named.at(c);
        std::array<char, 16> text{};
        (void)std::snprintf(text.data(), text.size(), chance(2) ? "&#%d;" : "&#x%x;", c);
        return text.data();
    }
    std::string value_of(const std::string& meant) {
        const char quote = chance(2) ? '\'' : '"';
        std::string text(1, quote);
        for (const char c : meant) {
            const bool is_odd = c == '&' || c == '<' || c == quote || c == '\n' || c == '\r';
            text += is_odd || (c >= 0 && chance(30)) ? reference(c) : std::string(1, c);
        }
        return text + quote;
    }
    std::string characters() {
        if (chance(5)) return prefix() + ":T";
        std::string meant = plain() + plain();
        if (chance(10))
            for (std::size_t i = number(60); i > 0; --i) meant += chance(2) ? '&' : '<';
        if (chance(3)) {
            for (std::size_t at = 0; (at = meant.find("]]>", at)) != std::string::npos; at += 3)
                meant.replace(at, 3, "]]]]><![CDATA[>"), at += 12;
            return "<![CDATA[" + meant + "]]>";
        }
        std::string text;
        for (const char c : meant) {
            const bool is_odd = c == '&' || c == '<' || c == '>' || c == '\r';
            text += is_odd || (c >= 0 && chance(30)) ? reference(c) : std::string(1, c);
        }
        return text;
    }

    std::mt19937 random_;
    Scope bound_;
};

/// As the server sends it on: an iq in two parts, a message in one.
std::string sent_on(Element stanza) {
    if (stanza.name() == "message") return to_string(stanza.set("from", "a@d/r"), "jabber:client");
    std::string tail, out;
    write_tail(tail, stanza, "jabber:client");
    write_head(out, stanza.set("from", "a@d/r"), "jabber:client");
    return out + tail;
}

/// The meaning that its receiver's parser finds, without the `from`.
std::vector<std::string> received(const std::string& text) {
    auto lines = Meaning::of(
        "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>" +
        text + "</stream:stream>"
    );
    if (lines.size() < 2) return lines;
    constexpr std::string_view from = " | from=a@d/r";
    const std::size_t at = lines[1].find(from);
    if (at == std::string::npos) return {"without from"};
    lines[1].erase(at, from.size());
    return lines;
}

}   // namespace

TEST_CASE("a hundred thousand stanzas of any spelling mean the same to an independent parser") {
    constexpr int streams = 1000, stanzas = 100;
    int wrong = 0;
    for (unsigned seed = 0; seed < streams && wrong == 0; ++seed) {
        Speller speller(seed);
        StreamParser parser{Limits{}};
        const std::string opening = speller.header();
        std::vector<std::string> spelt;
        std::string bytes = opening;
        for (int i = 0; i < stanzas; ++i) bytes += spelt.emplace_back(speller.stanza());
        while (!bytes.empty()) {
            const std::size_t size = std::min(bytes.size(), 1 + speller.number(5000));
            parser.feed(std::string_view(bytes).substr(0, size));
            bytes.erase(0, size);
        }
        REQUIRE(std::holds_alternative<StreamOpen>(parser.next().value()));
        for (const std::string& each : spelt) {
            auto event = parser.next().value();
            if (auto* broken = std::get_if<StreamBroken>(&event)) FAIL(broken->text + ": " + each);
            const std::string out = sent_on(std::get<Element>(std::move(event)));
            auto meant = Meaning::of(opening + each + "</s:stream>");
            auto read = received(out);
            meant.erase(meant.begin());   // the header
            read.erase(read.begin());
            if (meant == read && out.starts_with(each.find("iq") < 5 ? "<iq" : "<message"))
                continue;
            ++wrong;
            for (std::size_t i = 0; i < std::min(meant.size(), read.size()); ++i)
                if (meant[i] != read[i]) {
                    INFO("meant " << meant[i] << "\nread  " << read[i]);
                    CHECK(meant[i] == read[i]);
                    break;
                }
            FAIL_CHECK(opening + each + "\n" + out);
            break;
        }
    }
    CHECK(wrong == 0);
}

}   // namespace relayed_test
