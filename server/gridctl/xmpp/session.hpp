// server/gridctl/xmpp/session.hpp: the client's side of a stream: TLS, SASL, a resource or the
// session of before, stream management (RFC 6120, XEP-0198). A machine without I/O.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/gridctl/xmpp/management.hpp"
#include "server/gridctl/xmpp/refusal.hpp"
#include "server/gridctl/xmpp/scram_login.hpp"
#include "xml/element.hpp"
#include "xml/parser.hpp"

namespace grid::gridctl::xmpp {

struct Login {
    std::string domain;
    std::string account;    // a bare JID; empty: the one that the certificate names
    std::string resource;   // empty: the server makes one
    std::string password;   // prepared (RFC 4013); empty: SASL EXTERNAL
    bool is_direct_tls = false;
    /// Negative: items and messages for the account's bare JID are for its other clients, or wait
    /// for them (RFC 6121 §8.5.2.1). A session without presence would take items away from them.
    int priority = -128;
};

class Session;

/// The work for which a session is there.
class Job {
public:
    virtual ~Job() = default;
    /// Logged in. Resumed: as if there had been no break. Else the server knows nothing of earlier
    /// requests that were not answered.
    virtual void online(Session& session, bool is_resumed) = 0;
    /// The answer to a request, result or error.
    virtual void answered(Session& session, const std::string& id, const xml::Element& iq) = 0;
    /// The message counts as handled when this returns.
    virtual void received(Session& session, const xml::Element& message) = 0;
    virtual bool is_done() const = 0;
    /// Comes to an orderly end: is_done soon.
    virtual void stop(Session& session) = 0;
    /// Messages that come after the end belong to the next run: with such, the stream is left
    /// without
    /// `</stream:stream>`, after which a server takes all for read.
    virtual bool is_owed_the_rest() const { return false; }
    /// The server has handled all that was sent.
    virtual void acknowledged(Session&) {}
    /// About once a second while online.
    virtual void tick(Session&) {}
};

/// One session, over as many connections as it takes. The driver says `connected`, feeds bytes,
/// takes output, makes TLS when asked, and says `lost`.
class Session {
public:
    /// `nonce` makes unpredictable text for SCRAM.
    Session(Login login, Job& job, std::function<std::string()> nonce);

    // The driver's side.
    void connected();
    /// TLS stands; `exporter` is its binding of type `tls-exporter`, empty where there is none.
    void secured(std::string exporter);
    void receive(std::string_view bytes);
    void lost();
    /// Bytes to be sent, once.
    std::string take_output();
    bool has_output() const { return !out_.empty(); }
    /// The server let TLS begin: the driver makes it, and says `secured`.
    bool wants_tls() const { return state_ == State::Handshake; }
    /// Asks the server for a sign of life.
    void probe();
    /// Tells the server what the job has taken care of; only when online. The rest stays owed.
    void acknowledge();
    /// `</stream:stream>`, behind all that was sent. With it a session is given up, but where its
    /// job is owed the rest.
    void end();
    /// No more comes from the server, or this connection has failed.
    bool is_over() const { return state_ == State::Over; }
    /// Of the last connection.
    const std::optional<Failure>& failure() const { return failure_; }

    // The job's side.
    bool is_online() const { return state_ == State::Online; }
    /// Sends an iq; its id. Only when online.
    std::string request(std::string_view type, std::string_view to, xml::Element payload);
    /// Sends a message. Only when online.
    void tell(const xml::Element& message) { send_counted(message); }
    const std::string& address() const { return address_; }   // the full JID
    const std::string& domain() const { return login_.domain; }
    /// Bytes that the server takes in one stanza (XEP-0478).
    std::size_t stanza_bytes_max() const { return stanza_bytes_max_; }
    bool was_online() const { return was_online_; }

private:
    enum class State {
        Offline,
        Plain,       // features before TLS, or the leave to begin it
        Handshake,   // TLS
        Secured,     // features with mechanisms
        Proving,     // SASL
        LoggedIn,    // features with bind
        Resuming,
        Binding,
        Online,
        Leaving,   // said so; what is on its way may still come
        Ending,
        Over,
    };

    void open_stream();
    void take(const xml::Element& element);
    void take_features(const xml::Element& features);
    void start_sasl();
    void take_sasl(const xml::Element& element);
    void take_sasl_failure(const xml::Element& failure);
    void bind();
    void take_resumption(const xml::Element& element);
    void take_bound(const xml::Element& iq);
    void take_management(const xml::Element& element);
    void take_stanza(const xml::Element& stanza);
    void take_iq(const xml::Element& iq);
    void take_stream_error(const xml::Element& error);
    void send(const xml::Element& element);
    void send_counted(const xml::Element& stanza);
    void announce();
    void leave();
    void fail(Failure failure);

    Login login_;
    Job& job_;
    std::function<std::string()> nonce_;
    xml::StreamParser parser_;
    State state_ = State::Offline;
    std::string out_, exporter_, address_, bind_id_;
    std::unique_ptr<ScramLogin> scram_;
    SaslOffer offer_;
    Management management_;
    bool is_managed_ = false;   // stanzas are counted
    bool was_online_ = false;
    bool has_untaken_ = false;   // messages came after the end of the job
    std::size_t stanza_bytes_max_;
    std::uint64_t next_id_ = 1;
    std::optional<Failure> failure_;
};

}   // namespace grid::gridctl::xmpp
