// tests/support/stage_script.cpp: the sentences of tests on the stage: expectations, shorthands,
// preparations.
#include <algorithm>
#include <sstream>

#include "stage.hpp"
#include "xml/namespaces.hpp"
#include "xml/parser.hpp"
#include "xml/writer.hpp"

namespace grid::test {

using xml::Element;

namespace {

std::string trimmed(const std::string& text) {
    const char* const blank = " \t\r\n";
    const std::size_t first = text.find_first_not_of(blank);
    if (first == std::string::npos) return {};
    return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

bool is_error_text(const Element& element) {
    return element.is("text", xml::ns::stanza_errors) && !element.text().empty();
}

bool looks_like(const Element& expected, const Element& actual);

bool children_look_like(const Element& expected, const Element& actual) {
    const bool may_have_more = expected.text().find("...") != std::string::npos;
    const auto wanted = expected.children();
    auto given = actual.children();
    if (expected.is("error", xml::ns::client)) {   // every error explains itself
        const auto text = std::find_if(given.begin(), given.end(), [](const Element* child) {
            return is_error_text(*child);
        });
        if (text == given.end()) return false;
        given.erase(text);
    }
    if (!may_have_more && wanted.size() != given.size()) return false;
    auto at = given.begin();
    for (const Element* child : wanted) {   // in their order
        at = std::find_if(at, given.end(), [&](const Element* candidate) {
            return looks_like(*child, *candidate);
        });
        if (at == given.end()) return false;
        ++at;
    }
    return may_have_more || !wanted.empty() || trimmed(expected.text()) == trimmed(actual.text());
}

bool looks_like(const Element& expected, const Element& actual) {
    if (!actual.is(expected.name(), expected.ns())) return false;
    for (const xml::Attr& attr : expected.attrs()) {
        const std::string* value = actual.attr(attr.name);
        if (!value || *value != attr.value) return false;
    }
    return children_look_like(expected, actual);
}

std::string printed(const Element& element) { return xml::to_string(element, "jabber:client"); }

std::string in_iq(
    const std::string& type, const std::string& id, const std::string& ns, const std::string& inner
) {
    return "<iq type='" + type + "' id='" + id + "'><pubsub xmlns='" + ns + "'>" + inner +
           "</pubsub></iq>";
}

}   // namespace

Element parse_stanza(const std::string& text) {
    auto parsed = xml::parse_document("<x xmlns='jabber:client'>" + text + "</x>", xml::Limits{});
    if (const auto* broken = std::get_if<xml::StreamBroken>(&parsed))
        FAIL("not XML: " << broken->text << "\n" << text);
    const Element* first = std::get<Element>(parsed).first_child();
    REQUIRE(first != nullptr);
    return *first;
}

bool Stage::take(const std::string& who, const Element& expected) {
    std::deque<Element>& inbox = inboxes_[who];
    const auto found = std::find_if(inbox.begin(), inbox.end(), [&](const Element& stanza) {
        return looks_like(expected, stanza);
    });
    if (found == inbox.end()) return false;
    inbox.erase(found);
    return true;
}

void Stage::receives(const std::string& who, const std::string& stanza) {
    const Element expected = parse_stanza(stanza);
    if (take(who, expected)) {
        SUCCEED();
        return;
    }
    std::ostringstream came;
    for (const Element& element : inboxes_[who]) came << "\n  " << printed(element);
    FAIL(who << " should have received\n  " << printed(expected) << "\nbut got" << came.str());
}

void Stage::receives_nothing(const std::string& who) {
    for (const Element& element : inboxes_[who])
        FAIL(who << " should have received nothing, but got\n  " << printed(element));
    SUCCEED();
}

Element Stage::next(const std::string& who) {
    std::deque<Element>& inbox = inboxes_[who];
    if (inbox.empty()) FAIL(who << " has received nothing");
    Element stanza = std::move(inbox.front());
    inbox.pop_front();
    return stanza;
}

void Stage::set(const std::string& from, const std::string& id, const std::string& inner) {
    sends(from, in_iq("set", id, pubsub_ns, inner));
}
void Stage::get(const std::string& from, const std::string& id, const std::string& inner) {
    sends(from, in_iq("get", id, pubsub_ns, inner));
}
void Stage::owner_set(const std::string& from, const std::string& id, const std::string& inner) {
    sends(from, in_iq("set", id, pubsub_ns + "#owner", inner));
}
void Stage::owner_get(const std::string& from, const std::string& id, const std::string& inner) {
    sends(from, in_iq("get", id, pubsub_ns + "#owner", inner));
}

void Stage::result(const std::string& who, const std::string& id, const std::string& inner) {
    receives(
        who, "<iq type='result' id='" + id + "' from='" + service + "' to='" + who + "'>" + inner +
                 "</iq>"
    );
}

void Stage::error(
    const std::string& who,
    const std::string& id,
    const std::string& type,
    const std::string& condition,
    const std::string& application
) {
    std::string inner = "<" + condition + " xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>";
    if (!application.empty()) {
        const bool has_feature = application.starts_with("unsupported ");
        const std::string name = has_feature ? "unsupported" : application;
        inner += "<" + name + " xmlns='" + pubsub_ns + "#errors'";
        if (has_feature) inner += " feature='" + application.substr(12) + "'";
        inner += "/>";
    }
    receives(
        who,
        "<iq type='error' id='" + id + "'><error type='" + type + "'>" + inner + "</error></iq>"
    );
}

void Stage::event(const std::string& who, const std::string& inner) {
    receives(
        who, "<message from='" + std::string(service) + "' to='" + who + "'><event xmlns='" +
                 pubsub_ns + "#event'>" + inner + "</event></message>"
    );
}

namespace {

std::string submitted(const std::string& form_type, const std::string& fields) {
    std::string form =
        "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' "
        "type='hidden'><value>" +
        form_type + "</value></field>";
    std::istringstream words(fields);
    std::string open;
    for (std::string word; words >> word;) {
        const std::size_t equals = word.find('=');
        const std::string name = word.substr(0, equals);
        if (name != open) {
            if (!open.empty()) form += "</field>";
            form += "<field var='pubsub#" + name + "'>";
            open = name;
        }
        form += "<value>" + word.substr(equals + 1) + "</value>";
    }
    if (!open.empty()) form += "</field>";
    return form + "</x>";
}

}   // namespace

std::string config_form(const std::string& fields) {
    return submitted(pubsub_ns + "#node_config", fields);
}

std::string options_form(const std::string& fields) {
    return submitted(pubsub_ns + "#subscribe_options", fields);
}

void Stage::creates(const std::string& who, const std::string& node, const std::string& fields) {
    std::string inner = "<create node='" + node + "'/>";
    if (!fields.empty()) inner += "<configure>" + config_form(fields) + "</configure>";
    set(who, "setup-create", inner);
    result(who, "setup-create");
}

void Stage::configures(const std::string& who, const std::string& node, const std::string& fields) {
    owner_set(
        who, "setup-configure",
        "<configure node='" + node + "'>" + config_form(fields) + "</configure>"
    );
    result(who, "setup-configure");
}

void Stage::subscribes(const std::string& who, const std::string& node, const std::string& jid) {
    set(who, "setup-subscribe", "<subscribe node='" + node + "' jid='" + jid + "'/>");
    result(
        who, "setup-subscribe",
        "<pubsub xmlns='" + pubsub_ns + "'><subscription node='" + node + "' jid='" + jid +
            "' subscription='subscribed'/></pubsub>"
    );
    // §12.14; unless it was subscribed already.
    (void)take(
        jid, parse_stanza(
                 "<message from='" + std::string(service) + "' to='" + jid + "'><event xmlns='" +
                 pubsub_ns + "#event'><subscription node='" + node + "' jid='" + jid +
                 "' subscription='subscribed'/></event></message>"
             )
    );
}

void Stage::affiliates(
    const std::string& owner,
    const std::string& node,
    const std::string& jid,
    const std::string& affiliation
) {
    owner_set(
        owner, "setup-affiliate",
        "<affiliations node='" + node + "'><affiliation jid='" + jid + "' affiliation='" +
            affiliation + "'/></affiliations>"
    );
    result(owner, "setup-affiliate");
    receives(
        jid, "<message><pubsub xmlns='" + pubsub_ns + "'><affiliations node='" + node +
                 "'><affiliation jid='" + jid + "' affiliation='" + affiliation +
                 "'/></affiliations></pubsub></message>"
    );
}

void Stage::publishes(const std::string& who, const std::string& node, const std::string& id) {
    set(who, "setup-publish",
        "<publish node='" + node + "'><item id='" + id + "'><alert xmlns='urn:x:alert'>" + id +
            "</alert></item></publish>");
    result(who, "setup-publish");
}

std::string Stage::subid(const std::string& who, const std::string& node, const std::string& jid) {
    get(who, "setup-subid", "<subscriptions node='" + node + "'/>");
    const Element answer = next(who);
    const Element* list = answer.first_child()->first_child();
    for (const Element* line : list->children())
        if (line->attr_or("jid", "") == jid) return std::string(line->attr_or("subid", ""));
    FAIL("no subscription of " << jid);
    return {};
}

pubsub::Verdict ScriptedPolicy::check(
    const pubsub::Principal& actor,
    pubsub::Right operation,
    std::string_view node,
    std::string_view type
) const {
    const std::string& who = actor.jid.str();
    const bool is_allowed =
        (!rule || rule(who, operation, node)) && (!typed || typed(who, operation, node, type));
    return {is_allowed, is_allowed ? "scripted allow" : "scripted deny"};
}

bool ScriptedPolicy::may_receive(
    const xml::Jid& subscriber, std::string_view node, std::string_view
) const {
    return !receives || receives(subscriber.str(), node);
}

bool ScriptedPolicy::is_administrator(const pubsub::Principal& actor) const {
    return administrators.contains(actor.jid.bare_view());
}

void ScriptedPolicy::refused(
    const pubsub::Principal& actor,
    const pubsub::Deed& deed,
    std::string_view node,
    const pubsub::Verdict& /*verdict*/
) const {
    refusals.push_back(
        std::string(actor.jid.bare_view()) + " " + std::string(to_string(deed.operation)) + " " +
        std::string(node)
    );
}

}   // namespace grid::test
