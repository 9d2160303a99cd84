// controller/commands/own.cpp: my-account and is-authorized: the Grid protocol's status and
// isAuthorized as ad-hoc commands, for the same clients.
#include <array>

#include "controller/commands/forms.hpp"
#include "controller/gi/operation.hpp"
#include "xml/datetime.hpp"
#include "xml/namespaces.hpp"

namespace grid::controller::commands {

namespace {

constexpr std::string_view account_node = "com.domain.gi.gcl.controller#my-account";

Step my_account(const Call& call) {
    const Account* account = call.state.account_of(call.context.actor);
    Account nobody;
    nobody.jid = call.context.actor.jid.bare_view();
    const Account& shown = account == nullptr ? nobody : *account;
    const auto time = [](storage::Millis at) {
        return at == 0 ? std::vector<std::string>{}
                       : std::vector<std::string>{xml::to_datetime(at)};
    };
    Done done;
    done.payloads.push_back(result(
        "com.domain.gi.gcl.controller#account",
        {{"accountjid", {shown.jid}, "jid-single"},
         {"x-grid#username", {shown.jid.substr(0, shown.jid.find('@'))}},
         {"x-grid#state", {std::string(to_string(shown.state))}},
         {"x-grid#group", shown.groups, "text-multi"},
         {"x-grid#wished-group", shown.wished, "text-multi"},
         {"x-grid#issuer", {shown.issuer}},
         {"x-grid#not-after", time(shown.not_after)}}
    ));
    return done;
}

/// The Grid operation's answer as a form: the same function decides both.
std::variant<xml::StanzaError, Done> to_form(std::variant<xml::StanzaError, pubsub::Reply> answer) {
    if (auto* error = std::get_if<0>(&answer)) return std::move(*error);
    const pubsub::Reply& reply = std::get<1>(answer);
    const xml::Element* at = reply.payload ? &*reply.payload : nullptr;
    while (at != nullptr && at->name() != "isAuthorized") at = at->first_child();
    if (at == nullptr) return xml::internal_server_error("no answer");
    std::vector<Value> values;
    for (const xml::Element* child : at->children()) {
        if (child->name() == "value")
            values.push_back({"x-grid#authorized", {child->text() == "true" ? "1" : "0"}, "boolean"}
            );
        else
            values.push_back({"x-grid#" + child->name(), {child->text()}});
    }
    Done done;
    done.payloads.push_back(result(authorized_node, values));
    return done;
}

Step is_authorized(const Call& call) {
    if (call.is_first()) {
        Ask ask{form(
            authorized_node, "Is a client authorized?", "For providers of the service asked about."
        )};
        add_field(ask.form, "identity", "jid-single", "Client");
        add_field(ask.form, "certificateChain", "text-multi", "Or its certificates, leaf first");
        add_field(ask.form, "service", "text-single", "Service");
        add_field(
            ask.form, "operation", "list-single", "Operation", {"query"},
            {"query", "bulk", "read", "write"}
        );
        add_field(ask.form, "topic", "text-single", "Topic (optional)");
        return ask;
    }
    if (call.question == nullptr) return bad_payload("the submitted form is missing");
    pubsub::Decision decision = gi::is_authorized({{call.state, call.context}, *call.question});
    if (decision.error() != nullptr) return Step(*decision.error());
    if (decision.query() != nullptr)
        return Later{[run = std::move(decision.query()->run)](const storage::Snapshot& snapshot) {
            return to_form(run(snapshot));
        }};
    using Answer = std::variant<xml::StanzaError, pubsub::Reply>;
    auto done = to_form(
        decision.reply() != nullptr ? Answer(*decision.reply())
                                    : Answer(xml::internal_server_error("no answer"))
    );
    if (auto* error = std::get_if<0>(&done)) return Step(std::move(*error));
    return std::get<1>(std::move(done));
}

}   // namespace

/// The request that a Grid client would have sent.
gi::Request authorization_request(const xml::Form& form) {
    gi::Request request;
    request.service = "AuthorizationQuery";
    request.service_ns = xml::ns::gi_controller;
    request.method = "isAuthorized";
    request.body = xml::Element("isAuthorized", xml::ns::gi_controller);
    for (const xml::FormField& field : form.fields) {
        if (field.values.empty()) continue;
        if (field.var != "certificateChain") {
            if (std::string text = trimmed(field.value()); !text.empty())
                request.params.push_back({field.var, std::move(text)});
            continue;
        }
        xml::Element param("param", {{"name", field.var}});
        for (const std::string& certificate : field.values)
            param.add(xml::Element::with_text("cert", certificate));
        request.body.add(std::move(param));
    }
    return request;
}

std::span<const Command> own_commands() {
    static constexpr std::array commands{
        Command{account_node, "My account", Act::AskAboutSelf, my_account},
        Command{authorized_node, "Is a client authorized?", Act::UseGrid, is_authorized},
    };
    return commands;
}

}   // namespace grid::controller::commands
