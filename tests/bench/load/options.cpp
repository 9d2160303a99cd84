// tests/bench/load/options.cpp: one table of options.
#include "load/options.hpp"

#include <functional>
#include <map>
#include <stdexcept>

namespace grid::bench {

namespace {

struct Option {
    bool has_value;
    const char* help;
    std::function<void(Options&, const std::string&)> set;
};

template <typename T>
Option value(T Options::* field, const char* help) {
    return {true, help, [field](Options& options, const std::string& text) {
                std::size_t used = 0;
                const double number = std::stod(text, &used);
                if (used != text.size() || number < 0) throw std::invalid_argument(text);
                options.*field = static_cast<T>(number);
            }};
}

Option value(std::string Options::* field, const char* help) {
    return {true, help, [field](Options& options, const std::string& text) {
                options.*field = text;
            }};
}

Option flag(bool Options::* field, bool to, const char* help) {
    return {false, help, [field, to](Options& options, const std::string&) {
                options.*field = to;
            }};
}

const std::map<std::string, Option>& table() {
    static const std::map<std::string, Option> options{
        {"--access", value(&Options::access, "access model of the node")},
        {"--attributes", flag(&Options::attributes, true, "items have what filters ask about")},
        {"--authzid", flag(&Options::authzid, true, "name the JID in SASL EXTERNAL")},
        {"--bare", flag(&Options::bare, true, "subscribe bare JIDs, with presence")},
        {"--bytes", value(&Options::bytes, "size of an item's payload")},
        {"--certs", value(&Options::certs, "directory made by benchcerts")},
        {"--clients", value(&Options::clients, "logins, idle, ping: how many")},
        {"--concurrency", value(&Options::concurrency, "connections being made at a time")},
        {"--deadline", value(&Options::deadline, "seconds for the whole run")},
        {"--direct", flag(&Options::direct, true, "direct TLS instead of STARTTLS")},
        {"--domain", value(&Options::domain, "domain of the server")},
        {"--drain", value(&Options::drain, "seconds to wait for what is under way at the end")},
        {"--filters", value(&Options::filters, "fanout: subscribe by so many filters in all")},
        {"--hibernate", flag(&Options::hibernate, true, "idle: then cut off all clients")},
        {"--managed", flag(&Options::managed, true, "stream management (XEP-0198)")},
        {"--max-items", value(&Options::items_max, "pubsub#max_items")},
        {"--mqtt", flag(&Options::mqtt, true, "fanout: MQTT 3.1.1 instead of XMPP")},
        {"--name", value(&Options::name, "what the report calls the server")},
        {"--nats", flag(&Options::nats, true, "NATS instead of XMPP; publish: JetStream")},
        {"--no-persist", flag(&Options::persist, false, "pubsub#persist_items=0")},
        {"--full-tls", flag(&Options::full_tls, true, "resumptions: a full TLS handshake each")},
        {"--first", value(&Options::first, "flood: number of the first client's certificate")},
        {"--flood",
         value(&Options::flood, "flood: pings, publishes, disco, malformed or subscribes")},
        {"--items", value(&Options::items, "fill: how many items to publish")},
        {"--nodes", value(&Options::nodes, "fill, mix: how many nodes there are")},
        {"--subscribers-at",
         value(&Options::subscribers_at, "fanout: address:port of another member")},
        {"--subscriptions", value(&Options::subscriptions, "fill: how many to make")},
        {"--outstanding", value(&Options::outstanding, "publishes or pings under way, each")},
        {"--presence", flag(&Options::presence, true, "send initial presence")},
        {"--publishers", value(&Options::publishers, "publish, fanout: how many")},
        {"--publishes", value(&Options::publishes, "publish so many instead of --seconds")},
        {"--pubsub", value(&Options::pubsub, "pubsub service, default pubsub.DOMAIN")},
        {"--rate", value(&Options::rate, "publishes per second instead of as fast as it goes")},
        {"--raw", flag(&Options::raw, true, "the protocol of floor_fanout")},
        {"--seconds", value(&Options::seconds, "measure so long")},
        {"--server", value(&Options::server, "IPv4 address:port")},
        {"--server-pid", value(&Options::server_pid, "process to account CPU and memory of")},
        {"--settle", value(&Options::settle, "idle: seconds before memory is read")},
        {"--shared-node", flag(&Options::shared_node, true, "publish: one node for all")},
        {"--subscribers", value(&Options::subscribers, "fanout: how many")},
        {"--warmup", value(&Options::warmup, "seconds before measuring")},
        {"--websocket", flag(&Options::websocket, true, "a WebSocket instead of STARTTLS")},
        {"--window-ack", flag(
                             &Options::window_delivered, false,
                             "fanout: outstanding until acknowledged, not until delivered"
                         )},
    };
    return options;
}

void check(const Options& options) {
    if (options.server.find(':') == std::string::npos)
        throw std::invalid_argument("--server ADDRESS:PORT is needed");
    if (options.certs.empty()) throw std::invalid_argument("--certs DIRECTORY is needed");
    if (options.bytes < 128 || options.bytes > 60000)
        throw std::invalid_argument("--bytes must be between 128 and 60000");
    if (options.nodes == 0 || options.clients == 0 || options.concurrency == 0 ||
        options.publishers == 0 || options.outstanding == 0)
        throw std::invalid_argument("a count must not be 0");
    if (options.outstanding > 1024) throw std::invalid_argument("--outstanding is at most 1024");
    if (options.mqtt && options.mode != "fanout" && options.mode != "logins")
        throw std::invalid_argument("--mqtt is for fanout");
    if (options.nats && (options.mode == "fill" || options.mode == "mix" || options.shared_node))
        throw std::invalid_argument("--nats is for nodes of one publisher each");
    if (options.websocket && (options.direct || !options.is_xmpp() || options.mode == "flood"))
        throw std::invalid_argument("--websocket is a way of its own, for whole elements");
    if (options.filters > 0 && (!options.is_xmpp() || !options.attributes))
        throw std::invalid_argument("--filters needs --attributes, and a server of ours");
    if (options.attributes && options.bytes < 512)
        throw std::invalid_argument("--attributes needs --bytes of at least 512");
    if (options.publishers > 0xffff) throw std::invalid_argument("too many publishers");
}

}   // namespace

Options parse_options(int argc, char** argv) {
    Options options;
    if (argc < 2) throw std::invalid_argument("which mode?");
    options.mode = argv[1];
    for (int i = 2; i < argc; ++i) {
        const std::string name = argv[i];
        const auto found = table().find(name);
        if (found == table().end()) throw std::invalid_argument("unknown option " + name);
        std::string text;
        if (found->second.has_value) {
            if (i + 1 >= argc) throw std::invalid_argument(name + " needs a value");
            text = argv[++i];
        }
        try {
            found->second.set(options, text);
        } catch (const std::logic_error&) {
            throw std::invalid_argument(name + " " + text + " is not a number");
        }
    }
    if (options.pubsub.empty()) options.pubsub = "pubsub." + options.domain;
    if (options.bare) options.presence = true;
    if (options.hibernate || options.mode == "resumptions") options.managed = true;
    check(options);
    return options;
}

std::string usage() {
    std::string text =
        "gridload logins|resumptions|idle|ping|publish|fanout|fill|mix|flood|quiet --server "
        "ADDRESS:PORT "
        "--certs DIR "
        "[options]\n";
    for (const auto& [name, option] : table()) {
        std::string line = "  " + name + (option.has_value ? " X" : "");
        line.resize(22, ' ');
        text += line + option.help + "\n";
    }
    return text;
}

}   // namespace grid::bench
