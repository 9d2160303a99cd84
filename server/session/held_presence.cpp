// server/session/held_presence.cpp: see held_presence.hpp.
#include "server/session/held_presence.hpp"

#include <algorithm>

namespace grid::server {

namespace {

/// The text of an attribute, and what stands behind it.
struct Attribute {
    std::string_view name, value, rest;
};

/// The first attribute of a start tag; its name is empty at the end of the tag. The text is one of
/// ours: one blank before each attribute, none around `=`.
Attribute first_attribute(std::string_view text) {
    if (!text.starts_with(' ')) return {};
    const auto equals = text.find('=');
    if (equals == std::string_view::npos || equals + 1 >= text.size()) return {};
    const auto end = text.find(text[equals + 1], equals + 2);
    if (end == std::string_view::npos) return {};
    return {
        text.substr(1, equals - 1), text.substr(equals + 2, end - equals - 2), text.substr(end + 1)
    };
}

}   // namespace

std::string_view sender_of_presence(std::string_view text) {
    constexpr std::string_view begin = "<presence";
    if (!text.starts_with(begin)) return {};
    std::string_view sender;
    for (Attribute one = first_attribute(text.substr(begin.size())); !one.name.empty();
         one = first_attribute(one.rest)) {
        if (one.name == "from") sender = one.value;
        if (one.name == "type" && one.value != "unavailable") return {};
    }
    return sender;
}

bool HeldPresence::hold(Outgoing& stanza) {
    if (stanza.kind != StanzaKind::Presence || stanza.to != Address::None) return false;
    const std::string_view sender = sender_of_presence(*stanza.text);
    if (sender.empty()) return false;
    const auto earlier = held_.find(sender);
    const std::size_t freed = earlier == held_.end() ? 0 : earlier->second.stanza.bytes();
    if (earlier == held_.end() && held_.size() >= senders_max_) return false;
    // Before the earlier one is given back: at the bound it keeps its place, and goes out.
    if (budget_->take(stanza.bytes()) != Budget::Taken::Yes) return false;
    budget_->give(freed);
    bytes_ += stanza.bytes() - freed;
    Held& held = earlier == held_.end() ? held_[std::string(sender)] : earlier->second;
    held = {++numbers_, std::move(stanza)};
    return true;
}

std::vector<Outgoing> HeldPresence::take() {
    std::vector<Held> all;
    all.reserve(held_.size());
    for (auto& [sender, held] : held_) all.push_back(std::move(held));
    held_.clear();
    budget_->give(std::exchange(bytes_, 0));
    std::ranges::sort(all, {}, &Held::number);
    std::vector<Outgoing> stanzas;
    stanzas.reserve(all.size());
    for (Held& held : all) stanzas.push_back(std::move(held.stanza));
    return stanzas;
}

}   // namespace grid::server
