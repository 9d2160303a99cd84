// tests/unit/server/cluster/memory_links.hpp: connections between members in one process.
#pragma once

#include <boost/asio.hpp>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "server/cluster/links.hpp"

namespace grid::test {

/// The part that all members' links share: who is connected to whom. Frames go by way of the
/// context. One thread.
class MemoryLinks;
class Switchboard {
public:
    explicit Switchboard(boost::asio::io_context& context) : context_(context) {}

    void connect(storage::MemberId one, storage::MemberId other);
    /// Frames under way are lost.
    void cut(storage::MemberId one, storage::MemberId other);

    bool loses_frames = false;                   // they are said to be sent, and do not arrive
    std::size_t frames = 0;                      // that were sent
    std::size_t arrive_most = ~std::size_t{0};   // of these; the others are lost like that, too
    std::size_t largest = 0;                     // of their payloads

private:
    friend class MemoryLinks;
    using Pair = std::pair<storage::MemberId, storage::MemberId>;
    static Pair pair_of(storage::MemberId one, storage::MemberId other) {
        return std::minmax(one, other);
    }
    bool send(
        storage::MemberId from,
        storage::MemberId to,
        server::cluster::Channel channel,
        std::string payload
    );

    boost::asio::io_context& context_;
    std::map<storage::MemberId, MemoryLinks*> links_;
    std::map<Pair, std::size_t> connections_;   // each with a number
    std::size_t last_ = 0;
};

class MemoryLinks final : public server::cluster::Links {
public:
    MemoryLinks(Switchboard& board, server::cluster::Member self);
    ~MemoryLinks() override;
    MemoryLinks(const MemoryLinks&) = delete;

    void on(server::cluster::Channel channel, Receive receive) override {
        receive_[channel] = std::move(receive);
    }
    void on_changed(Changed changed) override { changed_.push_back(std::move(changed)); }
    void start() override {}
    void stop() override {}
    void set_members(std::vector<server::cluster::Member>) override {}
    bool send(storage::MemberId to, server::cluster::Channel channel, std::string payload)
        override {
        return !is_full && board_.send(self_.id, to, channel, std::move(payload));
    }
    std::vector<server::cluster::LinkStatus> status() const override { return {}; }
    std::string address() const override { return self_.address; }

    bool is_full = false;   // the queues are full

private:
    friend class Switchboard;
    Switchboard& board_;
    const server::cluster::Member self_;
    std::map<server::cluster::Channel, Receive> receive_;
    std::vector<Changed> changed_;
};

}   // namespace grid::test
