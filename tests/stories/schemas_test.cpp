// tests/stories/schemas_test.cpp: payloads are checked against the schema of their topic (S20,
// S53, S54).
#include <boost/json.hpp>
#include <catch2/catch.hpp>

#include "../unit/controller/schemas/alert_schema.hpp"
#include "commands_stage.hpp"
#include "controller/state.hpp"
#include "subtopic_stage.hpp"

namespace schemas_test {

using namespace grid::test;
namespace json = boost::json;

namespace {

constexpr const char* admin_jid = "root@grid.example";

class SchemaStage : public SubtopicStage {
public:
    SchemaStage() { provides(); }

    int put(const std::map<std::string, std::string>& texts, const char* who = admin_jid) {
        json::array list;
        for (const auto& [location, text] : texts)
            list.push_back(json::object{{"location", location}, {"text", text}});
        const auto answer =
            rest(who, "PUT", "/schemas", json::serialize(json::object{{"documents", list}}));
        said = answer.second;
        return answer.first;
    }
    int set(const std::string& mode, const std::string& location = "", const char* of = topic) {
        json::object body{{"validation", mode}};
        if (!location.empty()) body["schema"] = location;
        const auto answer =
            rest(admin_jid, "PUT", "/topics/" + std::string(of), json::serialize(body));
        said = answer.second;
        return answer.first;
    }
    /// "result", or type, condition, application condition, and the text.
    std::string publishes(const std::string& payload, const std::string& to = topic) {
        const auto answer = sends(maker, publish(to, "i", payload));
        const auto* error = answer.child("error");
        if (error == nullptr) return "result";
        std::string text(error->attr_or("type", ""));
        for (const auto* child : error->children())
            text += " " + (child->name() == "text" ? child->text() : child->name());
        return text;
    }
    std::string said;
};

const std::string refused = "modify bad-request ";

}   // namespace

TEST_CASE_METHOD(
    SchemaStage, "S20: strict: what does not fit the topic's schema is bad-request, invalid-payload"
) {
    CHECK(publishes(bad_alert) == "result");
    REQUIRE(put({{"alert.xsd", alert_schema}}) == 200);
    CHECK(publishes(bad_alert) == "result");   // stored is not yet in use
    REQUIRE(set("strict", "alert.xsd") == 200);
    const auto before = store.status().revision;
    const std::string said_of_it = publishes(bad_alert);
    CHECK(said_of_it.starts_with("modify bad-request "));
    CHECK(said_of_it.find("invalid-payload") != std::string::npos);
    CHECK(
        said_of_it.find("line 2: Element '{urn:x:alert}severity': 'high' is not a valid value") !=
        std::string::npos
    );
    CHECK(store.status().revision == before);
    CHECK(publishes(good_alert) == "result");
    CHECK(
        publishes("<other xmlns='urn:x:alert'/>").find("declares no element 'other'") !=
        std::string::npos
    );
}

TEST_CASE_METHOD(SchemaStage, "S20: lax: only what the schema declares is checked; off: nothing") {
    REQUIRE(put({{"alert.xsd", alert_schema}}) == 200);
    REQUIRE(set("lax", "alert.xsd") == 200);
    CHECK(publishes("<other xmlns='urn:x:alert'/>") == "result");
    CHECK(publishes(bad_alert).starts_with(refused));
    REQUIRE(set("strict") == 200);   // by the same document
    CHECK(publishes("<other xmlns='urn:x:alert'/>").starts_with(refused));
    REQUIRE(set("off") == 200);
    CHECK(publishes(bad_alert) == "result");
    CHECK(set("loose") == 400);
    CHECK(set("strict") == 400);   // which document?
}

TEST_CASE_METHOD(SchemaStage, "S20: payloads of subtopics obey the topic's schema") {
    const std::string subtopic_name = subtopic(reader, "<eq attribute='location'>SJC</eq>");
    REQUIRE(put({{"alert.xsd", alert_schema}}) == 200);
    REQUIRE(set("strict", "alert.xsd") == 200);
    CHECK(publishes(bad_alert, subtopic_name).starts_with(refused));
    CHECK(publishes(good_alert, subtopic_name) == "result");
}

TEST_CASE_METHOD(SchemaStage, "S20: who may not publish learns nothing of the schema") {
    REQUIRE(put({{"alert.xsd", alert_schema}}) == 200);
    REQUIRE(set("strict", "alert.xsd") == 200);
    CHECK(refusal(other, publish(topic, "i", bad_alert)) == "auth forbidden");
}

TEST_CASE_METHOD(
    SchemaStage, "S20: what was prepared under one schema is decided under the one in force"
) {
    REQUIRE(put({{"alert.xsd", alert_schema}}) == 200);
    const auto iq = parse(publish(topic, "i", bad_alert));
    const grid::pubsub::IqRequest request{
        grid::xml::IqType::Set, settings.broker, iq.first_child(), {&iq}
    };
    auto prepared = node.broker->prepare(request);
    REQUIRE((prepared && *prepared));
    const auto with = context(principal(maker));
    REQUIRE((*prepared)->decide(with).change() != nullptr);
    REQUIRE(set("strict", "alert.xsd") == 200);
    auto decision = (*prepared)->decide(with);
    REQUIRE(decision.work() != nullptr);
    decision.work()->run();
    REQUIRE((*prepared)->decide(with).error() != nullptr);
    // The other way round: now it fits again.
    REQUIRE(put({{"alert.xsd", schema_of("<xs:element name='alert'/>")}}) == 200);
    auto again = (*prepared)->decide(with);
    REQUIRE(again.work() != nullptr);
    again.work()->run();
    auto passes = (*prepared)->decide(with);
    REQUIRE(passes.change() != nullptr);
    // And what was decided under that one does not commit under the next.
    REQUIRE(put({{"alert.xsd", alert_schema}}) == 200);
    CHECK_FALSE(commit(std::move(passes.change()->batch)));
}

TEST_CASE_METHOD(SchemaStage, "S53: documents and what they are for stay over a restart") {
    REQUIRE(put({{"alert.xsd", alert_schema}}) == 200);
    REQUIRE(set("strict", "alert.xsd") == 200);
    Node fresh(settings, sessions);
    fresh.controller->forget();
    REQUIRE(store.scan([&](const grid::storage::KeyChange& change) { fresh.apply(change); }));
    fresh.broker->scan_finished();
    fresh.controller->scan_finished();
    const auto& schemas = fresh.controller->state_for_admin().schemas;
    CHECK(schemas.check(topic, bad_alert).problem.starts_with("line 2"));
    CHECK(schemas.check(topic, good_alert).problem.empty());
    CHECK(schemas.in_force(topic) == controller().state_for_admin().schemas.in_force(topic));
    CHECK(schemas.in_force(topic) == schemas.check(topic, good_alert).revision);
}

TEST_CASE_METHOD(SchemaStage, "S53: a schema stays with the topic's name when it is made anew") {
    REQUIRE(put({{"alert.xsd", alert_schema}}) == 200);
    REQUIRE(set("strict", "alert.xsd") == 200);
    REQUIRE(rest(admin_jid, "DELETE", "/topics/" + std::string(topic)).first == 200);
    provides();
    CHECK(publishes(bad_alert).starts_with(refused));
}

TEST_CASE_METHOD(
    SchemaStage, "S53: a document that does not compile is refused with line and reason"
) {
    const auto before = store.status().revision;
    CHECK(put({{"a.xsd", schema_of("\n<xs:element name='a' type='t:nothing'/>")}}) == 400);
    CHECK(said.find(R"("code":"schema-invalid")") != std::string::npos);
    CHECK(said.find(R"("document":"a.xsd","line":3)") != std::string::npos);
    CHECK(store.status().revision == before);
    for (const char* body :
         {"{}", R"({"documents": []})", R"({"documents": [{"location": "a"}]})",
          R"({"documents": [{"location": "", "text": "x"}]})",
          R"({"documents": [{"location": "a", "text": "x", "more": 1}]})",
          R"({"documents": [{"location": "a", "text": "x"}, {"location": "a", "text": "y"}]})"})
        CHECK(rest(admin_jid, "PUT", "/schemas", body).first == 400);
    CHECK(put({{"a.xsd", alert_schema}}, "maker@grid.example") == 403);
    CHECK(store.status().revision == before);
}

TEST_CASE_METHOD(SchemaStage, "S53: a document that is in use is not deleted, nor broken") {
    const std::string base = schema_of("<xs:element name='level' type='xs:int'/>", "urn:x:base");
    const std::string importing = schema_of(
        "<xs:import namespace='urn:x:base'/><xs:element name='alert'><xs:complexType>"
        "<xs:sequence xmlns:b='urn:x:base'><xs:element ref='b:level'/></xs:sequence>"
        "</xs:complexType></xs:element>"
    );
    CHECK(put({{"alert.xsd", importing}}) == 400);
    REQUIRE(put({{"alert.xsd", importing}, {"base.xsd", base}}) == 200);
    REQUIRE(set("strict", "alert.xsd") == 200);
    CHECK(rest(admin_jid, "DELETE", "/schemas/alert.xsd").first == 409);
    CHECK(rest(admin_jid, "DELETE", "/schemas/base.xsd").first == 409);
    CHECK(put({{"base.xsd", schema_of("", "urn:x:base")}}) == 400);
    CHECK(
        publishes("<alert xmlns='urn:x:alert'><level xmlns='urn:x:base'>1</level></alert>") ==
        "result"
    );
    REQUIRE(set("off") == 200);
    CHECK(rest(admin_jid, "DELETE", "/schemas/alert.xsd").first == 200);
    CHECK(rest(admin_jid, "DELETE", "/schemas/base.xsd").first == 200);
    CHECK(rest(admin_jid, "DELETE", "/schemas/base.xsd").first == 404);
    CHECK(set("strict", "alert.xsd") == 404);
    CHECK(rest(admin_jid, "GET", "/schemas").second == R"({"schemas":[],"next":null})");
}

TEST_CASE_METHOD(SchemaStage, "S53: what is stored is shown: documents, and who uses them") {
    REQUIRE(put({{"urn:x/alert.xsd", alert_schema}}) == 200);
    REQUIRE(set("lax", "urn:x/alert.xsd") == 200);
    const auto list = json::parse(rest(admin_jid, "GET", "/schemas").second);
    const json::object& one = list.at("schemas").at(0).as_object();
    CHECK(one.at("namespace") == "urn:x:alert");
    CHECK(one.at("topics") == json::array{"Session-1.0"});
    CHECK(
        json::parse(rest(admin_jid, "GET", "/schemas/urn:x/alert.xsd").second).at("text") ==
        json::value(alert_schema)
    );
    const auto view = json::parse(rest(admin_jid, "GET", "/topics/Session-1.0").second);
    CHECK(view.at("validation") == "lax");
    CHECK(view.at("validated_by") == "urn:x/alert.xsd");
    const auto info = sends(
        reader,
        "<iq xmlns='jabber:client' id='d' type='get' to='pubsub.grid.example'>"
        "<query xmlns='http://jabber.org/protocol/disco#info' node='Session-1.0'/></iq>"
    );
    CHECK(grid::xml::to_string(info).find("x-grid#validation") != std::string::npos);
}

TEST_CASE_METHOD(SchemaStage, "S20: every act is on record, with who did it") {
    REQUIRE(put({{"alert.xsd", alert_schema}}) == 200);
    REQUIRE(set("strict", "alert.xsd") == 200);
    REQUIRE(set("strict", "alert.xsd") == 200);   // no new batch
    REQUIRE(set("off") == 200);
    REQUIRE(rest(admin_jid, "DELETE", "/schemas/alert.xsd").first == 200);
    const auto audit = json::parse(rest(admin_jid, "GET", "/audit").second);
    std::vector<std::string> acts;
    for (const json::value& record : audit.at("records").as_array()) {
        const std::string operation(record.at("operation").as_string());
        if (operation.find("schema") != std::string::npos)
            acts.push_back(operation + " " + std::string(record.at("detail").as_string()));
    }
    CHECK(
        acts ==
        std::vector<std::string>{
            "schema-delete ", "topic-schema off", "topic-schema strict, alert.xsd",
            "schema-store " + std::to_string(alert_schema.size()) +
                " bytes, namespace 'urn:x:alert'"
        }
    );
}

TEST_CASE_METHOD(SchemaStage, "S20: the same by an ad-hoc command") {
    REQUIRE(put({{"alert.xsd", alert_schema}}) == 200);
    const Answer asked(sends(root, command(own("topic-schema"))));
    CHECK(asked.status == "executing");
    const auto fill = [&](const std::string& mode, const std::string& document) {
        const Answer first(sends(root, command(own("topic-schema"))));
        return Answer(sends(
            root, command(
                      own("topic-schema"),
                      submit(
                          field("pubsub#node", {topic}) + field("x-grid#validation", {mode}) +
                          field("x-grid#schema_document", {document})
                      ),
                      first.session
                  )
        ));
    };
    CHECK(fill("strict", "other.xsd").iq.attr_or("type", "") == "error");
    CHECK(fill("", "alert.xsd").iq.attr_or("type", "") == "error");
    CHECK(fill("strict", "alert.xsd").status == "completed");
    CHECK(publishes(bad_alert).starts_with(refused));
    CHECK(Answer(sends(maker, command(own("topic-schema")))).iq.attr_or("type", "") == "error");
}

}   // namespace schemas_test
