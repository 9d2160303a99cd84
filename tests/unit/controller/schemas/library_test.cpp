// tests/unit/controller/schemas/library_test.cpp: which documents are taken, and what they find
// of each other; nothing else is read.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "alert_schema.hpp"
#include "controller/schemas/library.hpp"

namespace library_test {

using namespace grid::controller::schemas;
using grid::test::alert_schema;
using grid::test::schema_of;

namespace {

std::shared_ptr<const Library> nothing() { return std::make_shared<const Library>(Documents{}); }

Trial attempt(const std::map<std::string, std::string>& texts) {
    return try_documents(nothing(), {}, texts);
}

std::string problem(const std::string& text) {
    const Trial trial = attempt({{"one.xsd", text}});
    return trial.problem ? to_text(*trial.problem) : std::string();
}

const std::string importing = schema_of(
    "<xs:import namespace='urn:x:base' schemaLocation='base.xsd'/>\n"
    "<xs:element name='alert' xmlns:b='urn:x:base' type='b:level'/>"
);
const std::string base = schema_of(
    "<xs:simpleType name='level'><xs:restriction base='xs:int'><xs:maxInclusive value='5'/>"
    "</xs:restriction></xs:simpleType><xs:element name='level' type='t:level'/>",
    "urn:x:base"
);

}   // namespace

TEST_CASE("S53: a document imports another by its location, its namespace or its file's name") {
    for (const char* location : {"base.xsd", "urn:x:base", "https://example.com/xsd/base.xsd"}) {
        CAPTURE(location);
        const Trial trial = attempt({{"one.xsd", importing}, {location, base}});
        INFO((trial.problem ? to_text(*trial.problem) : std::string()));
        REQUIRE(!trial.problem);
        const auto schema = trial.result->schema("one.xsd");
        REQUIRE(schema.has_value());
        CHECK((*schema)->check(Mode::Strict, "<alert xmlns='urn:x:alert'>5</alert>", {}) == "");
        CHECK((*schema)->check(Mode::Strict, "<alert xmlns='urn:x:alert'>6</alert>", {}) != "");
        CHECK((*schema)->check(Mode::Strict, "<level xmlns='urn:x:base'>5</level>", {}) == "");
    }
}

TEST_CASE("S53: documents that include each other, and one of no namespace that takes another's") {
    const std::string whole = schema_of(
        "<xs:include schemaLocation='part.xsd'/><xs:include schemaLocation='plain.xsd'/>"
        "<xs:element name='alert' type='t:level'/><xs:element name='other' type='t:plain'/>"
    );
    const std::string part = schema_of(
        "<xs:include schemaLocation='one.xsd'/>"
        "<xs:simpleType name='level'><xs:restriction base='xs:int'/></xs:simpleType>"
        "<xs:element name='inner' type='t:level'/>"
    );
    const std::string plain =
        "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'>"
        "<xs:simpleType name='plain'><xs:restriction base='xs:boolean'/></xs:simpleType>"
        "<xs:element name='late' type='xs:int'/></xs:schema>";
    const Trial trial = attempt({{"one.xsd", whole}, {"part.xsd", part}, {"plain.xsd", plain}});
    INFO((trial.problem ? to_text(*trial.problem) : std::string()));
    REQUIRE(!trial.problem);
    const auto schema = *trial.result->schema("one.xsd");
    CHECK(schema->check(Mode::Strict, "<alert xmlns='urn:x:alert'>1</alert>", {}) == "");
    CHECK(schema->check(Mode::Strict, "<inner xmlns='urn:x:alert'>1</inner>", {}) == "");
    CHECK(schema->check(Mode::Strict, "<other xmlns='urn:x:alert'>true</other>", {}) == "");
    CHECK(schema->check(Mode::Strict, "<late xmlns='urn:x:alert'>x</late>", {}) != "");
    CHECK(schema->check(Mode::Strict, "<late xmlns='urn:x:alert'>7</late>", {}) == "");
}

TEST_CASE("S53: the attributes of xml: are known without a document") {
    const std::string schema = schema_of(
        "<xs:import namespace='http://www.w3.org/XML/1998/namespace' "
        "schemaLocation='http://www.w3.org/2001/xml.xsd'/>"
        "<xs:element name='alert'><xs:complexType><xs:attribute ref='xml:lang'/></xs:complexType>"
        "</xs:element>"
    );
    const Trial trial = attempt({{"one.xsd", schema}});
    INFO((trial.problem ? to_text(*trial.problem) : std::string()));
    REQUIRE(!trial.problem);
    CHECK(
        (*trial.result->schema("one.xsd"))
            ->check(Mode::Strict, "<alert xmlns='urn:x:alert' xml:lang='de-AT'/>", {}) == ""
    );
}

TEST_CASE("S53: files and addresses are not read, though they are there") {
    const auto folder = std::filesystem::temp_directory_path() / "gridd-schema-test";
    std::filesystem::create_directories(folder);
    const std::string file = folder / "there.xsd";
    std::ofstream(file) << base;
    for (const std::string& location :
         {file, "file://" + file, std::string("http://127.0.0.1:1/there.xsd"),
          std::string("gridd-schema:0"), std::string("/dev/zero")}) {
        CAPTURE(location);
        for (const std::string& reference :
             {"<xs:import namespace='urn:x:base' schemaLocation='" + location + "'/>",
              "<xs:include schemaLocation='" + location + "'/>"}) {
            const std::string said = problem(schema_of(
                reference + "\n<xs:element name='a' xmlns:b='urn:x:base' type='b:level'/>"
            ));
            CHECK(said.find("one.xsd, line 2: no stored document is meant") == 0);
        }
        CHECK(
            problem(schema_of("<xs:redefine schemaLocation='" + location + "'/>"))
                .find("one.xsd, line 2: xs:redefine") == 0
        );
        // Nor by an entity, or from what a payload says.
        CHECK(
            problem("<!DOCTYPE s SYSTEM '" + location + "'>" + alert_schema).find("no DTD") !=
            std::string::npos
        );
        const auto schema = *attempt({{"one.xsd", alert_schema}}).result->schema("one.xsd");
        CHECK(
            schema->check(
                Mode::Strict,
                "<level xmlns='urn:x:base' xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' "
                "xsi:schemaLocation='urn:x:base " +
                    location + "'>5</level>",
                {}
            ) != ""
        );
    }
    std::filesystem::remove_all(folder);
}

TEST_CASE("S53: what is no schema is refused with line and reason") {
    CHECK(problem("") != "");
    CHECK(problem("no xml") != "");
    CHECK(problem("<a>\n<b></a>").find("one.xsd, line 2: ") == 0);
    CHECK(problem("<a/>").find("one.xsd, line 1: expected an element schema") == 0);
    CHECK(
        problem(schema_of("\n\n<xs:element name='a' type='xs:nothing'/>"))
            .find("one.xsd, line 4: ") == 0
    );
    CHECK(
        problem(schema_of("<xs:element\n  name='a'\n  type='t:none'/>"))
            .find("one.xsd, line 4: ") == 0
    );
    CHECK(
        problem(schema_of("<!-- one\ntwo -->\n<xs:annotation><xs:documentation>\n"
                          "</xs:documentation></xs:annotation>\n<xs:element name='1'/>"))
            .find("one.xsd, line 6: ") == 0
    );
    CHECK(
        problem(schema_of("<xs:simpleType name='a'><xs:restriction base='xs:string'>\n"
                          "<xs:pattern value='(a+)+b'/></xs:restriction></xs:simpleType>"))
            .find("one.xsd, line 3: this pattern may take exponential time") == 0
    );
    CHECK(problem(schema_of("text")) != "");
    const Trial other =
        attempt({{"one.xsd", importing}, {"base.xsd", schema_of("", "urn:x:base")}});
    REQUIRE(other.problem);
    CHECK(other.problem->document == "one.xsd");
    CHECK(other.problem->line == 3);
}

TEST_CASE("S53: entities are refused before they grow") {
    std::string bomb = "<!DOCTYPE s [<!ENTITY a 'aaaaaaaaaa'>";
    for (char c = 'b'; c < 'p'; ++c) {
        bomb += std::string("<!ENTITY ") + c + " '";
        for (int i = 0; i < 10; ++i) bomb += std::string("&") + static_cast<char>(c - 1) + ";";
        bomb += "'>";
    }
    CHECK(
        problem(bomb + "]>" + schema_of("<xs:element name='&o;'/>")).find("no DTD") !=
        std::string::npos
    );
    CHECK(
        problem("<!DOCTYPE s [<!ENTITY x SYSTEM 'file:///etc/hostname'>]>" + schema_of("&x;"))
            .find("no DTD") != std::string::npos
    );
    CHECK(problem(schema_of("&x;")) != "");
}

TEST_CASE("S53: schemas that grow when they are written out are refused") {
    std::string groups =
        "<xs:group name='g0'><xs:sequence><xs:element name='e'/></xs:sequence>"
        "</xs:group>";
    std::string attributes = "<xs:attributeGroup name='g0'/>", unions;
    unions = "<xs:simpleType name='g0'><xs:restriction base='xs:int'/></xs:simpleType>";
    for (int i = 1; i < 30; ++i) {
        const std::string last = std::to_string(i - 1), own = std::to_string(i);
        groups += "<xs:group name='g" + own + "'><xs:sequence><xs:group ref='t:g" + last +
                  "'/><xs:group ref='t:g" + last + "'/></xs:sequence></xs:group>";
        attributes += "<xs:attributeGroup name='g" + own + "'><xs:attributeGroup ref='t:g" + last +
                      "'/><xs:attributeGroup ref='t:g" + last + "'/></xs:attributeGroup>";
        unions += "<xs:simpleType name='g" + own + "'><xs:union memberTypes='t:g" + last + " t:g" +
                  last + "'/></xs:simpleType>";
    }
    for (const std::string& hostile : {groups, attributes, unions})
        CHECK(problem(schema_of(hostile)).find("too large, written out") != std::string::npos);
    std::string optional = "<xs:element name='a'><xs:complexType><xs:choice maxOccurs='9'>";
    for (int i = 0; i < 300; ++i)
        optional += "<xs:element name='e" + std::to_string(i) + "' minOccurs='0'/>";
    CHECK(
        problem(schema_of(optional + "</xs:choice></xs:complexType></xs:element>"))
            .find("one.xsd, line 2: too many parts of content are optional") == 0
    );
    std::string chain = "<xs:complexType name='g0'><xs:sequence/></xs:complexType>";
    for (int i = 1; i < 200; ++i)
        chain += "<xs:complexType name='g" + std::to_string(i) +
                 "'><xs:complexContent><xs:extension base='t:g" + std::to_string(i - 1) +
                 "'/></xs:complexContent></xs:complexType>";
    CHECK(problem(schema_of(chain)).find("deep") != std::string::npos);
    CHECK(
        problem(schema_of(std::string(document_bytes_max, ' '))).find("at most") !=
        std::string::npos
    );
    std::string deep;
    for (int i = 0; i < 1000; ++i) deep += "<xs:sequence>";
    CHECK(problem(schema_of(deep)) != "");
}

TEST_CASE("S53: a change that breaks another document is refused; an unrelated one is not looked at"
) {
    const Trial first = attempt({{"one.xsd", importing}, {"base.xsd", base}});
    REQUIRE(!first.problem);
    const Trial broken = try_documents(
        first.result, {"one.xsd"},
        {{"base.xsd", schema_of("<xs:element name='level'/>", "urn:x:base")}}
    );
    REQUIRE(broken.problem);
    CHECK(broken.problem->document == "one.xsd");
    CHECK(try_without(first.result, {}, "base.xsd").problem);
    CHECK(!try_without(first.result, {}, "one.xsd").problem);
    const Trial more = try_documents(first.result, {}, {{"alert.xsd", alert_schema}});
    REQUIRE(!more.problem);
    CHECK(more.result->is_compiled("one.xsd"));
    CHECK(*more.result->schema("one.xsd") == *first.result->schema("one.xsd"));
}

}   // namespace library_test
