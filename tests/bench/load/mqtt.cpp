// tests/bench/load/mqtt.cpp: packets of MQTT 3.1.1 (OASIS standard, section 3).
#include "load/mqtt.hpp"

namespace grid::bench::mqtt {

namespace {

constexpr std::uint32_t ids = 32768;

char byte(std::size_t value) { return static_cast<char>(value & 0xff); }

std::uint8_t at(std::string_view text, std::size_t where) {
    return static_cast<std::uint8_t>(text[where]);
}

std::size_t u16(std::string_view text, std::size_t where) {
    return static_cast<std::size_t>(at(text, where)) << 8 | at(text, where + 1);
}

void append_text(std::string& out, std::string_view text) {
    out += byte(text.size() >> 8);
    out += byte(text.size());
    out += text;
}

// 2.2.3: seven bits a byte, the lowest first.
std::string packet(Type type, unsigned flags, std::string_view body) {
    std::string out(1, byte(static_cast<unsigned>(type) << 4 | flags));
    std::size_t rest = body.size();
    do {
        out += byte((rest & 0x7f) | (rest > 0x7f ? 0x80u : 0u));
        rest >>= 7;
    } while (rest > 0);
    return out.append(body);
}

}   // namespace

std::string connect(std::string_view client_id) {
    std::string body;
    append_text(body, "MQTT");
    body += byte(4);   // 3.1.1
    body += byte(2);   // clean session
    body += byte(0);   // no keep-alive
    body += byte(0);
    append_text(body, client_id);
    return packet(Type::Connect, 0, body);
}

std::string subscribe(std::string_view topic) {
    std::string body{0, 1};
    append_text(body, topic);
    body += byte(0);
    return packet(Type::Subscribe, 2, body);
}

std::string disconnect() { return packet(Type::Disconnect, 0, {}); }

std::string publish(std::string_view topic, std::string_view payload, std::size_t& id_at) {
    std::string body;
    append_text(body, topic);
    const std::size_t id_in_body = body.size();
    body.append(2, '\0').append(payload);
    std::string out = packet(Type::Publish, 2, body);
    id_at = out.size() - body.size() + id_in_body;
    return out;
}

void put_id(std::string& packet, std::size_t where, std::uint32_t sequence) {
    const std::uint32_t id = sequence % ids + 1;
    packet[where] = byte(id >> 8);
    packet[where + 1] = byte(id);
}

Packet next_packet(std::string_view input) {
    Packet found;
    std::size_t length = 0;
    for (std::size_t i = 1; i < 5 && i < input.size(); ++i) {
        length |= static_cast<std::size_t>(at(input, i) & 0x7f) << (7 * (i - 1));
        if ((at(input, i) & 0x80) != 0) continue;
        if (input.size() < i + 1 + length) return found;
        found.is_complete = true;
        found.type = static_cast<Type>(at(input, 0) >> 4);
        found.flags = at(input, 0) & 15;
        found.body = input.substr(i + 1, length);
        found.consumed = i + 1 + length;
        return found;
    }
    return found;
}

std::string_view payload_of(const Packet& packet) {
    const std::size_t topic = packet.body.size() < 2 ? 0 : u16(packet.body, 0);
    return packet.body.size() < topic + 2 ? std::string_view() : packet.body.substr(topic + 2);
}

std::uint32_t sequence_of(const Packet& packet) {
    return packet.body.size() < 2 ? ids : static_cast<std::uint32_t>(u16(packet.body, 0) - 1);
}

bool is_accepted(const Packet& packet) {
    if (packet.type == Type::ConnectAnswer) return packet.body.size() == 2 && packet.body[1] == 0;
    return packet.type == Type::SubscribeAnswer && packet.body.size() == 3 && packet.body[2] == 0;
}

}   // namespace grid::bench::mqtt
