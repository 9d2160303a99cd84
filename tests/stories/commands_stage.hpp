// tests/stories/commands_stage.hpp: executes ad-hoc commands in tests, and takes the answers
// apart.
#pragma once

#include <catch2/catch.hpp>

#include "grid_stage.hpp"
#include "xml/form.hpp"
#include "xml/namespaces.hpp"

namespace grid::test {

inline constexpr const char* root = "root@grid.example/console";
inline constexpr const char* probe = "probe@grid.example/x";

inline std::string own(const std::string& name) { return "com.domain.gi.gcl.controller#" + name; }
inline std::string admin_command(const std::string& name) {
    return "http://jabber.org/protocol/admin#" + name;
}

inline std::string field(const std::string& var, const std::vector<std::string>& values) {
    std::string text = "<field var='" + var + "'>";
    for (const std::string& value : values) text += "<value>" + value + "</value>";
    return text + "</field>";
}
inline std::string submit(const std::string& fields) {
    return "<x xmlns='jabber:x:data' type='submit'>" + fields + "</x>";
}
inline std::string command(
    const std::string& node,
    const std::string& inner = "",
    const std::string& session = "",
    const std::string& action = "",
    const std::string& more = ""
) {
    return "<iq xmlns='jabber:client' id='c' type='set' to='controller.grid.example'>"
           "<command xmlns='http://jabber.org/protocol/commands' node='" +
           node + "'" + (session.empty() ? "" : " sessionid='" + session + "'") +
           (action.empty() ? "" : " action='" + action + "'") + more + ">" + inner +
           "</command></iq>";
}

/// The answer taken apart.
struct Answer {
    explicit Answer(xml::Element iq) : iq(std::move(iq)) {
        const xml::Element* found = this->iq.child("command", xml::ns::commands);
        if (found == nullptr) return;
        status = found->attr_or("status", "");
        session = found->attr_or("sessionid", "");
        if (const xml::Element* x = found->child("x", xml::ns::data)) {
            for (const xml::Element* item : x->children("item")) {
                items.emplace_back();
                for (const xml::Element* one : item->children("field"))
                    items.back()[std::string(one->attr_or("var", ""))] =
                        one->child("value") ? one->child("value")->text() : "";
            }
            if (x->children("reported").empty()) form = *xml::Form::parse(*x);
        }
        if (const xml::Element* set = found->child("set", xml::ns::rsm))
            if (const xml::Element* last_of = set->child("last")) last = last_of->text();
        if (const xml::Element* set = found->child("set", xml::ns::rsm))
            count = set->child("count")->text();
    }
    std::string error() const {
        const xml::Element* found = iq.child("error");
        if (found == nullptr) return "";
        std::string text(found->attr_or("type", ""));
        for (const xml::Element* child : found->children())
            if (child->name() != "text") text += " " + child->name();
        return text;
    }
    std::string value(const std::string& var) const {
        const xml::FormField* found = form.field(var);
        return found == nullptr ? "(none)" : std::string(found->value());
    }
    std::vector<std::string> values(const std::string& var) const {
        const xml::FormField* found = form.field(var);
        return found == nullptr ? std::vector<std::string>{"(none)"} : found->values;
    }
    const xml::Element* actions() const {
        return iq.child("command", xml::ns::commands)->child("actions");
    }

    xml::Element iq;
    std::string status, session, last, count;
    xml::Form form;
    std::vector<std::map<std::string, std::string>> items;
};

struct Commands : GridStage {
    explicit Commands(controller::Settings given = default_settings())
        : GridStage(std::move(given)) {
        policy("allow any any any");
        administrator("root@grid.example");
        member(probe, R"(["makers"])");
    }
    static controller::Settings with_passwords() {
        controller::Settings settings = default_settings();
        settings.passwords = true;
        settings.password_iterations = controller::iterations_min;
        settings.credential_seed = "a secret of 16 bytes or more";
        return settings;
    }
    Answer run(const std::string& who, const std::string& text) { return Answer(sends(who, text)); }
    /// Executes, then submits the fields.
    Answer fill(const std::string& who, const std::string& node, const std::string& fields) {
        const Answer asked = run(who, command(node));
        REQUIRE(asked.status == "executing");
        REQUIRE(asked.form.type == "form");
        return run(who, command(node, submit(fields), asked.session));
    }
    /// A client that registered and waits.
    void waits(const std::string& full) {
        REQUIRE(connects(full));
        REQUIRE(
            sends(
                full,
                "<iq xmlns='jabber:client' id='r' type='set' to='controller.grid.example'>"
                "<query xmlns='jabber:iq:register'/></iq>"
            )
                .attr_or("type", "") == "result"
        );
        control = {};
    }
    std::string state_of(const std::string& bare) {
        return std::string(to_string(controller().state(*xml::Jid::parse(bare))));
    }
    void make_topic(const std::string& name) {
        REQUIRE(
            sends(
                probe,
                "<iq xmlns='jabber:client' id='n' type='set' to='pubsub.grid.example'>"
                "<pubsub xmlns='http://jabber.org/protocol/pubsub'><create node='" +
                    name + "'/></pubsub></iq>"
            )
                .attr_or("type", "") == "result"
        );
    }
    std::string publish(const std::string& name) {
        return Answer(sends(
                          probe,
                          "<iq xmlns='jabber:client' id='n' type='set' to='pubsub.grid.example'>"
                          "<pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='" +
                              name + "'><item><e xmlns='x'/></item></publish></pubsub></iq>"
                      ))
            .error();
    }
};

inline std::string disco(const std::string& what, const std::string& node) {
    return "<iq xmlns='jabber:client' id='d' type='get' to='controller.grid.example'>"
           "<query xmlns='http://jabber.org/protocol/disco#" +
           what + "' node='" + node + "'/></iq>";
}

}   // namespace grid::test
