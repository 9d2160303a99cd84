// tests/bench/load/mqtt.hpp: as much of MQTT 3.1.1 as a fan-out needs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace grid::bench::mqtt {

enum class Type : std::uint8_t {
    Connect = 1,
    ConnectAnswer = 2,
    Publish = 3,
    PublishAnswer = 4,
    Subscribe = 8,
    SubscribeAnswer = 9,
    Disconnect = 14
};

// Clean session, no will, no password: who the client is says its certificate.
std::string connect(std::string_view client_id);
std::string subscribe(std::string_view topic);   // QoS 0
std::string disconnect();
// QoS 1. Where the packet's identifier stands is in `id_at`.
std::string publish(std::string_view topic, std::string_view payload, std::size_t& id_at);

// Identifiers are 1 to 32,768, so that they tell apart what is under way, and count in step with
// sequence numbers.
void put_id(std::string& packet, std::size_t at, std::uint32_t sequence);

struct Packet {
    bool is_complete = false;
    Type type{};
    std::uint8_t flags = 0;
    std::string_view body;
    std::size_t consumed = 0;
};
Packet next_packet(std::string_view input);

// Of a Publish with QoS 0.
std::string_view payload_of(const Packet& packet);
// Of a PublishAnswer: the sequence number, its lowest 15 bits.
std::uint32_t sequence_of(const Packet& packet);
// Of a ConnectAnswer or SubscribeAnswer.
bool is_accepted(const Packet& packet);

}   // namespace grid::bench::mqtt
