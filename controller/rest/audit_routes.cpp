// controller/rest/audit_routes.cpp: the audit by REST: its records, and whether its chain holds.
#include <array>

#include "controller/audit/verify.hpp"
#include "controller/rest/call.hpp"
#include "controller/rest/views.hpp"
#include "xml/datetime.hpp"

namespace grid::controller::rest {

namespace {

using Answer = std::variant<HttpResponse, HttpResponse>;

Outcome<std::optional<storage::Millis>> time_in(const Request& request, std::string_view name) {
    const std::string text = request.in_query(name);
    if (text.empty()) return std::optional<storage::Millis>{};
    const auto time = xml::parse_datetime(text);
    if (time) return std::optional(*time);
    return Failure{
        Errc::MalformedRequest, std::string(name) + " is a time such as 2026-11-01T00:00:00Z", {}
    };
}

/// As records have it: "system", or a bare JID, of which the domain may be left out.
Outcome<std::string> account_asked_about(const Call& call) {
    const std::string text = call.request.in_query("account");
    if (text.empty() || text == "system") return text;
    auto jid = bare_jid(
        text.find('@') == std::string::npos ? text + "@" + call.state.settings.domain : text
    );
    if (!jid) return jid.error();
    return jid->str();
}

Outcome<audit::Filter> filter_of(const Call& call) {
    audit::Filter filter;
    const auto from = time_in(call.request, "from");
    if (!from) return from.error();
    const auto to = time_in(call.request, "to");
    if (!to) return to.error();
    filter.from = *from;
    filter.to = *to;
    const std::string decision = call.request.in_query("decision");
    filter.outcome = audit::parse_outcome(decision);
    if (!decision.empty() && !filter.outcome)
        return Failure{Errc::MalformedRequest, "decision is allow, deny or info", {}};
    auto account = account_asked_about(call);
    if (!account) return account.error();
    filter.account = std::move(*account);
    filter.topic = call.request.in_query("topic");
    filter.operation = call.request.in_query("operation");
    filter.after = call.request.in_query("after");
    if (!filter.after.empty() && !audit::is_cursor(filter.after))
        return Failure{Errc::MalformedRequest, "after is the cursor of an earlier page", {}};
    filter.max = call.page_max();
    return filter;
}

HttpDecision list_audit(const Call& call) {
    auto filter = filter_of(call);
    if (!filter) return refuse(filter.error());
    return HttpDecision::Query{[filter = std::move(*filter)](const storage::Snapshot& snapshot) {
        const auto page = audit::search(snapshot, filter);
        if (!page)
            return Answer(
                std::in_place_index<0>,
                refuse(500, "store", "the audit could not be read: " + page.error().message())
            );
        json::array list;
        for (const audit::Entry& entry : page->entries) list.push_back(to_json(entry));
        return Answer(
            std::in_place_index<1>, ok({{"records", std::move(list)}, {"next", cursor(page->next)}})
        );
    }};
}

HttpResponse unread(const boost::system::error_code& error) {
    if (error == storage::Errc::Conflict)
        return refuse(
            409, "audit-cut", "the cursor's record was cut meanwhile: begin at the beginning"
        );
    return refuse(500, "store", "the audit could not be read: " + error.message());
}

/// A part at a time, so that no request takes long; gridctl asks until there is no more.
HttpDecision verify_audit(const Call& call) {
    audit::Check check;
    check.after = call.request.in_query("after");
    if (!check.after.empty() && !audit::is_cursor(check.after))
        return refuse({Errc::MalformedRequest, "after is the cursor of an earlier part", {}});
    const std::string number = call.request.in_query("number");
    const std::string hash = call.request.in_query("hash");
    if (!number.empty() || !hash.empty()) {
        check.passes = audit::parse_passage(number, hash);
        if (!check.passes)
            return refuse(
                {Errc::MalformedRequest,
                 "number is that of a record, hash its 64 lower-case hex digits",
                 {}}
            );
    }
    return HttpDecision::Query{[check = std::move(check)](const storage::Snapshot& snapshot) {
        const auto verified = audit::verify(snapshot, check);
        if (!verified) return Answer(std::in_place_index<0>, unread(verified.error()));
        return Answer(std::in_place_index<1>, ok(to_json(*verified)));
    }};
}

}   // namespace

std::span<const Route> audit_routes() {
    static const std::array routes{
        Route{
            "GET",
            "audit",
            {"from", "to", "account", "topic", "operation", "decision", "after", "max"},
            {},
            list_audit,
            Act::ReadAudit
        },
        Route{"GET", "audit/verify", {"after", "number", "hash"}, {}, verify_audit, Act::ReadAudit},
    };
    return routes;
}

}   // namespace grid::controller::rest
