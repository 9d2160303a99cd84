// server/gridctl/xmpp/askers.hpp: jobs of a few questions: a query to a provider, the topics of the
// grid. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/gridctl/xmpp/outcome.hpp"
#include "server/gridctl/xmpp/session.hpp"

namespace grid::gridctl::xmpp {

/// Finds the clients that serve a name, and asks one after the other until one is there to answer.
class Query final : public Job {
public:
    struct Settings {
        std::string controller;
        std::string service;    // or topic
        std::string provider;   // a full JID: no discovery
        xml::Element payload;
        bool is_set = false;   // an iq of type set
        bool as_json = false;
    };
    Query(Settings settings, Output& output) : settings_(std::move(settings)), output_(output) {}

    void online(Session& session, bool is_resumed) override;
    void answered(Session& session, const std::string& id, const xml::Element& iq) override;
    void received(Session&, const xml::Element&) override {}
    bool is_done() const override { return is_done_; }
    void stop(Session&) override { is_done_ = true; }
    Outcome outcome() const { return outcome_; }
    const std::string& why() const { return why_; }   // of an end that is not Done

private:
    void ask_next(Session& session);
    void take_providers(Session& session, const xml::Element& iq);
    void give_up(Outcome outcome, const std::string& why);

    Settings settings_;
    Output& output_;
    std::vector<std::string> providers_;   // not asked yet, the next one last
    std::string asked_, provider_, last_words_;
    bool is_finding_ = false, is_done_ = false;
    Outcome outcome_ = Outcome::Done;
    std::string why_;
};

/// The topics that this client may see, as far as their names hold a text (ASCII letters of either
/// case).
class FindTopics final : public Job {
public:
    FindTopics(std::string broker, std::string_view text);

    void online(Session& session, bool is_resumed) override;
    void answered(Session& session, const std::string& id, const xml::Element& iq) override;
    void received(Session&, const xml::Element&) override {}
    bool is_done() const override { return is_done_; }
    void stop(Session&) override { is_done_ = true; }

    struct Topic {
        std::string name, title;
    };
    const std::vector<Topic>& topics() const { return topics_; }
    Outcome outcome() const { return outcome_; }
    const std::string& why() const { return why_; }   // of an end that is not Done

private:
    std::string broker_, text_;
    std::string asked_;
    std::vector<Topic> topics_;
    bool is_done_ = false;
    Outcome outcome_ = Outcome::Done;
    std::string why_;
};

}   // namespace grid::gridctl::xmpp
