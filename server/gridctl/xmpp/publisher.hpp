// server/gridctl/xmpp/publisher.hpp: publishes many items, some at a time, each acknowledged. Pure.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>

#include "server/gridctl/xmpp/outcome.hpp"
#include "server/gridctl/xmpp/session.hpp"

namespace grid::gridctl::xmpp {

struct PublishItem {
    std::string id;
    xml::Element payload;
    std::size_t bytes = 0;    // of the payload, as text
    std::uint64_t line = 0;   // of the input; 0: the whole input
    /// The id is of this run: an item of the topic that has it was published by this run.
    bool is_id_new = true;
};

struct PublishSettings {
    std::string broker, topic;
    std::size_t window = 256;                       // items that are not answered yet
    std::size_t window_bytes = 4UL * 1024 * 1024;   // their payloads
    bool creates = false;                           // the topic is made where it is not there
};

/// Items are sent in the order in which they were added. An item counts as published when the
/// server has answered, which it does when the item is on disk. After a break: a session that is
/// resumed goes on; a new one first asks which of the unanswered items the topic has, and repeats
/// the others with the same ids.
class Publisher final : public Job {
public:
    Publisher(PublishSettings settings, Output& output);

    /// Room for another item. At the bound the input is not read.
    bool has_room() const;
    void add(Session& session, PublishItem item);
    /// No more items come.
    void finish() { is_finished_ = true; }
    /// An item that cannot be sent counts as refused.
    void refuse(const std::string& which, const std::string& why);

    void online(Session& session, bool is_resumed) override;
    void answered(Session& session, const std::string& id, const xml::Element& iq) override;
    void received(Session&, const xml::Element&) override {}
    bool is_done() const override;
    void stop(Session&) override { finish(); }

    std::uint64_t published() const { return published_; }
    std::uint64_t refused() const { return refused_; }
    std::size_t waiting() const { return pending_.size(); }
    Outcome outcome() const;
    /// Of an end before all items were sent.
    const std::string& why() const { return why_; }

private:
    struct Pending {
        PublishItem item;
        bool was_sent = false;      // in this session or an earlier one
        bool is_answered = false;   // an earlier one is not
    };
    Pending& pending(std::uint64_t number) { return pending_[number - first_]; }
    void send_more(Session& session);
    void send(Session& session, std::uint64_t number);
    void take_known(Session& session, const xml::Element& iq);
    void mark_answered(std::uint64_t number);
    void give_up(Outcome outcome, const std::string& why);

    PublishSettings settings_;
    Output& output_;
    std::deque<Pending> pending_;
    std::uint64_t first_ = 0;                        // the number of the first of these
    std::uint64_t next_ = 0;                         // of the next to be sent
    std::map<std::string, std::uint64_t> numbers_;   // by the id of the request
    std::string creation_, question_;                // ids of requests
    bool is_created_ = false, is_finished_ = false;
    std::size_t bytes_ = 0;
    std::uint64_t published_ = 0, refused_ = 0;
    Outcome end_ = Outcome::Done;   // else given up
    std::string why_;
};

}   // namespace grid::gridctl::xmpp
