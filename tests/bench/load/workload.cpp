// tests/bench/load/workload.cpp: requests as text; the publish request is patched, not rebuilt.
#include "load/workload.hpp"

#include <unistd.h>

#include <chrono>
#include <stdexcept>

#include "load/filters.hpp"
#include "load/framer.hpp"
#include "load/mqtt.hpp"
#include "load/nats.hpp"

namespace grid::bench {

namespace {

constexpr std::string_view payload_open = "<alert xmlns='urn:x-grid:bench'>";
constexpr std::string_view payload_close = "</alert>";
constexpr std::string_view pubsub_ns = "http://jabber.org/protocol/pubsub";
constexpr std::size_t stamp_digits = 4 + 8 + 16;

void put_hex(std::string& text, std::size_t at, std::uint64_t value, std::size_t digits) {
    for (std::size_t i = digits; i-- > 0; value >>= 4)
        text[at + i] = "0123456789abcdef"[value & 15];
}

bool get_hex(std::string_view text, std::uint64_t& value) {
    value = 0;
    for (const char c : text) {
        const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (digit < 0) return false;
        value = value << 4 | static_cast<std::uint64_t>(digit);
    }
    return true;
}

std::string field(const std::string& name, const std::string& value) {
    return "<field var='pubsub#" + name + "'><value>" + value + "</value></field>";
}

std::string pubsub_set(
    const Options& options,
    const std::string& id,
    const std::string& content,
    const std::string& ns_suffix = ""
) {
    return "<iq type='set' id='" + id + "' to='" + options.pubsub + "'><pubsub xmlns='" +
           std::string(pubsub_ns) + ns_suffix + "'>" + content + "</pubsub></iq>";
}

// The payload of published items: printable text that is not all the same.
std::string filling(const Options& options, std::size_t bytes) {
    std::string text(options.attributes ? attributes_element : "");
    for (std::size_t i = text.size(); i < bytes; ++i)
        text += "incident report 0123456789 abcdefghijklmnopqrstuvwxyz "[(i * 7 + i / 53) % 54];
    return text;
}

}   // namespace

std::size_t stamped_bytes(std::size_t payload_bytes) {
    return payload_bytes - payload_open.size() - payload_close.size() - 2;
}

bool read_stamp(std::string_view at, std::size_t length, Stamp& into) {
    if (at.size() < length + 2 || at[length + 1] != '~') return false;
    std::uint64_t publisher = 0, sequence = 0;
    if (!get_hex(at.substr(1, 4), publisher) || !get_hex(at.substr(5, 8), sequence) ||
        !get_hex(at.substr(13, 16), into.time_ns))
        return false;
    into.publisher = static_cast<std::uint32_t>(publisher);
    into.sequence = static_cast<std::uint32_t>(sequence);
    return true;
}

void throw_damaged(std::string_view stanza) {
    throw std::runtime_error("an item arrived damaged: " + std::string(stanza));
}

PublishRequest::PublishRequest(
    const Options& options, std::uint32_t publisher, const std::string& node
)
    : publisher_(publisher) {
    const std::string payload = std::string(payload_open) + "~" + std::string(stamp_digits, '0') +
                                filling(options, stamped_bytes(options.bytes) - stamp_digits) +
                                "~" + std::string(payload_close);
    if (options.mqtt) {
        text_ = mqtt::publish(node, payload, packet_id_);
    } else if (options.nats) {
        text_ = options.mode == "publish" ? nats::publish(node, payload, publisher, iq_id_)
                                          : nats::publish(node, payload);
    } else if (options.raw) {
        // The message that gridd and its peers send to a subscriber, so that the floor moves the
        // same bytes.
        text_ = "<message from='" + options.pubsub + "' to='bench-00001@" + options.domain +
                "/load' type='headline'><event xmlns='" + std::string(pubsub_ns) +
                "#event'><items node='" + node + "'><item id='0000-00000000'>" + payload +
                "</item></items></event></message>\n";
    } else {
        text_ = pubsub_set(
            options, "p00000000",
            "<publish node='" + node + "'><item id='0000-00000000'>" + payload + "</item></publish>"
        );
        iq_id_ = text_.find("p00000000") + 1;
    }
    item_id_ = options.mqtt || options.nats ? 0 : text_.find("0000-00000000");
    stamp_ = text_.find('~') + 1;
    if (item_id_ != 0) put_hex(text_, item_id_, publisher_, 4);
    put_hex(text_, stamp_, publisher_, 4);
}

std::string_view PublishRequest::stamped(std::uint32_t sequence, std::uint64_t time_ns) {
    if (iq_id_ != 0) put_hex(text_, iq_id_, sequence, 8);
    if (item_id_ != 0) put_hex(text_, item_id_ + 5, sequence, 8);
    if (packet_id_ != 0) mqtt::put_id(text_, packet_id_, sequence);
    put_hex(text_, stamp_ + 4, sequence, 8);
    put_hex(text_, stamp_ + 12, time_ns, 16);
    return text_;
}

std::uint32_t acknowledged(std::string_view iq, const std::string& who) {
    const auto id = attribute(iq, "id");
    std::uint64_t sequence = 0;
    if (attribute(iq, "type") != "result" || id.size() != 9 || !get_hex(id.substr(1), sequence))
        throw std::runtime_error("a publish of " + who + " was refused: " + condition(iq));
    return static_cast<std::uint32_t>(sequence);
}

std::string create_node(const Options& options, const std::string& node) {
    return pubsub_set(
        options, "ask",
        "<create node='" + node +
            "'/><configure><x xmlns='jabber:x:data' type='submit'>"
            "<field var='FORM_TYPE' type='hidden'><value>" +
            std::string(pubsub_ns) + "#node_config</value></field>" +
            field("access_model", options.access) + field("publish_model", "open") +
            field("persist_items", options.persist ? "1" : "0") +
            field("max_items", std::to_string(options.items_max)) +
            field("send_last_published_item", "never") + "</x></configure>"
    );
}

std::string pubsub(const Options& options, bool set, const std::string& content) {
    return "<iq type='" + std::string(set ? "set" : "get") + "' id='ask' to='" + options.pubsub +
           "'><pubsub xmlns='" + std::string(pubsub_ns) + "'>" + content + "</pubsub></iq>";
}

std::string disco(
    const Options& options,
    const std::string& what,
    const std::string& node,
    const std::string& content
) {
    return "<iq type='get' id='ask' to='" + options.pubsub +
           "'><query xmlns='http://jabber.org/protocol/disco#" + what + "'" +
           (node.empty() ? "" : " node='" + node + "'") + ">" + content + "</query></iq>";
}

std::string delete_node(const Options& options, const std::string& node) {
    return pubsub_set(options, "ask", "<delete node='" + node + "'/>", "#owner");
}

std::string subscribe(const Options& options, const std::string& node, const std::string& jid) {
    return pubsub_set(options, "ask", "<subscribe node='" + node + "' jid='" + jid + "'/>");
}

std::string fresh_node_name() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return "bench-" + std::to_string(now / std::chrono::milliseconds(1)) + "-" +
           std::to_string(::getpid());
}

}   // namespace grid::bench
