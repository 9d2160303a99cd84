// tests/bench/load/client_mqtt.cpp: the client that speaks MQTT instead of XMPP.
#include <cstdio>

#include "load/client.hpp"

namespace grid::bench {

// Returns how much of `input` it used up.
std::size_t Client::take_packets(std::string_view input) {
    std::size_t used = 0;
    while (step_ != Step::Closed) {
        const mqtt::Packet packet = mqtt::next_packet(input.substr(used));
        if (!packet.is_complete) break;
        used += packet.consumed;
        take(packet);
    }
    return used;
}

void Client::take(const mqtt::Packet& packet) {
    if (packet.type == mqtt::Type::Publish) {
        events_.on_stanza(*this, mqtt::payload_of(packet));
    } else if (packet.type == mqtt::Type::PublishAnswer) {
        // To those who listen it is as the answer of an XMPP server.
        char text[64];
        std::snprintf(
            text, sizeof text, "<iq type='result' id='p%08x'/>", mqtt::sequence_of(packet)
        );
        events_.on_stanza(*this, text);
    } else if (!mqtt::is_accepted(packet)) {
        fail("an MQTT packet of type " + std::to_string(static_cast<int>(packet.type)));
    } else if (packet.type == mqtt::Type::ConnectAnswer && !role_.empty()) {
        send(mqtt::subscribe(role_));
    } else {
        ready();
    }
}

}   // namespace grid::bench
