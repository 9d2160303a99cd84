// controller/requests/history_requests.cpp: see controller/requests/history_requests.hpp.
#include "controller/requests/history_requests.hpp"

#include <array>

#include "controller/gi/history.hpp"
#include "controller/requests/file_requests.hpp"

namespace grid::controller::requests {

namespace {

using bulk::FileRefusal;
using bulk::HistoryGrant;
using bulk::HistoryQuestion;

/// A refusal in XMPP's terms, in those of HTTP.
FileRefusal to_http(const xml::StanzaError& error, bool has_cursor) {
    struct Row {
        std::string_view condition;
        unsigned status;
        const char* code;
    };
    static constexpr std::array rows{
        Row{"item-not-found", 404, "not-found"},
        Row{"forbidden", 403, "forbidden"},
        Row{"not-authorized", 403, "not-subscribed"},
        Row{"not-allowed", 403, "not-allowed"},
        Row{"bad-request", 400, "bad-request"},
        Row{"feature-not-implemented", 409, "no-history"},
    };
    // RFC 9110 §15.5.11: a place was there, and what follows it is not any more.
    const bool is_topic = error.application && error.application->name() == "unknown-capability";
    if (has_cursor && !is_topic && error.condition == "item-not-found")
        return {410, "cursor-gone", error.text};
    for (const Row& row : rows)
        if (row.condition == error.condition) return {row.status, row.code, error.text};
    return {403, "forbidden", error.text};
}

FileRefusal no_such_topic() {
    return {404, "not-found", "there is no such topic for this account"};
}

/// The most telling one of the refusals of several accounts.
bool tells_more(const FileRefusal& one, const FileRefusal& other) {
    return other.status == 404 && one.status != 404;
}

}   // namespace

Result<HistoryGrant, FileRefusal> ask_history(
    const State& state, const HistoryQuestion& question, storage::Millis now, bool is_recorded
) {
    const bulk::HistoryRequest& request = question.request;
    if (request.expires && *request.expires < now && is_recorded)
        return FileRefusal{410, "offer-expired", "the offer of this URL has expired: ask again"};
    FileRefusal refusal = no_such_topic();
    std::optional<Failure> failure;
    bool is_entitled = false;
    for (std::size_t i = 0; i < question.clients.size(); ++i) {
        const bulk::FileClient& client = question.clients[i];
        if (auto why = why_not_entitled(state, client)) {
            failure = std::move(why);
            continue;
        }
        is_entitled = true;
        const pubsub::Context context{client.principal, now, {}};
        auto right = gi::right_to_history(
            state, context, request.wish, is_recorded ? "bulk-start" : std::string_view()
        );
        if (right) return HistoryGrant{request, std::move(right->view), i, std::move(right->rule)};
        FileRefusal other = to_http(right.error(), !request.wish.after.empty());
        if (other.status == 404) other = no_such_topic();
        if (tells_more(other, refusal)) refusal = std::move(other);
    }
    if (!is_entitled && failure) {
        const ErrorRow& found = row(failure->code);
        return FileRefusal{403, found.http_code, failure->text};
    }
    return refusal;
}

pubsub::Verdict still_may_have_history(
    const State& state, const HistoryQuestion& question, storage::Millis now
) {
    // Where the answer began is not asked again: what is kept may have gone on.
    HistoryQuestion present = question;
    present.request.wish.after.clear();
    auto granted = ask_history(state, present, now, false);
    if (!granted) return {false, granted.error().text};
    return {true, std::move(granted->rule)};
}

}   // namespace grid::controller::requests
