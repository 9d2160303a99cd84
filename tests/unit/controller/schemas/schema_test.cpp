// tests/unit/controller/schemas/schema_test.cpp: the verdicts of a schema on payloads.
#include <catch2/catch.hpp>
#include <thread>
#include <vector>

#include "alert_schema.hpp"
#include "controller/schemas/library.hpp"

namespace schema_test {

using namespace grid::controller::schemas;
using grid::test::alert_schema;
using grid::test::bad_alert;
using grid::test::good_alert;
using grid::test::schema_of;

namespace {

std::shared_ptr<const Library> library_of(const std::map<std::string, std::string>& texts) {
    auto trial = try_documents(std::make_shared<const Library>(Documents{}), {}, texts);
    INFO((trial.problem ? to_text(*trial.problem) : std::string()));
    REQUIRE(!trial.problem);
    return trial.result;
}

std::string check(const std::string& schema, const std::string& payload, Mode mode = Mode::Strict) {
    const auto compiled = library_of({{"one.xsd", schema}})->schema("one.xsd");
    REQUIRE(compiled.has_value());
    return (*compiled)->check(mode, payload, {});
}

}   // namespace

TEST_CASE("S20: what fits passes, what does not is told with line and reason") {
    CHECK(check(alert_schema, good_alert) == "");
    CHECK(check(alert_schema, good_alert, Mode::Lax) == "");
    const std::string said = check(alert_schema, bad_alert);
    CHECK(said.starts_with("line 2: "));
    CHECK(
        said.find("'high' is not a valid value of the atomic type 'xs:int'") != std::string::npos
    );
    CHECK(check(alert_schema, bad_alert, Mode::Lax) == said);
    CHECK(
        check(alert_schema, "<alert xmlns='urn:x:alert'><severity>1</severity></alert>")
            .find("The attribute 'id' is required") != std::string::npos
    );
    const std::string unexpected = check(
        alert_schema,
        "<a:alert xmlns:a='urn:x:alert' id='1'>\n\n<a:severity>1</a:severity>\n<a:more/></a:alert>"
    );
    CHECK(unexpected.starts_with("line 4: "));
    CHECK(unexpected.find("more") != std::string::npos);
}

TEST_CASE("S20: a root that the schema does not declare: strict refuses it, lax lets it through") {
    const std::string foreign = "<other xmlns='urn:x:other'/>";
    CHECK(
        check(alert_schema, foreign) ==
        "line 1: the schema of this topic declares no element 'other' of namespace "
        "'urn:x:other'"
    );
    CHECK(check(alert_schema, foreign, Mode::Lax) == "");
    CHECK(check(alert_schema, "<severity xmlns='urn:x:alert'>1</severity>") != "");
    CHECK(check(alert_schema, "<alert id='1'><severity>1</severity></alert>") != "");
    CHECK(check(alert_schema, foreign, Mode::Off) == "");
    // A type named in the payload makes no declaration.
    CHECK(
        check(
            alert_schema,
            "<other xmlns='urn:x:other' xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' "
            "xmlns:xs='http://www.w3.org/2001/XMLSchema' xsi:type='xs:int'>1</other>"
        ) != ""
    );
}

TEST_CASE("S20: what is said is bounded, in one line, and of this payload alone") {
    const std::string junk(100'000, 'x');
    const std::string said = check(
        alert_schema,
        "<alert xmlns='urn:x:alert' id='1'><severity>\n\n" + junk + "</severity></alert>"
    );
    CHECK(said.size() < 500);
    CHECK(said.find('\n') == std::string::npos);
    const auto schema = library_of({{"one.xsd", alert_schema}})->schema("one.xsd");
    CHECK((*schema)->check(Mode::Strict, bad_alert, {}) != "");
    CHECK((*schema)->check(Mode::Strict, good_alert, {}) == "");
    CHECK((*schema)->check(Mode::Strict, bad_alert, {}).find("xxx") == std::string::npos);
}

TEST_CASE("S20: a payload that takes too long is refused") {
    const auto schema = library_of({{"one.xsd", alert_schema}})->schema("one.xsd");
    int asked = 0;
    std::string large = "<alert xmlns='urn:x:alert' id='1'><severity>1</severity>";
    for (int i = 0; i < 5000; ++i) large += "<text>word</text>";
    large += "</alert>";
    CHECK((*schema)->check(Mode::Strict, large, {}) == "");
    const std::string said = (*schema)->check(Mode::Strict, large, [&] { return ++asked > 3; });
    CHECK(asked == 4);
    CHECK(said == "it could not be checked against its schema in time");
}

TEST_CASE("S20: with keys, duplicates are refused, and large payloads") {
    const std::string keyed = schema_of(
        "<xs:element name='list'><xs:complexType><xs:sequence>"
        "<xs:element name='one' type='xs:string' maxOccurs='unbounded'/>"
        "</xs:sequence></xs:complexType>"
        "<xs:key name='k'><xs:selector xpath='t:one'/><xs:field xpath='.'/></xs:key></xs:element>"
    );
    const auto list = [](int count, bool is_twice) {
        std::string text = "<list xmlns='urn:x:alert'>";
        for (int i = 0; i < count; ++i) text += "<one>" + std::to_string(i) + "</one>";
        return text + (is_twice ? "<one>0</one></list>" : "</list>");
    };
    CHECK(check(keyed, list(3, false)) == "");
    CHECK(check(keyed, list(3, true)).find("Duplicate key-sequence") != std::string::npos);
    CHECK(check(keyed, list(5000, false)).find("at most 32768 bytes") != std::string::npos);
}

TEST_CASE("S20: with patterns that take long, long texts are refused") {
    const auto of_pattern = [](const std::string& pattern) {
        return schema_of(
            "<xs:element name='a'><xs:simpleType><xs:restriction base='xs:string'>"
            "<xs:pattern value='" +
            pattern + "'/></xs:restriction></xs:simpleType></xs:element>"
        );
    };
    const auto text = [](std::size_t bytes) {
        return "<a xmlns='urn:x:alert'>" + std::string(bytes, 'x') + "</a>";
    };
    CHECK(check(of_pattern(".*x.*"), text(900)) == "");
    CHECK(
        check(of_pattern(".*x.*"), text(901)).find("no text has more than 900") != std::string::npos
    );
    CHECK(
        check(of_pattern(".*x.*x.*"), text(111)).find("no text has more than 110") !=
        std::string::npos
    );
    CHECK(check(of_pattern("x*"), text(200'000)) == "");
    // However it is written.
    for (const std::string& piece : {"\'", ">", "\"", "&lt;"}) {
        CAPTURE(piece);
        std::string pieces;
        for (int i = 0; i < 1100; ++i) pieces += "x" + piece;
        CHECK(check(of_pattern(".*x.*"), "<a xmlns='urn:x:alert'>" + pieces + "</a>") != "");
    }
}

TEST_CASE("S20: one schema serves several threads at once") {
    const auto schema = *library_of({{"one.xsd", alert_schema}})->schema("one.xsd");
    std::vector<std::thread> threads;
    std::atomic<int> wrong = 0;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&] {
            for (int i = 0; i < 500; ++i) {
                wrong += schema->check(Mode::Strict, good_alert, {}).empty() ? 0 : 1;
                wrong += schema->check(Mode::Strict, bad_alert, {}).starts_with("line 2") ? 0 : 1;
            }
        });
    for (std::thread& thread : threads) thread.join();
    CHECK(wrong == 0);
}

}   // namespace schema_test
