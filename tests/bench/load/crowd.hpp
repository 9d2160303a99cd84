// tests/bench/load/crowd.hpp: many clients, brought up a bounded number at a time.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "load/client.hpp"
#include "load/histogram.hpp"

namespace grid::bench {

class Crowd : public ClientEvents {
public:
    using OnStanza = std::function<void(std::size_t number, Client& client, std::string_view)>;

    // Client `n` of the crowd has certificate `first` + n. All bind the resource `role`.
    Crowd(Bench& bench, std::string role, std::size_t first)
        : bench_(bench), role_(std::move(role)), first_(first) {}

    // Returns when all are ready.
    void connect(std::size_t count);
    // Each client sends one request, made by `iq` (its id must be "ask"); returns when all are
    // answered. An error answer ends the run.
    using Make = std::function<std::string(const Client&)>;
    void ask(const Make& iq) { ask(size(), bench_.options.concurrency, iq); }
    // The first `count` clients in turn, each after the other's answer (ejabberd's database fails
    // with "cyclic" locks when nodes are created at the same time).
    void ask_one_by_one(std::size_t count, const Make& iq) { ask(count, 1, iq); }
    // Cuts all connections off, without a word.
    void abandon();
    // Closes the streams; returns when all have ended, or after a few seconds.
    void close();

    std::size_t size() const { return clients_.size(); }
    Client& operator[](std::size_t number) { return *clients_[number]; }
    // Called for each stanza that is not the answer to ask.
    OnStanza on_other_stanza;
    const Histogram& login_latency() const { return login_latency_; }
    double connect_seconds() const { return connect_seconds_; }

    void on_ready(Client& client) override;
    void on_stanza(Client& client, std::string_view stanza) override;
    void on_closed(Client&) override { ++closed_; }

private:
    void ask(std::size_t count, std::size_t at_a_time, const Make& iq);

    Bench& bench_;
    std::string role_;
    std::size_t first_;
    std::vector<std::unique_ptr<Client>> clients_;
    std::size_t ready_ = 0;
    std::size_t answered_ = 0;
    std::size_t closed_ = 0;
    bool asking_ = false;
    double connect_seconds_ = 0;
    Histogram login_latency_;
};

}   // namespace grid::bench
