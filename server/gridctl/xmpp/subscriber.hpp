// server/gridctl/xmpp/subscriber.hpp: prints the items of topics, each once and in order. Pure.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "server/gridctl/xmpp/item_text.hpp"
#include "server/gridctl/xmpp/outcome.hpp"
#include "server/gridctl/xmpp/recent.hpp"
#include "server/gridctl/xmpp/session.hpp"

namespace grid::gridctl::xmpp {

struct SubscribeSettings {
    std::string broker;
    std::vector<std::string> topics;
    std::string filter;
    std::optional<xml::Millis> since;   // items of the archive from then on come first
    bool begins_with_last = false;      // the newest item comes first
    std::uint64_t count = 0;            // so many items, then the end; 0: no end
    bool keeps = false;                 // the subscriptions outlive this run
    bool as_json = false;
};

/// Subscribes by its full JID, so that other clients of the account neither get its items nor take
/// any away. The server replays what a session missed, and may repeat what was on its way when a
/// connection broke: repeats have the ids of the messages of before, and are left out.
class Subscriber final : public Job {
public:
    Subscriber(SubscribeSettings settings, Output& output, std::function<xml::Millis()> clock);

    void online(Session& session, bool is_resumed) override;
    void answered(Session& session, const std::string& id, const xml::Element& iq) override;
    void received(Session& session, const xml::Element& message) override;
    bool is_done() const override { return is_done_; }
    /// Ends the subscriptions, unless they are kept; then this is done.
    void stop(Session& session) override;
    bool is_owed_the_rest() const override { return settings_.keeps; }
    /// Renews leases.
    void tick(Session& session) override;

    Outcome outcome() const { return outcome_; }
    const std::string& why() const { return why_; }   // of an end that is not Done
    bool is_live() const;   // subscribed to all topics, and through with what comes first

private:
    enum class History { None, Wanted, Running };
    struct Topic {
        std::string name, subid;
        bool is_subscribed = false;
        History history = History::None;
        std::string cursor;                 // of the last archived item that was printed
        std::optional<xml::Millis> start;   // while there is no cursor
        bool is_last_only = false;
    };
    enum class Asked { Subscribe, Archive, Unsubscribe };
    struct Question {
        Asked what = Asked::Subscribe;
        std::size_t topic = 0;
    };
    struct Held {
        Delivered item;
        std::size_t topic = 0;
        std::size_t bytes = 0;
    };

    void subscribe(Session& session, std::size_t topic);
    void ask(Session& session, Asked what, std::size_t topic, xml::Element payload);
    void take_subscription(Session& session, std::size_t topic, const xml::Element& iq);
    void read_on(Session& session);
    void take_page(Session& session, std::size_t topic, const xml::Element& iq);
    void take_archived(Session& session, const xml::Element& result);
    void take_event(Session& session, const xml::Element& message, const xml::Element& event);
    void take_notice(Session& session, const xml::Element& pubsub);
    void take_item(Session& session, std::size_t topic, Delivered item);
    void hold(std::size_t topic, Delivered item);
    void release(Session& session, std::size_t topic);
    void print(Session& session, const Delivered& item);
    void give_up(Session& session, Outcome outcome, const std::string& why);
    std::optional<std::size_t> find_topic(const xml::Element& message, std::string_view node) const;

    SubscribeSettings settings_;
    Output& output_;
    std::function<xml::Millis()> clock_;
    std::vector<Topic> topics_;
    std::map<std::string, Question> asked_;
    Recent messages_;           // that were taken care of, by id
    Recent contents_{65'536};   // of items that a message without a known id may repeat
    std::deque<Held> held_;     // came live while the archive was read
    std::size_t held_bytes_ = 0;
    xml::Millis renewed_ = 0;
    std::uint64_t printed_ = 0;
    bool is_stopping_ = false, is_done_ = false;
    Outcome outcome_ = Outcome::Done;
    std::string why_;
};

}   // namespace grid::gridctl::xmpp
