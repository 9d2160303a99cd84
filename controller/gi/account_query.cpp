// controller/gi/account_query.cpp: register, login, logout, status.
#include "controller/gi/operation.hpp"
#include "controller/gi/registration.hpp"
#include "xml/datetime.hpp"
#include "xml/namespaces.hpp"

namespace grid::controller::gi {

namespace {

std::string_view username(const Account& account) {
    return std::string_view(account.jid).substr(0, account.jid.find('@'));
}

pubsub::Decision nil_answer(const Call& call) {
    return call.reply(method_answer(call.request).add(nil_value()));
}

xml::Element describe_account(const Account& account) {
    xml::Element value("value", xml::Ns{});
    value.add(xml::Element::with_text("state", to_string(account.state)));
    value.add(xml::Element::with_text("username", username(account)));
    for (const std::string& group : account.groups)
        value.add(xml::Element::with_text("group", group));
    if (account.is_bound())
        value.add(xml::Element(
            "certificate",
            {{"notAfter", xml::to_datetime(account.not_after)}, {"issuer", account.issuer}}
        ));
    return value;
}

/// The account that a status request names, by its local part or its bare JID; empty: it is none.
std::string named_account(const Call& call, const std::string& name) {
    const std::string text =
        name.find('@') == std::string::npos ? name + "@" + call.state.settings.domain : name;
    const auto jid = xml::Jid::parse(text);
    return jid ? std::string(jid->bare_view()) : std::string();
}

}   // namespace

pubsub::Decision register_account(const Call& call) {
    const Request& request = call.request;
    const auto wishes =
        make_wishes(request.all("group"), request.one("description"), request.one("deviceType"));
    if (!wishes) return to_stanza_error(wishes.error());
    auto change = register_actor(call.state, call.context, *wishes);
    if (!change) return to_stanza_error(change.error());
    xml::Element answer = method_answer(call.request);
    answer.add(nil_value());
    answer.add(xml::Element(
        "account", xml::Ns{},
        {{"state", std::string(to_string(change->after.state))},
         {"username", std::string(username(change->after))}}
    ));
    xml::Element reply = respond(call.request, std::move(answer));
    if (!change->is_change()) return pubsub::Reply(std::move(reply));
    return pubsub::Decision::Change{std::move(change->batch), std::move(reply)};
}

pubsub::Decision login(const Call& call) {
    if (auto failure = call.state.entitled(call.actor()))
        return call.fail(failure->code, std::move(failure->text));
    return nil_answer(call);
}

pubsub::Decision logout(const Call& call) { return nil_answer(call); }

pubsub::Decision status(const Call& call) {
    const std::string name = call.request.one("username", true);
    const Account* account = call.state.account_of(call.actor());
    if (!name.empty()) {
        const std::string bare = named_account(call, name);
        const Account* named = call.state.accounts.find(bare);
        // To a client without a role of administration, every other account looks as if it did not
        // exist.
        if (named == nullptr || named != account) {
            if (!call.state.may(call.actor(), Act::ReadAccounts)) {
                static const std::string rule = "only administrators see other accounts";
                return call.deny("status", {}, {false, 0, &rule}, bare);
            }
            if (named == nullptr) return call.fail(Errc::UnknownAccount, "no account " + name);
        }
        account = named;
    }
    Account nobody;
    if (account == nullptr) {
        nobody.jid = call.actor().jid.bare_view();
        account = &nobody;
    }
    return call.reply(method_answer(call.request).add(describe_account(*account)));
}

}   // namespace grid::controller::gi
