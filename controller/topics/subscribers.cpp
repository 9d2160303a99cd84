// controller/topics/subscribers.cpp: see subscribers.hpp.
#include "controller/topics/subscribers.hpp"

#include <charconv>

namespace grid::controller {

using View = pubsub::Broker::SubscriberView;

/// `LENGTH:NODE JID SUBID`: a node's name may hold anything, a resource blanks, a subid neither.
std::string subscriber_cursor(const View& view) {
    return std::to_string(view.node.size()) + ":" + view.node + " " + view.jid + " " + view.subid;
}

namespace {

std::optional<View> parse_cursor(std::string_view text) {
    View view;
    if (text.empty()) return view;
    std::size_t length = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
    const auto colon = static_cast<std::size_t>(end - text.data());
    if (error != std::errc{} || colon + 1 > text.size() || text[colon] != ':') return std::nullopt;
    const std::string_view rest = text.substr(colon + 1);
    if (length >= rest.size() || rest[length] != ' ') return std::nullopt;
    view.node = rest.substr(0, length);
    const std::string_view key = rest.substr(length + 1);
    const std::size_t blank = key.rfind(' ');
    if (blank == std::string_view::npos) return std::nullopt;
    view.jid = key.substr(0, blank);
    view.subid = key.substr(blank + 1);
    return view;
}

}   // namespace

std::optional<SubscriberPage> subscribers_of(
    const pubsub::Broker& broker, std::string_view topic, std::string_view after, std::size_t max
) {
    const auto from = parse_cursor(after);
    if (!from) return std::nullopt;
    SubscriberPage page{broker.subscribers(topic, *from, max + 1), {}};
    if (page.subscribers.size() <= max) return page;
    page.subscribers.resize(max);
    if (max > 0) page.next = subscriber_cursor(page.subscribers.back());
    return page;
}

}   // namespace grid::controller
