// tests/bench/load/client.hpp: one XMPP client: connect, TLS, SASL EXTERNAL, bind, then stanzas.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "load/bench.hpp"
#include "load/framer.hpp"
#include "load/mqtt.hpp"
#include "load/nats.hpp"
#include "load/tls_socket.hpp"
#include "load/websocket.hpp"

namespace grid::bench {

class Client;

class ClientEvents {
public:
    virtual ~ClientEvents() = default;
    virtual void on_ready(Client& client) = 0;
    // A stanza after on_ready; the text lives until it returns.
    virtual void on_stanza(Client& client, std::string_view stanza) = 0;
    // After close(): the stream has ended.
    virtual void on_closed(Client& client) = 0;
    // The server refused or ended the stream, unasked. Throws, which ends the run, unless the load
    // is there to provoke it; after that the client is closed.
    virtual void on_lost(Client& client, const std::string& why);
};

// A session with stream management (XEP-0198), for a connection that goes on with it.
struct SessionToken {
    std::string id;              // empty: there is none
    std::uint32_t handled = 0;   // stanzas that came
    TlsSession tls = {};         // null: the next connection makes a full handshake
};

class Client : public Watcher {
public:
    // Starts to connect at once. `role` is the resource to bind, or the raw protocol's role, or the
    // MQTT topic or NATS subject to subscribe to, if any. With a token it resumes instead of
    // binding.
    Client(
        Bench& bench,
        ClientEvents& events,
        std::size_t index,
        std::string role,
        SessionToken token = {}
    );
    ~Client() override;

    // One element, or words of another protocol. Leaves at the end of this turn, together with what
    // else is sent in it.
    void send(std::string_view text);
    // Says </stream:stream> and waits for the server's.
    void close();
    // Ends the connection without a word.
    void abandon();

    std::size_t index() const { return index_; }
    const std::string& jid() const { return jid_; }
    std::string bare_jid() const { return jid_.substr(0, jid_.find('/')); }
    const SessionToken& token() const { return token_; }
    TlsSession tls_session() const { return socket_.session(); }
    bool has_resumed_tls() const { return socket_.is_resumed(); }
    bool is_ready() const { return step_ == Step::Ready; }
    bool is_closed() const { return step_ == Step::Closed; }
    std::uint64_t started_ns() const { return started_ns_; }
    std::uint64_t closing_ns() const { return closing_ns_; }

    void on_event(std::uint32_t events) override;
    void on_flush() override;

private:
    enum class Step {
        Connect,
        StartTls,
        Proceed,
        Handshake,
        Upgrade,
        Mechanisms,
        Sasl,
        Bind,
        Bound,
        Managed,
        Ready,
        Closing,
        Closed
    };

    void connected();
    void start_tls();
    void secured();
    void open_stream();
    void authenticate(std::string_view features);
    void read();
    std::size_t take_stanzas(std::string_view input);
    std::size_t take_packets(std::string_view input);
    void take(const mqtt::Packet& packet);
    std::size_t take_operations(std::string_view input);
    void take(const nats::Operation& operation);
    void introduce();
    void upgrade();
    std::size_t take_frames(std::string_view input);
    void take(const websocket::Frame& frame);
    // As it is, without a frame.
    void queue(std::string_view bytes);
    std::size_t take_input(std::string_view input);
    void ready();
    void take(std::string_view stanza);
    void take_bound(std::string_view stanza);
    void take_managed(std::string_view element);
    // Counts a stanza, answers <r/>. True: it was an element of stream management.
    bool count(std::string_view stanza);
    void ended(const std::string& why);
    void watch();
    void lost(const std::string& why);
    std::string described(const std::string& why) const;
    [[noreturn]] void fail(const std::string& why) const;

    Bench& bench_;
    ClientEvents& events_;
    std::size_t index_;
    std::string role_;
    TlsSocket socket_;
    SessionToken token_;
    std::string jid_;
    Step step_ = Step::Connect;
    bool stream_open_ = false;
    bool watching_writes_ = true;
    std::string unparsed_;
    std::string unsent_;
    std::uint64_t started_ns_;
    std::uint64_t closing_ns_ = 0;
};

}   // namespace grid::bench
