// controller/grid/authorization_query.cpp: isAuthorized (B.10) and identity groups (B.9).
#include <algorithm>
#include <array>

#include "controller/grid/operation.hpp"
#include "xml/namespaces.hpp"

namespace grid::controller::gi {

namespace {

/// The service under which policies allow asking for somebody's groups.
constexpr std::string_view identity_group_service = "IdentityGroupCapability-1.0";

struct Asked {
    std::string_view name;
    policy::Operation operation;
    std::string_view grant;
};
constexpr std::array asked_operations{
    Asked{"query", policy::Operation::Query, "read-only"},
    Asked{"bulk", policy::Operation::Bulk, "read-only"},
    Asked{"read", policy::Operation::Retrieve, "read-only"},
    Asked{"write", policy::Operation::Publish, "write-only"},
};

xml::Element authorized_answer(
    const Call& call, bool allowed, std::string_view grant, std::string_view identity
) {
    xml::Element answer = method_answer(call.request);
    xml::Element value("value", xml::Ns{}, {{"xsi:type", "xs:boolean"}});
    value.declare("xs", "http://www.w3.org/2001/XMLSchema");
    value.declare("xsi", "http://www.w3.org/2001/XMLSchema-instance");
    value.append(allowed ? "true" : "false");
    answer.add(std::move(value));
    if (allowed) answer.add(xml::Element::with_text("grant", grant));
    answer.add(xml::Element::with_text("identity", identity));
    answer.add(xml::Element::with_text("maxAge", "60"));
    return answer;
}

/// The topic asked about: as named, or the only ones that this asker provides of the service.
std::string provided_topic(const Call& call, const std::string& service, const std::string& named) {
    const xml::Jid asker = call.actor().jid.bare();
    for (const std::string& topic : call.state.directory.serving(service))
        if ((named.empty() || topic == named) && call.state.directory.is_provider(topic, asker))
            return topic;
    return {};
}

}   // namespace

pubsub::Decision is_authorized(const Call& call) {
    const Request& request = call.request;
    // Chains need the trust store, which this layer does not have. Never a guess.
    if (!request.all("certificateChain").empty())
        return call.fail(Errc::UnsupportedOperation, "ask with the identity", "certificateChain");
    const std::string service = request.one("service");
    std::string operation = request.one("operation");
    if (operation.empty()) operation = "query";
    const auto asked = std::ranges::find(asked_operations, operation, &Asked::name);
    const auto identity = xml::Jid::parse(request.one("identity"));
    if (service.empty() || asked == asked_operations.end() || !identity)
        return call.fail(
            Errc::MalformedRequest,
            "expected params identity (a JID), service, and operation: query, bulk, read or write"
        );
    const std::string topic = provided_topic(call, service, request.one("topic"));
    if (topic.empty()) {
        // Stops anyone from probing the policy.
        static const std::string rule = "only a provider of the service may ask";
        return call.deny("isAuthorized", service, {false, 0, &rule});
    }
    const std::string bare(identity->bare_view());
    const Account* account = call.state.accounts.find(bare);
    static const std::string no_account = "account not enabled";
    policy::Match match{false, 0, &no_account};
    if (account != nullptr && account->state == AccountState::Enabled)
        match = call.state.policy.of(*account, asked->operation, topic);
    audit::Record record = audit::by(
        call.actor(), match.allowed ? audit::Outcome::Allow : audit::Outcome::Deny,
        "isAuthorized-" + operation
    );
    record.topic = topic;
    record.target = bare;
    record.rule = *match.rule;
    call.state.audit.add(std::move(record));
    return call.reply(authorized_answer(call, match.allowed, asked->grant, bare));
}

pubsub::Decision get_identity_group(const Call& call) {
    const xml::Element* user = call.request.body.child_any_ns("user");
    const std::string name = user == nullptr ? std::string{} : child_text(*user, "name");
    if (name.empty()) return call.fail(Errc::MalformedRequest, "expected <user><name/></user>");
    const auto jid = xml::Jid::parse(
        name.find('@') == std::string::npos ? name + "@" + call.state.settings.domain : name
    );
    const std::string bare = jid ? std::string(jid->bare_view()) : std::string{};
    if (bare != call.actor().jid.bare_view() && !call.state.is_administrator(call.actor())) {
        const policy::Match match = call.match(policy::Operation::Query, identity_group_service);
        if (!match.allowed) return call.deny("query", identity_group_service, match);
    }
    const Account* account = call.state.accounts.find(bare);
    if (account == nullptr) return call.fail(Errc::UnknownAccount, "no account " + name);
    xml::Element groups("groupList");
    for (const std::string& group : account->groups)
        groups.add(xml::Element(
            "object", {}, xml::Element::with_text("name", group),
            xml::Element::with_text("type", "Identity")
        ));
    return call.reply(xml::Element(
        "getIdentityGroupResponse", xml::ns::gi_grid, {},
        xml::Element("user", {}, xml::Element::with_text("name", name), std::move(groups))
    ));
}

}   // namespace grid::controller::gi
