// tests/bench/load/nats.hpp: as much of NATS and JetStream as the workloads need.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace grid::bench::nats {

enum class Kind : std::uint8_t { Info, Message, Ping, Pong, Error };

// One operation of the server. The texts live as long as the input.
struct Operation {
    bool is_complete = false;
    Kind kind{};
    std::string_view subject;   // of a Message
    std::string_view text;      // the payload of a Message, else the line
    std::size_t consumed = 0;
};
// Throws std::runtime_error when the input is no operation.
Operation next_operation(std::string_view input);

inline constexpr std::string_view ping = "PING\r\n";
inline constexpr std::string_view pong = "PONG\r\n";

// No +OK for each operation, no headers: the cheapest for the server.
std::string connect(std::string_view name);
std::string subscribe(std::string_view subject);

// ---- requests and their answers ----

// As a role: the client subscribes to its own inbox, where answers come.
inline constexpr std::string_view own_inbox = "_INBOX";
// The subjects of all answers to client number `client`.
std::string inbox(std::size_t client);

// A publish without or, to a stream, with an answer to the inbox of client `publisher`: the last 8
// characters of the answer's subject, which begin at `reply_at`, tell the publish.
std::string publish(std::string_view subject, std::string_view payload);
std::string publish(
    std::string_view subject, std::string_view payload, std::size_t publisher, std::size_t& reply_at
);

// Asks for a stream of the subject of its own name, in files, that keeps the last `messages_max`.
std::string create_stream(std::size_t client, const std::string& name, std::size_t messages_max);
std::string delete_stream(std::size_t client, const std::string& name);

// The answer of JetStream as an XMPP server's: `<iq type='result' id='…'/>`, the id "p" and 8
// digits of a publish, "ask" of another request. Throws std::runtime_error when the answer is a
// refusal, or a publish has another place in the stream than behind all that its publisher sent
// before.
std::string as_iq(const Operation& answer);

}   // namespace grid::bench::nats
