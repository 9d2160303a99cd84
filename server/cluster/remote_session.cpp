// server/cluster/remote_session.cpp: see remote_session.hpp.
#include "server/cluster/remote_session.hpp"

#include <algorithm>
#include <utility>

#include "server/cluster/links.hpp"

namespace grid::server::cluster {

namespace {
/// A stanza that fits into no frame would hold up all behind it: what a frame has beside the text
/// fits into the rest.
const std::size_t stanza_frame_bytes_max = LinksSettings{}.frame_bytes_max - 64UL * 1024;
}   // namespace

StanzaOutbox::~StanzaOutbox() { take_all(); }

bool StanzaOutbox::put(const SessionPtr& session, Outgoing stanza) {
    const std::size_t bytes = stanza.bytes();
    return put(Left{session, std::move(stanza)}, bytes);
}

bool StanzaOutbox::put(const SessionPtr& session, ForwardedQuery query) {
    const std::size_t bytes = query.text->size();
    return put(Left{session, std::move(query)}, bytes);
}

/// In the budget of the session, whose sum is the member's.
bool StanzaOutbox::put(Left left, std::size_t bytes) {
    if (bytes > stanza_frame_bytes_max) return false;
    if (left.session->budget->take(bytes) != Budget::Taken::Yes) return false;
    waiting_.push_back({++last_, bytes, std::move(left)});
    go_on();
    return true;
}

void StanzaOutbox::open() {
    is_open_ = true;
    go_on();
}

void StanzaOutbox::close() {
    is_open_ = false;
    sent_ = 0;
}

void StanzaOutbox::taken(std::uint64_t number) {
    while (!waiting_.empty() && waiting_.front().number <= number) {
        give(waiting_.front());
        waiting_.pop_front();
        if (sent_ != 0) --sent_;
    }
}

void StanzaOutbox::goes_on_behind(std::uint64_t number) {
    if (number <= last_sent_) return taken(number);
    for (Entry& entry : waiting_) entry.number = ++number;
    last_ = number;
}

void StanzaOutbox::go_on() {
    while (is_open_ && sent_ < waiting_.size() && send_(frame_of(waiting_[sent_])))
        last_sent_ = std::max(last_sent_, waiting_[sent_++].number);
}

std::vector<StanzaOutbox::Left> StanzaOutbox::take_all() {
    std::vector<Left> all;
    all.reserve(waiting_.size());
    for (Entry& entry : waiting_) {
        give(entry);
        all.push_back(std::move(entry.left));
    }
    waiting_.clear();
    sent_ = 0;
    return all;
}

std::string StanzaOutbox::frame_of(const Entry& entry) const {
    StanzaFrame frame;
    frame.number = entry.number;
    const Session& session = *entry.left.session;
    if (const auto* stanza = std::get_if<Outgoing>(&entry.left.content))
        frame.content = ToSession{session.id, session.jid, *stanza};
    else
        frame.content = std::get<ForwardedQuery>(entry.left.content);
    return encode(frame);
}

void StanzaOutbox::give(const Entry& entry) { entry.left.session->budget->give(entry.bytes); }

}   // namespace grid::server::cluster
