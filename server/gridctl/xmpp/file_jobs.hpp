// server/gridctl/xmpp/file_jobs.hpp: jobs around files that go by HTTPS: a slot (XEP-0363), a link
// that is sent, links that come (XEP-0066). Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "server/gridctl/xmpp/outcome.hpp"
#include "server/gridctl/xmpp/session.hpp"

namespace grid::gridctl::xmpp {

/// Asks for a place to upload a file to.
class AskSlot final : public Job {
public:
    struct File {
        std::string name;
        std::uint64_t size = 0;
        std::string sha256;   // 32 bytes
        std::string reader;   // the only account that may read the file; empty: as the policy says
    };
    AskSlot(std::string service, File file)
        : service_(std::move(service)), file_(std::move(file)) {}

    void online(Session& session, bool is_resumed) override;
    void answered(Session& session, const std::string& id, const xml::Element& iq) override;
    void received(Session&, const xml::Element&) override {}
    bool is_done() const override { return is_done_; }
    void stop(Session&) override { is_done_ = true; }

    /// Where it goes and where it is fetched; empty: `why` not.
    const std::string& put_url() const { return put_url_; }
    const std::string& get_url() const { return get_url_; }
    const std::string& why() const { return why_; }

private:
    std::string service_;
    File file_;
    std::string asked_, put_url_, get_url_, why_;
    bool is_done_ = false;
};

/// Asks where the history of a topic is to be had (BulkQuery of the Grid protocol), as lines of
/// JSON.
class AskHistory final : public Job {
public:
    struct Span {
        std::string topic, start, end, filter;   // empty: no bound, no filter
    };
    AskHistory(std::string controller, Span span)
        : controller_(std::move(controller)), span_(std::move(span)) {}

    void online(Session& session, bool is_resumed) override;
    void answered(Session& session, const std::string& id, const xml::Element& iq) override;
    void received(Session&, const xml::Element&) override {}
    bool is_done() const override { return is_done_; }
    void stop(Session&) override { is_done_ = true; }

    const std::string& url() const { return url_; }   // empty: there are no items, or `why`
    std::uint64_t items() const { return items_; }    // 0: not known
    const std::string& why() const { return why_; }
    Outcome outcome() const { return outcome_; }

private:
    std::string controller_;
    Span span_;
    std::string asked_, url_, why_;
    std::uint64_t items_ = 0;
    bool is_done_ = false;
    Outcome outcome_ = Outcome::Done;
};

/// Sends a message with a link; done when the server has delivered or kept it.
class SendLink final : public Job {
public:
    SendLink(std::string to, std::string url, std::string description)
        : to_(std::move(to)), url_(std::move(url)), description_(std::move(description)) {}

    void online(Session& session, bool is_resumed) override;
    void answered(Session&, const std::string&, const xml::Element&) override {}
    void received(Session& session, const xml::Element& message) override;
    void acknowledged(Session&) override { is_done_ = true; }
    bool is_done() const override { return is_done_; }
    void stop(Session&) override { is_done_ = true; }
    const std::string& why() const { return why_; }   // of a refusal

private:
    std::string to_, url_, description_, why_;
    bool is_done_ = false;
};

/// A link in a message.
struct ReceivedLink {
    std::string sender, url, description;
};

/// Takes links as they come. Messages count as handled when `take` returns; others are left to
/// themselves.
class ReceiveLinks final : public Job {
public:
    /// `take` returns whether there is enough.
    explicit ReceiveLinks(std::function<bool(const ReceivedLink&)> take) : take_(std::move(take)) {}

    void online(Session&, bool) override {}
    void answered(Session&, const std::string&, const xml::Element&) override {}
    void received(Session& session, const xml::Element& message) override;
    bool is_done() const override { return is_done_; }
    void stop(Session&) override { is_done_ = true; }
    /// A message on its way is for the next run.
    bool is_owed_the_rest() const override { return true; }

private:
    std::function<bool(const ReceivedLink&)> take_;
    bool is_done_ = false;
};

}   // namespace grid::gridctl::xmpp
