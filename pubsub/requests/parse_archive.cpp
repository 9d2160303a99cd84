// pubsub/requests/parse_archive.cpp: archive requests (XEP-0313 §4, §5, XEP-0442 §2).
#include "pubsub/errors.hpp"
#include "pubsub/requests/parse.hpp"
#include "xml/datetime.hpp"

namespace grid::pubsub {

namespace {

using xml::Element;
using xml::FormField;
using Failure = std::optional<xml::StanzaError>;

/// §4.1.5: "If a client includes a form field that the server does not recognise, the server MUST
/// respond with a 'feature-not-implemented' error."
xml::StanzaError unknown_field(const std::string& var) {
    xml::StanzaError error;
    error.type = "cancel";
    error.condition = "feature-not-implemented";
    error.text = "This archive has no field '" + var + "'.";
    return error;
}

Failure take_time(std::optional<storage::Millis>& into, const FormField& field) {
    into = xml::parse_datetime(field.value());
    if (into) return std::nullopt;
    return refuse(
        Errc::BadRequest, "'" + field.var + "' must be a DateTime like 2026-11-01T12:00:00Z."
    );
}

Failure take_field(QueryArchive& query, const FormField& field, std::size_t ids_max) {
    const std::string& var = field.var;
    if (var == "FORM_TYPE") return std::nullopt;
    if (var != "ids" && field.values.size() > 1)
        return refuse(Errc::BadRequest, "'" + var + "' has one value.");
    if (var == "start") return take_time(query.start, field);
    if (var == "end") return take_time(query.end, field);
    if (var == "after-id") {
        query.after_id = field.value();
    } else if (var == "before-id") {
        query.before_id = field.value();
    } else if (var == "ids") {
        query.ids = field.values;
        if (query.ids->size() > ids_max)
            return refuse(Errc::PolicyViolation, "Too many ids for one answer: ask for fewer.");
    } else if (var == "with") {
        const auto jid = xml::Jid::parse(field.value());
        if (!jid) return refuse(Errc::BadRequest, "'with' must be an address.");
        query.with = *jid;
    } else {
        return unknown_field(var);
    }
    return std::nullopt;
}

Failure take_form(QueryArchive& query, const Element& payload, std::size_t ids_max) {
    auto form = form_in(payload);
    if (!form) return form.error();
    if (!*form) return std::nullopt;
    if ((*form)->type != "submit" || (*form)->form_type() != archive_ns.uri())
        return refuse(
            Errc::BadRequest, "The form must be submitted, with FORM_TYPE urn:xmpp:mam:2."
        );
    for (const FormField& field : (*form)->fields)
        if (auto error = take_field(query, field, ids_max)) return error;
    return std::nullopt;
}

Checked<Request> parse_query(const IqRequest& iq, const Settings& settings) {
    const Element& payload = *iq.payload;
    if (iq.type == xml::IqType::Get) return Request(GetArchiveForm{});   // the same for all nodes
    auto node = required_node(payload, settings);
    if (!node) return node.error();
    auto query = parse_archive_query(payload, settings.page_max);
    if (!query) return query.error();
    query->node = std::move(*node);
    return Request(std::move(*query));
}

}   // namespace

Checked<QueryArchive> parse_archive_query(const Element& payload, std::size_t ids_max) {
    QueryArchive query;
    if (const std::string* id = payload.attr("queryid")) query.queryid = *id;
    if (payload.child("order", order_by_ns) != nullptr)
        return unsupported("order-by", "An archive is in the order of time; see <flip-page/>.");
    query.is_flipped = payload.child("flip-page") != nullptr;
    if (auto error = take_form(query, payload, ids_max)) return *error;
    auto page = page_in(payload);
    if (!page) return page.error();
    query.page = std::move(*page);
    return query;
}

std::optional<Checked<Request>> parse_archive_request(
    const IqRequest& iq, const Settings& settings
) {
    const Element& payload = *iq.payload;
    if (payload.is("query", archive_ns)) return parse_query(iq, settings);
    if (!payload.is("metadata", archive_ns)) return std::nullopt;
    if (auto error = require_type(iq, xml::IqType::Get)) return Checked<Request>(*error);
    auto node = required_node(payload, settings);
    if (!node) return Checked<Request>(node.error());
    return Checked<Request>(Request(GetArchiveMetadata{std::move(*node)}));
}

}   // namespace grid::pubsub
