// controller/gi/bulk_query.cpp: BulkQuery: the history of a topic is found and offered.
#include <algorithm>
#include <memory>
#include <vector>

#include "controller/credentials/credentials.hpp"
#include "controller/filters/expression.hpp"
#include "controller/gi/history.hpp"
#include "controller/gi/operation.hpp"
#include "xml/datetime.hpp"
#include "xml/namespaces.hpp"

namespace grid::controller::gi {

namespace {

using bulk::HistoryRequest;

/// An offer's URL holds for a day: long enough to go on with a transfer that broke.
constexpr storage::Millis offer_ms = 24LL * 3600 * 1000;
constexpr std::size_t sid_digits = 16;
constexpr std::string_view by_https = "https", in_band = "ibb";

/// The transports for this client: in band needs a session, HTTPS a port.
std::vector<std::string_view> own_transports(const Call& call) {
    std::vector<std::string_view> words;
    if (!call.state.settings.files.url.empty()) words.push_back(by_https);
    if (!call.actor().jid.is_bare()) words.push_back(in_band);
    return words;
}

/// Of those that the client can use, the first that this server has; without any, HTTPS.
Outcome<std::string_view> choose_transport(const Call& call) {
    const auto own = own_transports(call);
    std::vector<std::string> wanted;
    for (const xml::Element* child : call.request.body.children())
        if (child->name() == "transport") wanted.push_back(trimmed(child->text()));
    if (wanted.empty()) wanted.emplace_back(by_https);
    std::string missing, has;
    for (const std::string& word : wanted) {
        const auto found = std::ranges::find(own, word);
        if (found != own.end()) return *found;
        missing += (missing.empty() ? "" : " ") + word;
    }
    for (const std::string_view word : own) has += (has.empty() ? "" : " and ") + std::string(word);
    return Failure{
        Errc::UnsupportedOperation,
        "of these transports this server has none: '" + missing + "'; it has " +
            (has.empty() ? "none" : has),
        missing
    };
}

Outcome<std::optional<storage::Millis>> read_time(const Request& request, std::string_view name) {
    const std::string text = request.one(name);
    if (text.empty()) return std::optional<storage::Millis>();
    const auto time = xml::parse_datetime(text);
    if (!time)
        return malformed(
            "param " + std::string(name) + " is a time such as 2026-11-01T12:00:00Z (XEP-0082)"
        );
    return std::optional<storage::Millis>(*time);
}

/// The text form of the filter: a parameter, or `<filter/>` as in subscribeRequest.
Outcome<std::string> read_filter(const Request& request) {
    const xml::Element* element = request.body.child_any_ns("filter");
    if (element == nullptr) return request.one("filter");
    const auto parsed = filters::parse_xml(*element);
    if (!parsed) return parsed.error();
    return filters::to_text(*parsed);
}

Outcome<HistoryRequest> read_download(const Request& request) {
    for (const std::string_view name : {"topic", "start", "end", "filter", "after", "format"})
        if (request.all(name).size() > 1)
            return malformed("param " + std::string(name) + " is there twice");
    HistoryRequest wanted;
    wanted.wish.node = request.one("topic", true);
    if (wanted.wish.node.empty()) return malformed("expected param topic, the name of a topic");
    auto start = read_time(request, "start"), end = read_time(request, "end");
    if (!start) return start.error();
    if (!end) return end.error();
    if (*start && *end && **start > **end) return malformed("param start is later than end");
    wanted.wish.start = *start;
    wanted.wish.end = *end;
    auto filter = read_filter(request);
    if (!filter) return filter.error();
    wanted.wish.filter = std::move(*filter);
    wanted.wish.after = request.one("after");
    const std::string format = request.one("format");
    const auto known = bulk::parse_history_format(format.empty() ? "xml" : format);
    if (!known) return malformed("param format is xml or ndjson");
    wanted.format = *known;
    return wanted;
}

/// `items` is exact where there is no filter: else the payloads would have to be read.
xml::Element offer(
    const Call& call,
    HistoryRequest& wanted,
    const pubsub::HistoryView& view,
    std::string_view transport
) {
    xml::Element value("value", xml::Ns{});
    wanted.sid = "bd-" + digest_in_hex("history " + call.context.fresh_id).substr(0, sid_digits);
    if (!wanted.wish.end) wanted.wish.end = call.context.now;
    value.set("sid", wanted.sid).set("transport", std::string(transport));
    if (wanted.wish.filter.empty()) value.set("items", std::to_string(view.count));
    value.set("media-type", std::string(bulk::media_type(wanted.format)));
    if (transport != by_https) return value;
    wanted.expires = call.context.now + offer_ms;
    value.set("url", bulk::url_of(wanted, call.state.settings.files.url));
    value.set("expires", xml::to_datetime(*wanted.expires));
    return value;
}

}   // namespace

pubsub::Decision offer_history(const Call& call) {
    auto wanted = read_download(call.request);
    if (!wanted) return to_stanza_error(wanted.error());
    const auto right = right_to_history(call.state, call.context, wanted->wish, "bulk-offer");
    if (!right) return right.error();
    const auto transport = choose_transport(call);
    if (!transport) return to_stanza_error(transport.error());
    const policy::Match allowed{true, 0, &right->rule};
    call.state.note(call.actor(), "bulk-offer", call.state.governing(wanted->wish.node), allowed);
    xml::Element value("value", xml::Ns{}, {{"items", "0"}});
    std::shared_ptr<const pubsub::Sequel> sequel;
    if (right->view.count != 0) {
        value = offer(call, *wanted, right->view, *transport);
        if (*transport == in_band)
            sequel = std::make_shared<const bulk::HistoryOffer>(std::move(*wanted));
    }
    xml::Element answer = method_answer(call.request);
    pubsub::Reply reply(respond(call.request, answer.add(std::move(value))));
    reply.sequel = std::move(sequel);
    return reply;
}

pubsub::Decision list_histories(const Call& call) {
    // As many as one listing shows, among as many as one listing looks at.
    constexpr std::size_t looked_at_max = 2'000;
    const std::size_t page_max = call.state.settings.page_max;
    std::string after = place_of(call, call.request.one("after"));
    xml::Element value("value", xml::Ns{});
    std::size_t shown = 0, looked_at = 0;
    bool is_end = false;
    while (!is_end && shown < page_max && looked_at < looked_at_max) {
        const auto nodes = call.state.directory.nodes(after, std::min(page_max - shown, page_max));
        is_end = nodes.empty();
        for (const pubsub::NodeView& node : nodes) {
            ++looked_at;
            after = node.name;
            if (node.is_collection || !node.topic.empty()) continue;
            pubsub::HistoryWish wish;
            wish.node = node.name;
            const auto right = right_to_history(call.state, call.context, wish, {});
            if (!right) continue;
            ++shown;
            xml::Element history("history", {{"topic", node.name}});
            history.set("items", std::to_string(right->view.count));
            if (right->view.oldest) history.set("oldest", xml::to_datetime(*right->view.oldest));
            if (right->view.newest) history.set("newest", xml::to_datetime(*right->view.newest));
            value.add(std::move(history));
        }
    }
    xml::Element answer = method_answer(call.request).add(std::move(value));
    // More than a page: ask again with <param name='after'>.
    if (!is_end) answer.set("next", next_place(call, after));
    return call.reply(std::move(answer));
}

}   // namespace grid::controller::gi
