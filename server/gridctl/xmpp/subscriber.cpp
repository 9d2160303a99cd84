// server/gridctl/xmpp/subscriber.cpp: see server/gridctl/xmpp/subscriber.hpp.
#include "server/gridctl/xmpp/subscriber.hpp"

#include <algorithm>
#include <utility>

#include "server/gridctl/xmpp/requests.hpp"
#include "xml/namespaces.hpp"
#include "xml/writer.hpp"

namespace grid::gridctl::xmpp {

namespace {

namespace ns = xml::ns;
using xml::Element;

const xml::Ns forward_ns{"urn:xmpp:forward:0"};
constexpr std::size_t held_max = 4096, held_bytes_max = 16UL * 1024 * 1024;
/// A run that dies leaves its subscriptions behind; they end with their leases.
constexpr xml::Millis lease_ms = 24L * 3600 * 1000, renew_ms = 6L * 3600 * 1000;

Delivered read_item(std::string_view topic, const Element& item, xml::Millis time) {
    Delivered out;
    out.topic = topic;
    out.id = item.attr_or("id", "");
    out.publisher = item.attr_or("publisher", "");
    out.time = time;
    if (const Element* payload = item.first_child()) {
        out.has_payload = true;
        out.payload = *payload;
    }
    return out;
}

std::optional<xml::Millis> stamp_in(const Element& parent) {
    const Element* delay = parent.child("delay", ns::delay);
    return delay ? xml::parse_datetime(delay->attr_or("stamp", "")) : std::nullopt;
}

std::string content_of(const Delivered& item) {
    std::string out = item.topic + '\n' + item.id + '\n';
    if (item.has_payload) out += xml::to_string(item.payload);
    return out;
}

}   // namespace

Subscriber::Subscriber(
    SubscribeSettings settings, Output& output, std::function<xml::Millis()> clock
)
    : settings_(std::move(settings)), output_(output), clock_(std::move(clock)) {
    for (const std::string& name : settings_.topics) {
        Topic topic;
        topic.name = name;
        topic.start = settings_.since;
        topic.is_last_only = settings_.begins_with_last;
        if (topic.start || topic.is_last_only) topic.history = History::Wanted;
        topics_.push_back(std::move(topic));
    }
}

bool Subscriber::is_live() const {
    return std::ranges::all_of(topics_, [](const Topic& topic) {
        return topic.is_subscribed && topic.history == History::None;
    });
}

void Subscriber::online(Session& session, bool is_resumed) {
    if (is_resumed) return;
    asked_.clear();
    held_.clear();   // of topics whose archive is read on
    held_bytes_ = 0;
    if (is_stopping_) return stop(session);
    for (std::size_t i = 0; i < topics_.size(); ++i) {
        topics_[i].is_subscribed = false;
        if (topics_[i].history == History::Running) topics_[i].history = History::Wanted;
        subscribe(session, i);
    }
}

void Subscriber::ask(Session& session, Asked what, std::size_t topic, Element payload) {
    asked_[session.request("set", settings_.broker, std::move(payload))] = {what, topic};
}

void Subscriber::subscribe(Session& session, std::size_t topic) {
    SubscribeOptions options;
    options.filter = settings_.filter;
    if (!settings_.keeps) options.lease_until = clock_() + lease_ms;
    renewed_ = clock_();
    ask(session, Asked::Subscribe, topic,
        subscribe_request(topics_[topic].name, session.address(), options));
}

void Subscriber::tick(Session& session) {
    if (settings_.keeps || is_stopping_ || !session.is_online()) return;
    if (clock_() - renewed_ < renew_ms) return;
    for (std::size_t i = 0; i < topics_.size(); ++i) subscribe(session, i);
}

void Subscriber::answered(Session& session, const std::string& id, const Element& iq) {
    const auto found = asked_.find(id);
    if (found == asked_.end()) return;
    const Question question = found->second;
    asked_.erase(found);
    if (question.what == Asked::Subscribe) take_subscription(session, question.topic, iq);
    if (question.what == Asked::Archive) take_page(session, question.topic, iq);
    if (is_stopping_ && asked_.empty()) is_done_ = true;
}

void Subscriber::take_subscription(Session& session, std::size_t topic, const Element& iq) {
    Topic& of = topics_[topic];
    if (iq.attr_or("type", "") != "result") {
        const Refusal refusal = refusal_in(iq);
        const auto outcome = refusal.is("item-not-found") ? Outcome::NotFound : Outcome::Refused;
        return give_up(
            session, outcome, "topic '" + of.name + "' takes no subscription: " + refusal.words()
        );
    }
    const Element* pubsub = iq.child("pubsub", ns::pubsub);
    const Element* subscription = pubsub ? pubsub->child("subscription") : nullptr;
    if (subscription) {
        of.subid = subscription->attr_or("subid", "");
        if (subscription->attr_or("subscription", "") == "pending")
            output_.complain("topic '" + of.name + "': an owner has to approve the subscription");
    }
    of.is_subscribed = true;
    read_on(session);
}

/// One page at a time, of one topic after the other, when all are subscribed to.
void Subscriber::read_on(Session& session) {
    if (is_stopping_ || !session.is_online()) return;
    const auto is_running = [](const Topic& topic) {
        return topic.history == History::Running || !topic.is_subscribed;
    };
    if (std::ranges::any_of(topics_, is_running)) return;
    for (std::size_t i = 0; i < topics_.size(); ++i) {
        Topic& topic = topics_[i];
        if (topic.history != History::Wanted) continue;
        topic.history = History::Running;
        ArchivePage page;
        page.topic = topic.name;
        page.query_id = std::to_string(i);
        page.after = topic.cursor;
        if (topic.cursor.empty()) page.start = topic.start;
        page.is_last_item = topic.is_last_only && topic.cursor.empty() && !topic.start;
        return ask(session, Asked::Archive, i, archive_request(page));
    }
}

void Subscriber::take_page(Session& session, std::size_t topic, const Element& iq) {
    Topic& of = topics_[topic];
    const Element* fin = iq.child("fin", archive_ns);
    if (!fin) {
        const Refusal refusal = refusal_in(iq);
        return give_up(
            session, Outcome::Refused,
            "earlier items of topic '" + of.name + "' cannot be read: " + refusal.words()
        );
    }
    if (const std::string last = last_of_page(*fin); !last.empty()) of.cursor = last;
    const bool is_complete =
        fin->attr_or("complete", "") == "true" || (of.is_last_only && !of.start);
    of.is_last_only = false;
    if (is_complete && of.history == History::Running) {
        of.history = History::None;
        release(session, topic);
    } else {
        of.history = History::Wanted;   // also where more came meanwhile than can be held
    }
    read_on(session);
}

void Subscriber::received(Session& session, const Element& message) {
    if (is_stopping_ || is_done_ || message.attr_or("from", "") != settings_.broker) return;
    if (const Element* result = message.child("result", archive_ns))
        return take_archived(session, *result);
    if (const Element* event = message.child("event", ns::pubsub_event))
        return take_event(session, message, *event);
    if (const Element* pubsub = message.child("pubsub", ns::pubsub)) take_notice(session, *pubsub);
}

void Subscriber::take_archived(Session& session, const Element& result) {
    const Element* forwarded = result.child("forwarded", forward_ns);
    const Element* message = forwarded ? forwarded->child("message", ns::client) : nullptr;
    const Element* event = message ? message->child("event", ns::pubsub_event) : nullptr;
    const Element* items = event ? event->child("items") : nullptr;
    const auto topic = items ? find_topic(*message, items->attr_or("node", "")) : std::nullopt;
    if (!topic) return;
    topics_[*topic].cursor = result.attr_or("id", topics_[*topic].cursor);
    for (const Element* item : items->children("item")) {
        const auto time = stamp_in(*forwarded).value_or(clock_());
        const Delivered delivered = read_item(items->attr_or("node", ""), *item, time);
        if (contents_.add(content_of(delivered))) print(session, delivered);
    }
}

void Subscriber::take_event(Session& session, const Element& message, const Element& event) {
    if (const Element* gone = event.child("delete")) {
        const std::string name(gone->attr_or("node", ""));
        if (std::ranges::find(settings_.topics, name) != settings_.topics.end())
            give_up(session, Outcome::NotFound, "topic '" + name + "' was deleted");
        return;
    }
    const Element* items = event.child("items");
    if (!items) return;
    const std::string_view node = items->attr_or("node", "");
    const auto topic = find_topic(message, node);
    const std::string_view id = message.attr_or("id", "");
    if (!topic || (!id.empty() && !messages_.add(id))) return;
    const auto stamp = stamp_in(message);
    for (const Element* item : items->children("item")) {
        if (is_stopping_) return;
        Delivered delivered = read_item(node, *item, stamp.value_or(clock_()));
        // Replay of an item that passed a filter has another message id than before.
        if (!settings_.filter.empty()) {
            const bool is_new = contents_.add(content_of(delivered));
            if (!is_new && stamp) continue;
        }
        take_item(session, *topic, std::move(delivered));
    }
}

/// Items of a collection's leaves name the leaf, and the collection in a header (XEP-0248 §5.3.1).
std::optional<std::size_t> Subscriber::find_topic(const Element& message, std::string_view node)
    const {
    const auto named = [&](std::string_view name) -> std::optional<std::size_t> {
        for (std::size_t i = 0; i < topics_.size(); ++i)
            if (topics_[i].name == name) return i;
        return std::nullopt;
    };
    if (const auto found = named(node)) return found;
    const Element* headers = message.child("headers", ns::shim);
    if (!headers) return std::nullopt;
    for (const Element* header : headers->children("header"))
        if (header->attr_or("name", "") == "Collection")
            if (const auto found = named(header->text())) return found;
    return std::nullopt;
}

/// A subscription ended: its lease, a right that was taken away. Another attempt tells which.
void Subscriber::take_notice(Session& session, const Element& pubsub) {
    const Element* one = pubsub.child("subscription");
    if (!one || one->attr_or("subscription", "") != "none") return;
    for (std::size_t i = 0; i < topics_.size(); ++i)
        if (topics_[i].name == one->attr_or("node", "") && topics_[i].is_subscribed) {
            topics_[i].is_subscribed = false;
            subscribe(session, i);
        }
}

void Subscriber::take_item(Session& session, std::size_t topic, Delivered item) {
    if (topics_[topic].history == History::None) return print(session, item);
    hold(topic, std::move(item));
}

/// At the bound all is let go: the archive has it, and is read on behind its last page.
void Subscriber::hold(std::size_t topic, Delivered item) {
    const std::size_t bytes = content_of(item).size();
    held_.push_back({std::move(item), topic, bytes});
    held_bytes_ += bytes;
    if (held_.size() <= held_max && held_bytes_ <= held_bytes_max) return;
    held_.clear();
    held_bytes_ = 0;
    for (Topic& one : topics_) {
        if (one.history == History::None) continue;
        if (!one.start) one.start = clock_();
        one.history = History::Wanted;
    }
}

void Subscriber::release(Session& session, std::size_t topic) {
    std::deque<Held> all;
    all.swap(held_);
    held_bytes_ = 0;
    for (Held& one : all) {
        if (one.topic != topic) {
            held_bytes_ += one.bytes;
            held_.push_back(std::move(one));
        } else if (!contents_.has(content_of(one.item))) {
            print(session, one.item);
        }
    }
}

void Subscriber::print(Session& session, const Delivered& item) {
    if (is_stopping_) return;
    output_.print(settings_.as_json ? to_json_line(item) : to_xml_line(item));
    ++printed_;
    if (settings_.count != 0 && printed_ >= settings_.count) stop(session);
}

void Subscriber::stop(Session& session) {
    is_stopping_ = true;
    asked_.clear();
    if (settings_.keeps || !session.is_online()) {
        is_done_ = true;
        return;
    }
    for (std::size_t i = 0; i < topics_.size(); ++i)
        ask(session, Asked::Unsubscribe, i,
            unsubscribe_request(topics_[i].name, session.address(), topics_[i].subid));
}

void Subscriber::give_up(Session& session, Outcome outcome, const std::string& why) {
    outcome_ = outcome;
    why_ = why;
    if (outcome == Outcome::NotFound || !session.is_online()) {
        is_stopping_ = is_done_ = true;
        return;
    }
    stop(session);
}

}   // namespace grid::gridctl::xmpp
