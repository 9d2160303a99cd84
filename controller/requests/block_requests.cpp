// controller/requests/block_requests.cpp: an account's block list: asked for, added to, taken from
// (XEP-0191).
#include <algorithm>

#include "controller/audit/record.hpp"
#include "controller/requests/requests.hpp"

namespace grid::controller::requests {

namespace {

using Jids = std::vector<std::string>;

/// A longer list would take more than a turn of the core strand.
constexpr std::size_t list_bytes_max = 256 * 1024;

xml::Element list_of(const char* name, const Jids& jids) {
    xml::Element list(name, blocking_ns);
    for (const std::string& jid : jids) list.add(xml::Element("item", {{"jid", jid}}));
    return list;
}

pubsub::Decision show(const State& state, const pubsub::Context& context) {
    const auto* list = state.blocks.find(context.actor.jid.bare_view());
    return pubsub::Reply(
        list_of("blocklist", list ? Jids{list->jids.begin(), list->jids.end()} : Jids{})
    );
}

Result<Jids, xml::StanzaError> parse_items(const xml::Element& payload) {
    Jids jids;
    for (const xml::Element* item : payload.children("item")) {
        auto jid = xml::Jid::parse(item->attr_or("jid", ""), true);
        if (!jid)
            return xml::jid_malformed(
                "'" + std::string(item->attr_or("jid", "")) + "' is no address"
            );
        jids.push_back(jid->str());
    }
    std::ranges::sort(jids);
    jids.erase(std::ranges::unique(jids).begin(), jids.end());
    return jids;
}

/// For the audit, which cuts what is long.
std::string names_of(const Jids& jids) {
    if (jids.empty()) return "all";
    std::string text = jids.size() == 1 ? "" : std::to_string(jids.size()) + " addresses: ";
    for (std::size_t i = 0; i < jids.size() && text.size() < audit::text_bytes_max; ++i)
        text += (i == 0 ? "" : ", ") + jids[i];
    return text;
}

pubsub::Decision change(
    const State& state, const pubsub::Context& context, bool is_blocking, const Jids& jids
) {
    const std::string account(context.actor.jid.bare_view());
    const auto* before = state.blocks.find(account);
    auto after = before ? before->jids : std::set<std::string, std::less<>>{};
    if (is_blocking)
        after.insert(jids.begin(), jids.end());
    else if (jids.empty())
        after.clear();
    else
        for (const std::string& jid : jids) after.erase(jid);
    std::size_t bytes = 0;
    for (const std::string& jid : after) bytes += jid.size();
    if (is_blocking && (after.size() > state.settings.blocked_max || bytes > list_bytes_max))
        return xml::resource_constraint(
            "an account blocks at most " + std::to_string(state.settings.blocked_max) +
            " addresses: unblock some first"
        );
    pubsub::Decision::Change made;
    state.expect_account(made.batch, context.actor);
    state.blocks.put(made.batch, account, after);
    made.batch.event = encode(BlockEvent{account, is_blocking, jids});
    audit::Record record =
        audit::by(context.actor, audit::Outcome::Allow, is_blocking ? "block" : "unblock");
    record.target = account;
    record.detail = names_of(jids);
    audit::append(made.batch, std::move(record));
    return made;
}

}   // namespace

std::optional<Prepared> prepare_blocking(const State& state, const pubsub::IqRequest& request) {
    const xml::Element& payload = *request.payload;
    if (payload.ns() != blocking_ns) return std::nullopt;
    pubsub::PreparedRequest prepared;
    if (request.type == xml::IqType::Get && payload.name() == "blocklist") {
        prepared.effect = pubsub::SessionEffect::BlockListKnown;
        prepared.decide = [&state](const pubsub::Context& context) { return show(state, context); };
        return prepared;
    }
    const bool is_blocking = payload.name() == "block";
    if (request.type != xml::IqType::Set || (!is_blocking && payload.name() != "unblock"))
        return xml::bad_request(
            "an iq get with <blocklist/>, or an iq set with <block/> or <unblock/> (XEP-0191 §3)"
        );
    auto jids = parse_items(payload);
    if (!jids) return jids.error();
    if (jids->empty() && (is_blocking || payload.child_count() != 0))
        return xml::bad_request("<item jid='…'/> for each address (XEP-0191 §3.3)");
    prepared.decide = [&state, is_blocking, jids = std::move(*jids)](const pubsub::Context& context
                      ) { return change(state, context, is_blocking, jids); };
    return prepared;
}

void tell_of_block(const BlockEvent& event, SessionControl& control) {
    control.push(
        xml::Jid::from_canonical(event.account), Interest::BlockList,
        list_of(event.is_blocking ? "block" : "unblock", event.jids)
    );
}

xml::StanzaError blocked() {
    xml::StanzaError error;
    error.type = "cancel";
    error.condition = "not-acceptable";
    error.application = xml::Element("blocked", blocking_errors_ns);
    error.text = "you have blocked this address: unblock it first";
    return error;
}

}   // namespace grid::controller::requests
