// server/gridctl/xmpp/publisher.cpp: see server/gridctl/xmpp/publisher.hpp.
#include "server/gridctl/xmpp/publisher.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "server/gridctl/xmpp/requests.hpp"
#include "xml/namespaces.hpp"

namespace grid::gridctl::xmpp {

namespace {

/// Of a stanza around its payload and the names in it.
constexpr std::size_t stanza_overhead = 512;
/// Of other publishers, items may have come in between.
constexpr std::size_t ids_looked_at = 1000;

std::string which_item(const PublishItem& item) {
    std::string out = "item '" + item.id + "'";
    if (item.line != 0) out += " (line " + std::to_string(item.line) + ")";
    return out;
}

}   // namespace

Publisher::Publisher(PublishSettings settings, Output& output)
    : settings_(std::move(settings)), output_(output) {}

bool Publisher::has_room() const {
    return end_ == Outcome::Done && pending_.size() < settings_.window &&
           (pending_.empty() || bytes_ < settings_.window_bytes);
}

bool Publisher::is_done() const {
    return end_ != Outcome::Done || (is_finished_ && pending_.empty());
}

Outcome Publisher::outcome() const {
    if (end_ != Outcome::Done) return end_;
    return refused_ > 0 ? Outcome::Refused : Outcome::Done;
}

void Publisher::add(Session& session, PublishItem item) {
    const std::size_t needed =
        item.bytes + item.id.size() + settings_.topic.size() + stanza_overhead;
    // A stanza that is too large would end the stream, and each that comes after.
    if (session.was_online() && needed > session.stanza_bytes_max())
        return refuse(
            which_item(item), "it has " + std::to_string(item.bytes) +
                                  " bytes; the server takes stanzas of " +
                                  std::to_string(session.stanza_bytes_max())
        );
    bytes_ += item.bytes;
    pending_.push_back({std::move(item)});
    if (session.is_online()) send_more(session);
}

void Publisher::refuse(const std::string& which, const std::string& why) {
    ++refused_;
    output_.complain(which + " was refused: " + why);
}

void Publisher::online(Session& session, bool is_resumed) {
    if (!is_resumed) {
        numbers_.clear();
        question_.clear();
        creation_.clear();
        next_ = first_;
        const bool is_unsure = std::ranges::any_of(pending_, [](const Pending& one) {
            return one.was_sent && !one.is_answered && one.item.is_id_new;
        });
        if (settings_.creates && !is_created_)
            creation_ = session.request("set", settings_.broker, create_request(settings_.topic));
        else if (is_unsure)
            question_ = session.request(
                "get", settings_.broker, last_ids_request(settings_.topic, ids_looked_at)
            );
    }
    send_more(session);
}

void Publisher::send_more(Session& session) {
    if (!creation_.empty() || !question_.empty() || end_ != Outcome::Done) return;
    for (; next_ < first_ + pending_.size(); ++next_)
        if (!pending(next_).is_answered) send(session, next_);
}

void Publisher::send(Session& session, std::uint64_t number) {
    Pending& one = pending(number);
    one.was_sent = true;
    const std::string id = session.request(
        "set", settings_.broker, publish_request(settings_.topic, one.item.id, one.item.payload)
    );
    numbers_.emplace(id, number);
}

void Publisher::answered(Session& session, const std::string& id, const xml::Element& iq) {
    const bool is_result = iq.attr_or("type", "") == "result";
    const Refusal refusal = is_result ? Refusal() : refusal_in(iq);
    if (id == creation_) {
        creation_.clear();
        is_created_ = is_result || refusal.is("conflict");   // the topic is there
        if (!is_created_)
            return give_up(
                Outcome::Refused,
                "topic '" + settings_.topic + "' cannot be made: " + refusal.words()
            );
        return send_more(session);
    }
    if (id == question_) {
        question_.clear();
        return take_known(session, iq);
    }
    const auto found = numbers_.find(id);
    if (found == numbers_.end()) return;
    const std::uint64_t number = found->second;
    numbers_.erase(found);
    if (is_result) {
        ++published_;
    } else if (refusal.is("item-not-found")) {
        return give_up(
            Outcome::NotFound, "there is no topic '" + settings_.topic + "': " + refusal.words()
        );
    } else if (refusal.type == "auth" || refusal.is("gone")) {
        // The same holds for all other items.
        return give_up(
            Outcome::Refused,
            "topic '" + settings_.topic + "' takes no items from this client: " + refusal.words()
        );
    } else {
        refuse(which_item(pending(number).item), refusal.words());
    }
    mark_answered(number);
}

/// Items that the topic has were published before the break.
void Publisher::take_known(Session& session, const xml::Element& iq) {
    std::set<std::string_view> known;
    if (const xml::Element* query = iq.child("query", xml::ns::disco_items))
        for (const xml::Element* item : query->children("item"))
            known.insert(item->attr_or("name", ""));
    for (std::uint64_t number = first_; number < first_ + pending_.size(); ++number) {
        Pending& one = pending(number);
        const bool is_there = one.item.is_id_new && known.contains(one.item.id);
        if (!one.was_sent || one.is_answered || !is_there) continue;
        one.is_answered = true;
        ++published_;
    }
    while (!pending_.empty() && pending_.front().is_answered) mark_answered(first_);
    next_ = std::max(next_, first_);
    send_more(session);
}

void Publisher::mark_answered(std::uint64_t number) {
    pending(number).is_answered = true;
    while (!pending_.empty() && pending_.front().is_answered) {
        bytes_ -= pending_.front().item.bytes;
        pending_.pop_front();
        ++first_;
    }
}

void Publisher::give_up(Outcome outcome, const std::string& why) {
    end_ = outcome;
    why_ = why;
}

}   // namespace grid::gridctl::xmpp
