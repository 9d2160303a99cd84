// tests/bench/load/nats.cpp: lines of the NATS client protocol, and JetStream's JSON API on it.
#include "load/nats.hpp"

#include <charconv>
#include <stdexcept>

namespace grid::bench::nats {

namespace {

constexpr std::string_view line_end = "\r\n";
constexpr std::string_view request_name = "ask";

std::string_view last_word(std::string_view line, char before) {
    return line.substr(line.rfind(before) + 1);
}

template <typename Number>
bool read_number(std::string_view text, Number& into, int base = 10) {
    const char* const end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, into, base);
    return read.ec == std::errc() && read.ptr == end;
}

[[noreturn]] void throw_unknown(std::string_view line) {
    throw std::runtime_error("no operation of NATS: " + std::string(line));
}

// MSG <subject> <sid> [reply-to] <bytes>, then the payload and a line's end.
Operation message(std::string_view input, std::string_view line) {
    const std::size_t header = line.size() + line_end.size();
    std::size_t bytes = 0;
    if (!read_number(last_word(line, ' '), bytes)) throw_unknown(line);
    if (input.size() < header + bytes + line_end.size()) return {};
    const std::string_view rest = line.substr(4);
    return {
        true, Kind::Message, rest.substr(0, rest.find(' ')), input.substr(header, bytes),
        header + bytes + line_end.size()
    };
}

// The value of "name": in flat JSON without spaces; it ends at a comma or a bracket.
std::string_view json_value(std::string_view json, std::string_view name) {
    const std::string key = '"' + std::string(name) + "\":";
    const auto at = json.find(key);
    if (at == std::string_view::npos) return {};
    const std::string_view rest = json.substr(at + key.size());
    return rest.substr(0, rest.find_first_of(",}]"));
}

std::string request(std::size_t client, const std::string& subject, const std::string& body) {
    return "PUB " + subject + ' ' + std::string(own_inbox) + '.' + std::to_string(client) + '.' +
           std::string(request_name) + ' ' + std::to_string(body.size()) + "\r\n" + body + "\r\n";
}

}   // namespace

Operation next_operation(std::string_view input) {
    const auto end = input.find(line_end);
    if (end == std::string_view::npos) return {};
    const std::string_view line = input.substr(0, end);
    if (line.starts_with("MSG ")) return message(input, line);
    const std::size_t consumed = end + line_end.size();
    if (line == "PING") return {true, Kind::Ping, {}, line, consumed};
    if (line == "PONG") return {true, Kind::Pong, {}, line, consumed};
    if (line.starts_with("INFO ")) return {true, Kind::Info, {}, line, consumed};
    if (line.starts_with("-ERR")) return {true, Kind::Error, {}, line, consumed};
    throw_unknown(line);
}

std::string connect(std::string_view name) {
    return "CONNECT {\"verbose\":false,\"pedantic\":false,\"tls_required\":true,\"headers\":false,"
           "\"protocol\":1,\"lang\":\"c++\",\"version\":\"0\",\"name\":\"" +
           std::string(name) + "\"}\r\n";
}

std::string subscribe(std::string_view subject) { return "SUB " + std::string(subject) + " 1\r\n"; }

std::string inbox(std::size_t client) {
    return std::string(own_inbox) + '.' + std::to_string(client) + ".*";
}

std::string publish(std::string_view subject, std::string_view payload) {
    return "PUB " + std::string(subject) + ' ' + std::to_string(payload.size()) + "\r\n" +
           std::string(payload) + "\r\n";
}

std::string publish(
    std::string_view subject, std::string_view payload, std::size_t publisher, std::size_t& reply_at
) {
    std::string head = "PUB " + std::string(subject) + ' ' + std::string(own_inbox) + '.' +
                       std::to_string(publisher) + '.';
    reply_at = head.size();
    return head + "00000000 " + std::to_string(payload.size()) + "\r\n" + std::string(payload) +
           "\r\n";
}

std::string create_stream(std::size_t client, const std::string& name, std::size_t messages_max) {
    return request(
        client, "$JS.API.STREAM.CREATE." + name,
        "{\"name\":\"" + name + "\",\"subjects\":[\"" + name +
            "\"],\"storage\":\"file\",\"retention\":\"limits\",\"discard\":\"old\","
            "\"num_replicas\":1,\"max_msgs\":" +
            std::to_string(messages_max) + "}"
    );
}

std::string delete_stream(std::size_t client, const std::string& name) {
    return request(client, "$JS.API.STREAM.DELETE." + name, "");
}

std::string as_iq(const Operation& answer) {
    const std::string text(answer.text);
    const std::string_view id = last_word(answer.subject, '.');
    if (text.find("\"error\":") != std::string::npos)
        throw std::runtime_error("JetStream refused a request: " + text);
    if (id == request_name) return "<iq type='result' id='ask'/>";
    std::uint32_t sequence = 0, place = 0;
    if (!read_number(id, sequence, 16) || !read_number(json_value(text, "seq"), place))
        throw std::runtime_error("no acknowledgement of JetStream: " + text);
    if (place != sequence + 1)
        throw std::runtime_error(
            "publish " + std::to_string(sequence) + " was lost, doubled or overtaken: " + text
        );
    return "<iq type='result' id='p" + std::string(id) + "'/>";
}

}   // namespace grid::bench::nats
