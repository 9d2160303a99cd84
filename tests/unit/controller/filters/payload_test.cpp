// tests/unit/controller/filters/payload_test.cpp: paths into payloads, comparison of values,
// declarations of providers.
#include <catch2/catch.hpp>

#include "controller/filters/evaluate.hpp"
#include "xml/parser.hpp"

namespace payload_test {

using namespace grid;
using namespace grid::controller::filters;

namespace {

xml::Element parse_element(const std::string& text) {
    xml::Limits limits;
    limits.stanza_bytes_max = text.size() + 1;
    limits.elements_max = 3 * visited_max;
    return std::get<xml::Element>(xml::parse_document(text, limits));
}
using Texts = std::vector<std::string>;
Texts find(const std::string& payload, std::string_view path) {
    return find_in(parse_element(payload), *parse_path(path)).texts;
}
const std::string incident =
    "<i:IODEF-Document xmlns:i='urn:ietf:params:xml:ns:iodef-2.0'><i:Incident purpose='reporting'>"
    "<i:Assessment><i:Impact severity='high' type='dos'>flood</i:Impact></i:Assessment>"
    "<i:System><i:Address category='ipv4-addr'> 10.1.2.3 </i:Address>"
    "<i:Address category='asn'>64496</i:Address></i:System>"
    "</i:Incident></i:IODEF-Document>";

}   // namespace

TEST_CASE("S69: paths find the attributes of an IODEF document", "[filters]") {
    CHECK(find(incident, "/IODEF-Document/Incident/@purpose") == Texts{"reporting"});
    CHECK(find(incident, "//Impact/@severity") == Texts{"high"});
    CHECK(find(incident, "//Impact") == Texts{"flood"});
    CHECK(find(incident, "//Impact/text()") == Texts{"flood"});
    CHECK(find(incident, "//Address[@category='ipv4-addr']") == Texts{"10.1.2.3"});
    CHECK(find(incident, "//Address") == Texts{"10.1.2.3", "64496"});
    CHECK(find(incident, "Incident/System/*/@category") == Texts{"ipv4-addr", "asn"});
    CHECK(find(incident, "//@severity") == Texts{"high"});
    CHECK(find(incident, "/Incident/@purpose").empty());
    CHECK(find(incident, "//Impact/@type | //Incident/@purpose") == Texts{"dos", "reporting"});
    CHECK(find(incident, default_path("severity")) == Texts{"high"});
}

TEST_CASE("S66: paths that would cost too much or mean nothing are refused", "[filters]") {
    for (const char* path :
         {"", "/", "//", "a//b//c", "@a/b", "text()/a", "a[b]", "a[@b=c]", "a[@b='c'", "a b",
          "a||b", "a|b|c|d|e", "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q", "a/b/", "a/(b)"})
        CHECK_FALSE(parse_path(path).has_value());
    CHECK_FALSE(parse_path(std::string(600, 'a')).has_value());
    // A payload of any size costs no more than the bound.
    std::string large = "<r>";
    for (std::size_t i = 0; i < visited_max + 10; ++i) large += "<e/>";
    const Found found = find_in(parse_element(large + "</r>"), *parse_path("//e/@none"));
    CHECK(found.is_cut);
    std::string many = "<r>";
    for (std::size_t i = 0; i <= found_max; ++i) many += "<e>1</e>";
    const Found cut = find_in(parse_element(many + "</r>"), *parse_path("//e"));
    CHECK(cut.is_cut);
    CHECK(cut.texts.size() == found_max);
}

TEST_CASE("S66: keys of values compare as the values do", "[filters]") {
    const Texts numbers{"-100", "-12.5", "-12.25", "-1", "-0.5", "0",  "0.25", "0.5",
                        "1",    "1.5",   "1.55",   "2",  "9",    "10", "12",   "100"};
    for (std::size_t i = 0; i < numbers.size(); ++i)
        for (std::size_t j = 0; j < numbers.size(); ++j) {
            INFO(numbers[i] << " " << numbers[j]);
            const auto a = value_key(Type::Number, numbers[i]);
            const auto b = value_key(Type::Number, numbers[j]);
            CHECK((a < b) == (i < j));
        }
    CHECK(canonical_value(Type::Number, " +007.500 ") == "7.5");
    CHECK(canonical_value(Type::Number, "-0.0") == "0");
    for (const char* wrong : {"", ".", "-", "1e5", "0x1", "1.2.3", "one", "1,5"})
        CHECK_FALSE(canonical_value(Type::Number, wrong));
    CHECK_FALSE(canonical_value(Type::Number, std::string(200, '1')));
    const auto before = canonical_value(Type::Date, "1969-12-31").value();
    const auto after = canonical_value(Type::Date, "1970-01-02T00:00:00+12:00").value();
    CHECK(value_key(Type::Date, before) < value_key(Type::Date, after));
    CHECK(parse_network("10.0.0.0/8")->contains(value_key(Type::Address, "10.255.0.1")));
    CHECK_FALSE(parse_network("10.0.0.0/8")->contains(value_key(Type::Address, "11.0.0.1")));
    CHECK_FALSE(parse_network("10.0.0.0/9")->contains(value_key(Type::Address, "10.128.0.1")));
    CHECK(parse_network("2001:db8::/33")->contains(value_key(Type::Address, "2001:db8:7fff::1")));
    CHECK(to_string(*parse_network("2001:db8:ffff::/33")) == "2001:db8:8000::/33");
}

TEST_CASE("S58: what a provider declares is read, kept and added to", "[filters]") {
    const auto request = [](const std::string& inside) {
        return parse_element("<initPublishRequest xmlns='x'>" + inside + "</initPublishRequest>");
    };
    // Names of declarers are kept beside these (topic.cpp).
    const Declarer anybody{"", [](const std::string&) { return false; }};
    const auto known = declare(
        {},
        request("<filterSupport><attribute name='location' match='eq in prefix'/>"
                "<attribute name='risk' type='number' path='//risk/@value'/></filterSupport>"
                "<subtopicLimit>12</subtopicLimit><serverSideFilter>true</serverSideFilter>"),
        100, anybody
    );
    REQUIRE(known.has_value());
    CHECK(known->subtopics_max == 12);
    CHECK(known->is_server_side);
    CHECK(to_line(known->attributes.at(0)) == "location string eq ne in prefix");
    CHECK(to_line(known->attributes.at(1)) == "risk number eq ne lt le gt ge in exists");
    storage::Encoder out;
    encode(out, *known);
    const std::string bytes = out.take();
    storage::Decoder in(bytes);
    CHECK(decode_support(in) == *known);

    const auto more = declare(
        *known, request("<filterSupport><attribute name='domain'/></filterSupport>"), 100, anybody
    );
    CHECK(more->attributes.size() == 3);
    CHECK(more->subtopics_max == 12);
    for (const char* wrong :
         {"<filterSupport><attribute/></filterSupport>",
          "<filterSupport><attribute name='and'/></filterSupport>",
          "<filterSupport><attribute name='a b'/></filterSupport>",
          "<filterSupport><attribute name='a' type='color'/></filterSupport>",
          "<filterSupport><attribute name='a' match='gt'/></filterSupport>",
          "<filterSupport><attribute name='a' match='like'/></filterSupport>",
          "<filterSupport><attribute name='a' path='b//c//d'/></filterSupport>",
          "<filterSupport><attribute name='risk' type='string'/></filterSupport>",
          "<filterSupport><other/></filterSupport>", "<subtopicLimit>101</subtopicLimit>",
          "<subtopicLimit>-1</subtopicLimit>", "<subtopicLimit/>",
          "<serverSideFilter>maybe</serverSideFilter>"}) {
        INFO(wrong);
        CHECK_FALSE(declare(*known, request(wrong), 100, anybody).has_value());
    }
}

TEST_CASE(
    "S58: what another provider declared stays as it is while that one provides", "[filters]"
) {
    const auto request = [](const std::string& inside) {
        return parse_element("<initPublishRequest xmlns='x'>" + inside + "</initPublishRequest>");
    };
    const std::string attribute =
        "<filterSupport><attribute name='ip' type='address' path='//ip'/></filterSupport>";
    bool is_live = true;
    const auto live = [&](const std::string& other) {
        CHECK(other == "ann@grid.example");
        return is_live;
    };
    const Declarer ann{"ann@grid.example", live}, bob{"bob@grid.example", live};
    const auto known =
        declare({}, request(attribute + "<subtopicLimit>5</subtopicLimit>"), 100, ann);
    REQUIRE(known.has_value());
    const auto same =
        declare(*known, request(attribute + "<subtopicLimit>5</subtopicLimit>"), 100, bob);
    REQUIRE(same.has_value());
    CHECK(*same == *known);
    const std::string other =
        "<filterSupport><attribute name='ip' type='address' path='//other'/></filterSupport>";
    for (const std::string& wrong : {other, std::string("<subtopicLimit>6</subtopicLimit>")}) {
        INFO(wrong);
        const auto refused = declare(*known, request(wrong), 100, bob);
        REQUIRE_FALSE(refused.has_value());
        CHECK(refused.error().text.find("ann@grid.example") != std::string::npos);
        CHECK(declare(*known, request(wrong), 100, ann).has_value());
    }
    const auto added = declare(
        *known, request("<filterSupport><attribute name='host'/></filterSupport>"), 100, bob
    );
    REQUIRE(added.has_value());
    CHECK(added->attributes.size() == 2);
    is_live = false;   // then nobody stands by it
    CHECK(declare(*known, request(other), 100, bob)->find("ip")->path == "//other");
}

TEST_CASE("S76: the XML form and the text form are one language", "[filters]") {
    const auto read = [](const std::string& inside) {
        const auto parsed = parse_xml(parse_element("<filter xmlns='x'>" + inside + "</filter>"));
        return parsed ? to_text(*parsed) : "error: " + parsed.error().text;
    };
    CHECK(
        read("<and><eq attribute='location'>SJC</eq><in attribute='domain'><v>corp</v>"
             "<v>\n lab \n</v></in></and>") == "location = 'SJC' and domain in ('corp','lab')"
    );
    CHECK(
        read("<not><or><exists attribute='a'/><lt attribute='b'>5</lt></or></not>") ==
        "not (a exists or b < '5')"
    );
    CHECK(
        read("location = 'SJC' and domain in ('corp')") == "location = 'SJC' and domain = 'corp'"
    );
    for (const char* wrong :
         {"<and/>", "<not><exists attribute='a'/><exists attribute='b'/></not>", "<eq>a</eq>",
          "<eq attribute='a'><v>b</v></eq>", "<in attribute='a'/>",
          "<in attribute='a'><w>b</w></in>", "<like attribute='a'>b</like>",
          "<exists attribute='a'>b</exists>", "<and>text<exists attribute='a'/></and>",
          "<exists attribute='a'/><exists attribute='b'/>", "text <exists attribute='a'/>", ""}) {
        INFO(wrong);
        CHECK(read(wrong).starts_with("error: "));
    }
    std::string deep;
    for (int i = 0; i < 20; ++i) deep += "<not>";
    deep += "<exists attribute='a'/>";
    for (int i = 0; i < 20; ++i) deep += "</not>";
    CHECK(read(deep).find("16 levels") != std::string::npos);
}

}   // namespace payload_test
