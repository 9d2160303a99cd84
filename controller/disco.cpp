// controller/disco.cpp: disco#info and disco#items of the controller, and the account form.
#include "controller/disco.hpp"

#include <array>

#include "controller/commands/command.hpp"
#include "controller/commands/service.hpp"
#include "controller/gi/operation.hpp"
#include "controller/incident.hpp"
#include "controller/search.hpp"
#include "xml/form.hpp"
#include "xml/namespaces.hpp"
#include "xml/rsm.hpp"

namespace grid::controller::gi {

namespace {

constexpr std::string_view account_node = "account";
constexpr const char* account_form = "com.domain.gi.gcl.controller#account";

xml::Element info_query(const std::string& node) {
    xml::Element query("query", xml::ns::disco_info);
    if (!node.empty()) query.set("node", node);
    return query;
}

pubsub::Decision info(const State& state, const std::string& node) {
    if (!node.empty())
        return xml::item_not_found("this controller has the node 'account' and no other");
    xml::Element query = info_query({});
    query.add(xml::Element(
        "identity",
        {{"category", "component"}, {"type", "generic"}, {"name", "XMPP-Grid controller"}}
    ));
    query.add(xml::Element(
        "identity", {{"category", "directory"}, {"type", "user"}, {"name", "Accounts and topics"}}
    ));
    for (const xml::Ns* feature :
         {&xml::ns::disco_info, &xml::ns::disco_items, &xml::ns::commands, &xml::ns::gi,
          &xml::ns::xgrid, &xml::ns::gi_controller, &xml::ns::in_band_registration, &search_ns,
          &xml::ns::rsm})
        query.add(xml::Element("feature", {{"var", std::string(feature->uri())}}));
    if (!state.settings.incident_topic.empty())
        query.add(xml::Element("feature", {{"var", std::string(incident_ns.uri())}}));
    return pubsub::Reply(std::move(query));
}

/// The state and groups of the account that asks: the Grid protocol's status as service discovery.
pubsub::Decision account_info(
    const State& state, const std::string& node, const pubsub::Context& context
) {
    xml::Element query = info_query(node);
    query.add(xml::Element(
        "identity", {{"category", "account"}, {"type", "registered"}, {"name", "Grid account"}}
    ));
    query.add(xml::Element("feature", {{"var", std::string(xml::ns::disco_info.uri())}}));
    const Account* account = state.account_of(context.actor);
    xml::Form form;
    form.type = "result";
    form.set_form_type(account_form);
    const AccountState present = account == nullptr ? AccountState::Init : account->state;
    form.add("x-grid#state", "text-single", std::string(to_string(present)));
    xml::FormField groups{"x-grid#group", "text-multi", {}, {}, {}};
    if (account != nullptr) groups.values = account->groups;
    form.fields.push_back(std::move(groups));
    query.add(form.to_element());
    return pubsub::Reply(std::move(query));
}

pubsub::Decision items(
    const State& state, const std::string& node, const pubsub::Context& context
) {
    xml::Element query("query", xml::ns::disco_items);
    if (node.empty()) return pubsub::Reply(std::move(query));
    query.set("node", node);
    // Nodes of disco#info that hold no others.
    if (const auto* command = commands::find_command(node)) {
        if (auto error = commands::refuse(state, context.actor, *command)) return *error;
        return pubsub::Reply(std::move(query));
    }
    if (node == account_node) return pubsub::Reply(std::move(query));
    if (auto failure = state.entitled(context.actor)) return to_stanza_error(*failure);
    const Request none;
    auto found = providers_of({{state, context}, none}, node);
    if (!found) return to_stanza_error(found.error());
    for (const xml::Jid& jid : *found) query.add(xml::Element("item", {{"jid", jid.str()}}));
    return pubsub::Reply(std::move(query));
}

}   // namespace

std::optional<Result<pubsub::PreparedRequest, xml::StanzaError>> prepare_disco(
    const State& state, const pubsub::IqRequest& iq
) {
    const bool is_info = iq.payload->is("query", xml::ns::disco_info);
    if (!is_info && !iq.payload->is("query", xml::ns::disco_items)) return std::nullopt;
    if (iq.type != xml::IqType::Get) return xml::bad_request("service discovery is asked by get");
    std::string node(iq.payload->attr_or("node", ""));
    pubsub::PreparedRequest prepared;
    prepared.decide = [&state, is_info, asked = iq.to,
                       node = std::move(node)](const pubsub::Context& context) {
        if (is_info && commands::is_command_node(node))
            return commands::describe_command(state, node, context);
        if (node == xml::ns::commands.uri()) return commands::list_commands(state, context, asked);
        if (!is_info) return items(state, node, context);
        return node == account_node ? account_info(state, node, context) : info(state, node);
    };
    return prepared;
}

}   // namespace grid::controller::gi
