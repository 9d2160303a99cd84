// server/session/transport.hpp: the carrier of a session's stanzas, and a stanza on its way there.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "storage/batch.hpp"
#include "xml/stream_error.hpp"
#include "xml/writer.hpp"

namespace grid::server {

/// The carriers of a session's stanzas.
enum class TransportKind : std::uint8_t { StartTls, DirectTls, WebSocket, Bosh, Component };
/// "c2s", "c2s-tls", "websocket", "bosh", "component".
const char* to_string(TransportKind kind);

/// The end of a transport, from which the session's delivery position follows.
struct Delivered {
    /// The peer said goodbye: it has everything that was handed over.
    bool is_all = false;
    /// Otherwise: the last mark that reached it; 0: none.
    std::uint64_t mark = 0;
    /// The first item that was handed over and never sent, since the stream had ended; 0: none.
    storage::Revision lost_from = 0;
};

enum class StanzaKind : std::uint8_t {
    Message,
    Iq,
    Presence,
    Element,   // of the stream itself, with its own namespace: no stanza, not counted as one
    Framed,    // bytes that the transport's framer has written: the beginning or end of a stream
};
/// The address of its session that a stanza names.
enum class Address : std::uint8_t { None, Bare, Full };

/// A stanza to be sent, before its transport writes it (server/stream/framer.hpp). The text is
/// shared by all recipients: with an address it is what follows `<message to='…'`, without one the
/// whole stanza. It stands where `jabber:client` is the default namespace, and a stanza's name has
/// no prefix.
struct Outgoing {
    static constexpr int number_bits = 55;   // with all below it is one word
    /// Of `number`, below the time: messages of one millisecond are told apart.
    static constexpr int order_bits = 10;

    xml::Bytes text;
    std::uint64_t number : number_bits = 0;   // owed_from; of a relayed one sent_at, order
    StanzaKind kind : 3 = StanzaKind::Message;
    Address to : 2 = Address::None;
    bool is_item : 1 = false;      // an event with an item: may be left out, the store has it
    bool is_relayed : 1 = false;   // of another client, which hears when it is not delivered
    bool is_shared : 1 = false;    // relayed: other sessions of the account got it as well
    bool is_copied : 1 = false;    // relayed: and so is an error in answer to it (XEP-0280 §6.1)

    /// A message to one of the session's addresses.
    static Outgoing message(
        Address to, xml::Bytes rest, storage::Revision owed_from = 0, bool is_item = false
    ) {
        return {std::move(rest), owed_from, StanzaKind::Message, to, is_item};
    }
    /// A whole stanza of that kind, or an element.
    static Outgoing whole(StanzaKind kind, xml::Bytes text) {
        return {std::move(text), 0, kind, Address::None, false};
    }
    /// A whole stanza, by its name.
    static Outgoing stanza(xml::Bytes text) {
        const StanzaKind kind = text->starts_with("<iq")   ? StanzaKind::Iq
                                : text->starts_with("<me") ? StanzaKind::Message
                                                           : StanzaKind::Presence;
        return whole(kind, std::move(text));
    }
    /// A whole message of another client, from that time. `order`: among those of one millisecond.
    static Outgoing relayed(
        xml::Bytes text, storage::Millis sent_at, bool is_shared, std::uint64_t order = 0
    ) {
        auto message = whole(StanzaKind::Message, std::move(text));
        message.number =
            static_cast<std::uint64_t>(sent_at) << order_bits | (order & ((1U << order_bits) - 1));
        message.is_relayed = true;
        message.is_shared = is_shared;
        return message;
    }
    /// The first item that it tells of; 0: of none.
    storage::Revision owed_from() const { return is_relayed ? 0 : number; }
    storage::Millis sent_at() const { return is_relayed ? sent_at(number) : 0; }
    static storage::Millis sent_at(std::uint64_t number) {
        return static_cast<storage::Millis>(number >> order_bits);
    }
    bool is_stanza() const { return kind <= StanzaKind::Presence; }
    /// The bytes that a budget is charged for: about as many as on the wire, whatever transport it
    /// is.
    std::size_t bytes() const { return text->size() + (to == Address::None ? 0 : tag_bytes); }

    static constexpr std::size_t tag_bytes = 48;   // of `<message to='…'`
};

/// Every member may be called from any thread, and acts on the transport's own strand.
class Transport {
public:
    virtual ~Transport() = default;
    /// Queues in order; stanzas that are queued together leave together. `bytes` were taken from
    /// the session's budget and are given back as they leave; 0: another one gives them back.
    virtual void send(std::vector<Outgoing> stanzas, std::size_t bytes) = 0;
    /// Marks the stanzas so far with a number of the caller's, which only grows, and tells
    /// the newest such number whose stanzas the peer has read, as far as TCP tells.
    virtual void mark(std::uint64_t number, std::function<void(std::uint64_t reached)> done) = 0;
    /// Bytes that were queued and are not in the socket yet, about.
    virtual std::size_t unsent_bytes() const { return 0; }
    /// Sends the queued stanzas, then the error if there is one, then the end of the stream.
    virtual void close(std::optional<xml::StreamError> error) = 0;
};

}   // namespace grid::server
