// tests/bench/load/options.hpp: the command line of gridload.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace grid::bench {

struct Options {
    std::string mode;
    std::string name = "server";   // the server's name in the report
    std::string server;            // IPv4 address:port
    std::string subscribers_at;    // of another member of its cluster; empty: the same
    std::string domain = "grid.localhost";
    std::string pubsub;   // default: pubsub.DOMAIN
    std::string certs;
    bool direct = false;      // TLS first, with ALPN (XEP-0368), instead of STARTTLS
    bool websocket = false;   // a WebSocket (RFC 7395) instead of STARTTLS; --server is HTTPS then
    bool raw = false;         // the floor's protocol instead of XMPP
    bool mqtt = false;        // MQTT 3.1.1 instead of XMPP: fanout only
    bool nats = false;        // NATS instead of XMPP; publishes of mode publish go to JetStream
    bool authzid = false;     // name the JID in SASL EXTERNAL instead of sending "="
    bool full_tls = false;    // mode resumptions: without TLS tickets
    bool managed = false;     // stream management (XEP-0198), with every <r/> answered
    bool presence = false;    // initial presence after bind
    bool bare = false;        // subscribe the bare JID (implies presence)
    int server_pid = 0;

    std::size_t clients = 100;
    std::size_t concurrency = 32;   // connections being made, or requests of the setup, at a time
    std::size_t publishers = 1;
    std::size_t subscribers = 100;
    std::size_t outstanding = 16;   // for each publisher or client
    bool window_delivered =
        true;                   // a publish is outstanding until everybody has it, or acknowledged
    std::size_t bytes = 1024;   // of the item's payload element
    bool persist = true;
    std::size_t items_max = 10;
    bool attributes = false;   // items have what filters ask about
    std::size_t filters = 0;   // mode fanout: so many at the node; each subscriber's own matches
    std::string access = "open";
    std::size_t nodes = 100;   // modes fill, mix
    std::size_t subscriptions = 0, items = 0;
    std::string flood = "pings";   // mode flood: with what
    std::size_t first = 0;         // mode flood: the first client's certificate
    bool shared_node = false;      // mode publish: one node for all instead of one each

    double seconds = 5;
    double warmup = 1;
    std::uint64_t publishes = 0;   // if not 0: exactly so many, no warm-up, instead of seconds
    double rate = 0;               // publishes per second, open loop; 0: as fast as the window lets
    double settle = 3;             // mode idle: wait before memory is read
    bool hibernate = false;        // mode idle: then cut off all clients, and read it again
    double drain = 60;             // wait at most so long for what is still under way
    double deadline = 300;         // for the whole run

    bool is_xmpp() const { return !raw && !mqtt && !nats; }
    // The role of clients that are all alike: their resource. NATS clients subscribe to nothing.
    std::string common_role() const { return nats ? "" : "load"; }
};

// Throws std::invalid_argument with a message for the user.
Options parse_options(int argc, char** argv);

std::string usage();

}   // namespace grid::bench
