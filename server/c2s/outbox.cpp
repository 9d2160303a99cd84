// server/c2s/outbox.cpp: gather, seal once, send once.
#include "server/c2s/outbox.hpp"

#include <algorithm>

#include "server/net/turn.hpp"

namespace grid::server::c2s {
namespace {
/// Four TLS records: enough to fill a socket buffer in one go, little enough to stay in the cache.
constexpr std::size_t gather_bytes_max = 64 * 1024;
constexpr std::size_t kept_entries_max = 16;
}   // namespace

Outbox::~Outbox() { drop(); }

void Outbox::push(std::vector<Outgoing> stanzas, std::size_t bytes) {
    budgeted_ += bytes;
    queued_ += bytes;
    queue_.reserve(queue_.size() + stanzas.size());
    const bool is_kept = bytes == 0 && !stanzas.empty();
    keeps_unacked_ = keeps_unacked_ || is_kept;
    for (auto& stanza : stanzas) {
        if (is_kept) queued_ += stanza.bytes();
        queue_.push_back({std::move(stanza), is_kept ? Entry::From::Unacked : Entry::From::Budget});
    }
}

void Outbox::push_own(Outgoing stanza) {
    const std::size_t bytes = stanza.bytes();
    queued_ += bytes;
    uncharged_ += bytes;
    queue_.push_back({std::move(stanza), Entry::From::Own});
}

/// Most of the connection's own words leave with the next flush: so they cost the account's and
/// the process's counters nothing, which all threads share.
void Outbox::charge() {
    if (uncharged_ == 0) return;
    for (auto at = std::max(next_, charged_to_); at < queue_.size(); ++at) {
        auto& [stanza, from] = queue_[at];
        if (from != Entry::From::Own) continue;
        const std::size_t bytes = stanza.bytes();
        const bool is_beyond = !budget_ || budget_->take(bytes) != Budget::Taken::Yes;
        (is_beyond ? own_bytes_ : budgeted_) += bytes;
        from = is_beyond ? Entry::From::Beyond : Entry::From::Budget;
    }
    charged_to_ = queue_.size();
    uncharged_ = 0;
}

void Outbox::push_framed(std::string bytes) {
    if (bytes.empty()) return;
    push_own(
        Outgoing::whole(StanzaKind::Framed, std::make_shared<const std::string>(std::move(bytes)))
    );
}

void Outbox::gather(std::string& into) {
    std::size_t given = 0;
    while (next_ < queue_.size() && into.size() < gather_bytes_max) {
        auto& [stanza, from] = queue_[next_++];
        if (stanza.kind == StanzaKind::Framed)
            into += *stanza.text;
        else
            framer_.stanza(into, stanza);
        const std::size_t bytes = stanza.bytes();
        gathered_ += bytes;
        if (from == Entry::From::Beyond) own_bytes_ -= bytes;
        if (from == Entry::From::Own) uncharged_ -= bytes;
        if (from == Entry::From::Budget) given += bytes;
        stanza.text.reset();
    }
    budgeted_ -= given;
    if (given != 0 && budget_) budget_->give(given);
    if (next_ == queue_.size()) empty_queue();
}

/// The room for a few stanzas stays.
void Outbox::empty_queue() {
    queue_.clear();
    if (queue_.capacity() > kept_entries_max) queue_.shrink_to_fit();
    next_ = charged_to_ = 0;
}

Outbox::Flushed Outbox::flush() {
    const auto flushed = write();
    charge();
    return flushed;
}

Outbox::Flushed Outbox::write() {
    thread_local std::string scratch;
    std::size_t written = 0;
    while (!empty()) {
        if (written >= net::Turn::write_bytes_max) return Flushed::TurnOver;
        const bool resumes = !unsent_.empty();
        if (!resumes) {
            scratch.clear();
            gather(scratch);
        }
        const std::string& bytes = resumes ? unsent_ : scratch;
        auto now = sink_.write_now(bytes);
        if (now.error) return Flushed::Broken;
        written += now.bytes;
        if (now.bytes < bytes.size()) {
            unsent_ = bytes.substr(now.bytes);
            if (now.would_block) return Flushed::SocketFull;
            continue;
        }
        if (resumes) std::string().swap(unsent_);
        marks_.on_sent(gathered_, sink_.sent_bytes());
    }
    return Flushed::All;
}

DeliveryMarks::Acked Outbox::acked() {
    const auto waiting = sink_.unacknowledged_bytes();
    const auto sent = sink_.sent_bytes();
    // The queue is empty, so a mark may stand behind the last byte without a write after it.
    if (empty()) marks_.on_sent(queued_, sent);
    return marks_.acked(sent - std::min(sent, waiting), DeliveryMarks::Clock::now());
}

void Outbox::drop() {
    if (budgeted_ != 0 && budget_) budget_->give(budgeted_);
    budgeted_ = own_bytes_ = uncharged_ = 0;
    empty_queue();
    std::string().swap(unsent_);
}

}   // namespace grid::server::c2s
