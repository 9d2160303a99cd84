// tests/bench/load/crowd.cpp: bringing clients up, asking them all, and closing them.
#include "load/crowd.hpp"

#include <stdexcept>

namespace grid::bench {

void Crowd::connect(std::size_t count) {
    const std::uint64_t begin = now_ns();
    clients_.reserve(count);
    while (ready_ < count) {
        while (clients_.size() < count && clients_.size() - ready_ < bench_.options.concurrency) {
            const std::size_t index = first_ + clients_.size();
            clients_.push_back(std::make_unique<Client>(bench_, *this, index, role_));
        }
        bench_.doing(
            "connecting, " + std::to_string(ready_) + " of " + std::to_string(count) + " are ready"
        );
        bench_.turn();
    }
    connect_seconds_ = seconds_between(begin, now_ns());
}

void Crowd::ask(std::size_t count, std::size_t at_a_time, const Make& iq) {
    asking_ = true;
    answered_ = 0;
    std::size_t asked = 0;
    while (answered_ < count) {
        for (; asked < count && asked - answered_ < at_a_time; ++asked)
            clients_[asked]->send(iq(*clients_[asked]));
        bench_.doing(
            "setting up, " + std::to_string(answered_) + " of " + std::to_string(count) +
            " were answered"
        );
        bench_.turn();
    }
    asking_ = false;
}

void Crowd::abandon() {
    for (auto& client : clients_) client->abandon();
}

void Crowd::close() {
    const std::uint64_t end = now_ns() + to_ns(5);
    for (auto& client : clients_) client->close();
    while (closed_ < clients_.size() && now_ns() < end) bench_.turn();
}

void Crowd::on_ready(Client& client) {
    ++ready_;
    login_latency_.record(now_ns() - client.started_ns());
}

void Crowd::on_stanza(Client& client, std::string_view stanza) {
    if (asking_ && stanza.starts_with("<iq") && attribute(stanza, "id") == "ask") {
        if (attribute(stanza, "type") != "result")
            throw std::runtime_error(
                bench_.options.name + " refused " + client.jid() + ": " + condition(stanza)
            );
        ++answered_;
    } else if (on_other_stanza) {
        on_other_stanza(client.index() - first_, client, stanza);
    }
}

}   // namespace grid::bench
