// tests/unit/xml/form_test.cpp: data forms read leniently and written strictly.
#include "xml/form.hpp"

#include <catch2/catch.hpp>

#include "xml_tests.hpp"

namespace form_test {

using namespace grid::xml;
using grid::test::element_of;

namespace {

std::string condition_of(std::string_view text) {
    auto form = Form::parse(element_of(text));
    return form ? "" : form.error().type + "/" + form.error().condition;
}

}   // namespace

TEST_CASE("a submitted form is read") {
    auto form = Form::parse(
        element_of("<x xmlns='jabber:x:data' type='submit'>"
                   "<field var='FORM_TYPE' type='hidden'><value>urn:f</value></field>"
                   "<field var='pubsub#title'><value>A title</value></field>"
                   "<field var='groups' type='list-multi'><value>a</value><value/></field>"
                   "<field var='empty'/></x>")
    );
    REQUIRE(form.has_value());
    CHECK(form->type == "submit");
    CHECK(form->form_type() == "urn:f");
    REQUIRE(form->field("pubsub#title"));
    CHECK(form->field("pubsub#title")->type.empty());
    CHECK(form->field("pubsub#title")->value() == "A title");
    CHECK(form->field("groups")->values == std::vector<std::string>{"a", ""});
    CHECK(form->field("empty")->values.empty());
    CHECK(form->field("empty")->value().empty());
    CHECK(form->field("missing") == nullptr);
}

TEST_CASE("a form to fill in keeps title, instructions, labels and options") {
    auto form = Form::parse(element_of(
        "<x xmlns='jabber:x:data' type='form'><title>T</title><instructions>one</instructions>"
        "<instructions>two</instructions>"
        "<field type='fixed'><value>Heading</value></field><field type='fixed'/>"
        "<field var='a' type='list-single' label='A'><required/><desc>d</desc>"
        "<option label='Open'><value>open</value></option><option><value>closed</value></option>"
        "<value>open</value></field><reported><field var='a'/></reported>"
        "<item><field var='a'/></item><item><field var='a'/></item></x>"
    ));
    REQUIRE(form.has_value());
    CHECK(form->title == "T");
    CHECK(form->instructions == "one\ntwo");
    REQUIRE(form->fields.size() == 3);
    const FormField* a = form->field("a");
    REQUIRE(a);
    CHECK(a->label == "A");
    REQUIRE(a->options.size() == 2);
    CHECK(a->options[0].label == "Open");
    CHECK(a->options[1].value == "closed");
}

TEST_CASE("a field of a type that nobody knows is text-single (XEP-0004 3.3)") {
    auto form = Form::parse(
        element_of("<x xmlns='jabber:x:data' type='submit'><field var='a' type='colour'/></x>")
    );
    REQUIRE(form.has_value());
    CHECK(form->field("a")->type == "text-single");
}

TEST_CASE("what is no form is a bad request") {
    CHECK(condition_of("<x xmlns='urn:other' type='submit'/>") == "modify/bad-request");
    CHECK(condition_of("<y xmlns='jabber:x:data' type='submit'/>") == "modify/bad-request");
    CHECK(condition_of("<x xmlns='jabber:x:data' type='edit'/>") == "modify/bad-request");
    CHECK(condition_of("<x xmlns='jabber:x:data'/>") == "modify/bad-request");
    CHECK(
        condition_of("<x xmlns='jabber:x:data' type='submit'><field var='a'/><field var='a'/></x>"
        ) == "modify/bad-request"
    );
    CHECK(condition_of("<x xmlns='jabber:x:data' type='cancel'/>").empty());
    const auto two_values = [](const std::string& type, const std::string& field) {
        return condition_of(
            "<x xmlns='jabber:x:data' type='" + type + "'><field var='a'" + field +
            "><value>1</value><value>0</value></field></x>"
        );
    };
    for (const std::string one : {"boolean", "jid-single", "list-single", "text-single"}) {
        CHECK(two_values("submit", " type='" + one + "'") == "modify/bad-request");
        CHECK(two_values("result", " type='" + one + "'").empty());
    }
    for (const std::string many : {"", " type='list-multi'", " type='text-multi'"})
        CHECK(two_values("submit", many).empty());
}

TEST_CASE("a form is written as it was built, FORM_TYPE first and hidden") {
    Form form;
    form.type = "form";
    form.title = "Configure";
    form.add("a", "boolean", "1", "Do it?");
    FormField& list = form.add("b", "list-single", "x");
    list.options = {{"x", "The x"}, {"y", ""}};
    form.set_form_type("urn:old").set_form_type("urn:f");
    CHECK(
        to_string(form.to_element()) ==
        "<x xmlns='jabber:x:data' type='form'><title>Configure</title>"
        "<field var='FORM_TYPE' type='hidden'><value>urn:f</value></field>"
        "<field var='a' type='boolean' label='Do it?'><value>1</value></field>"
        "<field var='b' type='list-single'><value>x</value>"
        "<option label='The x'><value>x</value></option><option><value>y</value></option>"
        "</field></x>"
    );
    auto back = Form::parse(form.to_element());
    REQUIRE(back.has_value());
    CHECK(to_string(back->to_element()) == to_string(form.to_element()));
}

TEST_CASE("booleans have four spellings") {
    CHECK(parse_boolean("1") == true);
    CHECK(parse_boolean("true") == true);
    CHECK(parse_boolean("0") == false);
    CHECK(parse_boolean("false") == false);
    for (std::string_view text : {"", "True", "yes", "2", " 1"}) CHECK_FALSE(parse_boolean(text));
}

}   // namespace form_test
