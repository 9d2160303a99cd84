// tests/unit/server/cluster/members.hpp: several members' links in one process, and a wire between
// them that can be cut.
#pragma once

#include <boost/asio.hpp>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "../tls/make_certificate.hpp"
#include "server/cluster/links.hpp"

namespace grid::test {

/// Waits for a condition, up to ten seconds.
bool comes_true(const std::function<bool()>& condition);

/// Carries connections to an address, until it is told to cut or to hold them.
class CutWire {
public:
    CutWire(boost::asio::io_context& io, const std::string& to);
    ~CutWire();
    CutWire(const CutWire&) = delete;
    CutWire& operator=(const CutWire&) = delete;

    std::string address() const;
    void cut();
    /// Held: what either side sends stays where it is.
    void hold(bool is_held);
    std::size_t accepted() const;

private:
    struct State;
    std::shared_ptr<State> state_;
};

/// One member, and what its links told.
class LinkedMember {
public:
    using Frame = std::pair<storage::MemberId, std::string>;
    using Change = std::pair<std::string, bool>;

    LinkedMember(std::shared_ptr<server::cluster::Links> links, server::cluster::Member self);

    server::cluster::Links& links() { return *links_; }
    /// As others are to know it.
    server::cluster::Member self() const { return self_; }
    std::vector<Frame> received() const;
    std::vector<Change> changes() const;
    bool is_up(const std::string& name) const;
    bool has_received(std::size_t frames) const { return received().size() >= frames; }

private:
    struct Heard {
        std::mutex mutex;
        std::vector<Frame> received;
        std::vector<Change> changes;
    };
    std::shared_ptr<Heard> heard_ = std::make_shared<Heard>();
    server::cluster::Member self_;
    std::shared_ptr<server::cluster::Links> links_;
};

/// A CA, and threads for the members.
class LinkedMembers {
public:
    LinkedMembers();
    ~LinkedMembers();
    LinkedMembers(const LinkedMembers&) = delete;
    LinkedMembers& operator=(const LinkedMembers&) = delete;

    using Adjust = std::function<void(server::cluster::LinksSettings&)>;
    /// Started; it knows nobody.
    LinkedMember& add(storage::MemberId id, const std::string& name, const Adjust& adjust = {});
    server::cluster::LinksSettings settings(storage::MemberId id, const std::string& name);
    /// Each is told of all.
    void meet();
    /// The threads end: no callback comes after it.
    void halt();

    static Certificate certify(
        const Certificate& ca, const std::string& name, long valid_seconds = 3600
    );

    boost::asio::io_context io;
    const TemporaryFiles files;
    const Certificate ca;
    server::Log log;
    std::list<LinkedMember> all;

private:
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
    std::vector<std::thread> threads_;
};

}   // namespace grid::test
