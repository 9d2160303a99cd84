// controller/gi/authorization_query.cpp: isAuthorized, and identity groups.
#include <algorithm>
#include <array>

#include "controller/gi/operation.hpp"
#include "xml/namespaces.hpp"

namespace grid::controller::gi {

namespace {

/// The service under which policies allow asking for an account's groups.
constexpr std::string_view identity_group_service = "IdentityGroupCapability-1.0";

struct Asked {
    std::string_view name;
    policy::Right operation;
};
constexpr std::array asked_operations{
    Asked{"query", policy::Right::Query},
    Asked{"bulk", policy::Right::Bulk},
    Asked{"read", policy::Right::Retrieve},
    Asked{"write", policy::Right::Publish},
};

/// For how many seconds a provider may go by the answer: not beyond the next time window.
std::int64_t max_age(const Call& call) {
    constexpr std::int64_t seconds_max = 60;
    const auto change = call.state.policy.next_change();
    if (!change) return seconds_max;
    return std::clamp<std::int64_t>((*change - call.context.now) / 1000, 0, seconds_max);
}

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
    if (!identity.empty()) answer.add(xml::Element::with_text("identity", identity));
    answer.add(xml::Element::with_text("maxAge", std::to_string(max_age(call))));
    return answer;
}

/// The account's rights on the topic altogether, for a provider that wants to know more than yes.
/// Reading is to query, retrieve or take in bulk; writing is to publish.
std::string_view grant_of(
    const Call& call, const Account& account, policy::Right asked, const std::string& topic
) {
    using policy::Right;
    const auto may = [&](Right operation) {
        return call.state.policy.of(account, operation, topic).allowed;
    };
    const bool writes = asked == Right::Publish || may(Right::Publish);
    const bool reads =
        asked != Right::Publish || may(Right::Query) || may(Right::Retrieve) || may(Right::Bulk);
    return reads && writes ? "read/write" : writes ? "write-only" : "read-only";
}

/// The account that a question is about: a name, the holder of a certificate, or both, which must
/// agree.
struct Subject {
    std::string bare;      // empty: nobody that the answer can name
    std::string refusal;   // not empty: denied whatever the policy says, and why
    std::optional<xml::Jid>
        session;   // when it was named by a full JID: where it comes from counts
};
Outcome<Subject> subject_of(const Call& call) {
    const std::string text = call.request.one("identity");
    Subject subject;
    if (!text.empty()) {
        const auto jid = xml::Jid::parse(text);
        if (!jid) return Failure{Errc::MalformedRequest, "identity is a JID", {}};
        subject.bare = jid->bare_view();
        if (!jid->is_bare()) subject.session = *jid;
    }
    const CertificateVerifier::Verdict* chain = call.request.chain.get();
    if (chain == nullptr) {
        if (!subject.bare.empty()) return subject;
        return Failure{Errc::MalformedRequest, "expected an identity or a certificateChain", {}};
    }
    if (!chain->reason.empty()) {
        subject.refusal = "certificate chain: " + chain->reason;
        return subject;
    }
    if (subject.bare.empty() && chain->identities.size() > 1)
        return Failure{
            Errc::MalformedRequest, "the certificate names several accounts: say which", {}
        };
    if (subject.bare.empty() && !chain->identities.empty())
        subject.bare = chain->identities.front().account.str();
    const auto holder = std::ranges::find_if(chain->identities, [&](const Identity& identity) {
        return identity.account.bare_view() == subject.bare;
    });
    // As at login: the name, the trust anchor that the account is bound to, mapped names.
    if (holder == chain->identities.end())
        subject.refusal = "certificate chain: of somebody else";
    else if (const Account* account = call.state.accounts.find(subject.bare);
             account != nullptr &&
             (!account->is_bound() || !is_same_certificate(*account, *holder)))
        subject.refusal = "certificate chain: the account belongs to another certificate";
    else if (account != nullptr && account->is_pinned_elsewhere(*holder))
        subject.refusal = "certificate chain: the account is pinned to another key";
    return subject;
}

policy::Match match_of(
    const Call& call, const Subject& subject, policy::Right operation, const policy::Object& object
) {
    static const std::string no_account = "account not enabled";
    if (!subject.refusal.empty()) return {false, 0, &subject.refusal};
    if (subject.bare.empty()) return {false, 0, &no_account};
    return call.state.decide_for(
        subject.session ? *subject.session : xml::Jid::from_canonical(subject.bare), operation,
        object
    );
}

/// The topic asked about: as named, or the only ones that this asker provides of the service.
std::string provided_topic(const Call& call, const std::string& service, const std::string& named) {
    const xml::Jid asker = call.actor().jid.bare();
    // A topic's provider provides its subtopics, too.
    const std::string wanted = call.state.governing(named);
    for (const std::string& topic : call.state.directory.serving(service))
        if ((wanted.empty() || topic == wanted) &&
            call.state.directory.is_provider(topic, asker, call.context.now) &&
            call.state.may_serve(asker, topic, service))
            return topic;
    return {};
}

}   // namespace

pubsub::Decision is_authorized(const Call& call) {
    const Request& request = call.request;
    const std::string service = request.one("service");
    std::string operation = request.one("operation");
    if (operation.empty()) operation = "query";
    const auto asked = std::ranges::find(asked_operations, operation, &Asked::name);
    if (service.empty() || asked == asked_operations.end())
        return call.fail(
            Errc::MalformedRequest,
            "expected params identity (a JID) or certificateChain, service, and operation: query, "
            "bulk, read or write"
        );
    const auto subject = subject_of(call);
    if (!subject) return to_stanza_error(subject.error());
    const std::string topic = provided_topic(call, service, request.one("topic"));
    if (topic.empty()) {
        // Stops anyone from probing the policy.
        static const std::string rule = "only a provider of the service may ask";
        return call.deny("isAuthorized", service, {false, 0, &rule}, subject->bare);
    }
    const Account* account =
        subject->bare.empty() ? nullptr : call.state.accounts.find(subject->bare);
    const policy::Match match =
        match_of(call, *subject, asked->operation, policy::Object{topic, {}, service});
    audit::Record record = audit::by(
        call.actor(), match.allowed ? audit::Outcome::Allow : audit::Outcome::Deny,
        "isAuthorized-" + operation
    );
    record.topic = topic;
    record.target = subject->bare;
    record.rule = *match.rule;
    call.state.audit.add(std::move(record));
    const std::string_view grant =
        match.allowed ? grant_of(call, *account, asked->operation, topic) : std::string_view{};
    return call.reply(authorized_answer(call, match.allowed, grant, subject->bare));
}

pubsub::Decision get_identity_group(const Call& call) {
    const xml::Element* user = call.request.body.child_any_ns("user");
    const std::string name = user == nullptr ? std::string{} : child_text(*user, "name");
    if (name.empty()) return call.fail(Errc::MalformedRequest, "expected <user><name/></user>");
    const auto jid = xml::Jid::parse(
        name.find('@') == std::string::npos ? name + "@" + call.state.settings.domain : name
    );
    const std::string bare = jid ? std::string(jid->bare_view()) : std::string{};
    if (bare != call.actor().jid.bare_view() && !call.state.may(call.actor(), Act::ReadAccounts)) {
        const policy::Match match = call.match(policy::Right::Query, identity_group_service);
        if (!match.allowed) return call.deny("query", identity_group_service, match, bare);
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
