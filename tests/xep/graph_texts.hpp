// tests/xep/graph_texts.hpp: requests and answers about collections (XEP-0248).
#pragma once

#include "stage.hpp"
#include "xml/form.hpp"

namespace graph_texts {

using grid::test::config_form;
using grid::test::Stage;

inline const std::string owner = "francisco@grid.example/barracks";
inline const std::string bare = "francisco@grid.example";
inline const std::string other = "hamlet@grid.example/elsinore";
inline const std::string other_bare = "hamlet@grid.example";

inline std::string change(
    const std::string& what, const std::string& collection, const std::string& node
) {
    return "<collection node='" + collection + "'><" + what + " node='" + node + "'/></collection>";
}
inline std::string configure(const std::string& node, const std::string& fields) {
    return "<configure node='" + node + "'>" + config_form(fields) + "</configure>";
}
/// A submitted field with several values.
inline std::string with_values(const std::string& var, const std::vector<std::string>& values) {
    std::string form = config_form("");
    form.resize(form.size() - 4);
    form += "<field var='pubsub#" + var + "'>";
    for (const std::string& value : values) form += "<value>" + value + "</value>";
    return form + "</field></x>";
}
/// Values of a field in the owner's form, or in the meta-data, joined by blanks; its type in front.
inline std::string shown(const grid::xml::Form& form, const std::string& name) {
    const auto* field = form.field("pubsub#" + name);
    if (!field) return "(none)";
    std::string text = field->type + ":";
    for (const std::string& value : field->values) text += " " + value;
    return text;
}
inline std::string meta(Stage& stage, const std::string& node, const std::string& name) {
    stage.sends(
        owner, "<iq type='get' id='i'><query xmlns='http://jabber.org/protocol/disco#info' node='" +
                   node + "'/></iq>"
    );
    const auto iq = stage.next(owner);
    REQUIRE(iq.attr_or("type", "") == "result");
    const auto* query = iq.first_child();
    CHECK(query->attr_or("node", "") == node);
    return shown(*grid::xml::Form::parse(*query->child("x", grid::xml::Ns("jabber:x:data"))), name);
}
/// Node names that disco#items lists, at the root or in a collection.
inline std::string listed(Stage& stage, const std::string& who, const std::string& node = "") {
    const std::string at = node.empty() ? "" : " node='" + node + "'";
    stage.sends(
        who, "<iq type='get' id='l'><query xmlns='http://jabber.org/protocol/disco#items'" + at +
                 "/></iq>"
    );
    const auto iq = stage.next(who);
    std::string names;
    if (iq.attr_or("type", "") != "result") return "error";
    for (const auto* item : iq.first_child()->children("item"))
        names += (names.empty() ? "" : " ") + std::string(item->attr_or("node", "?"));
    return names;
}
inline void collect(Stage& stage, const std::string& name, const std::string& fields = "") {
    stage.creates(owner, name, "node_type=collection " + fields);
}

}   // namespace graph_texts
