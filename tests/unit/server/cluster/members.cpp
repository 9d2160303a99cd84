// tests/unit/server/cluster/members.cpp: see members.hpp.
#include "members.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <stdexcept>

#include "server/net/listener.hpp"

namespace grid::test {

namespace asio = boost::asio;
using asio::ip::tcp;
using server::cluster::Links;
using server::cluster::LinksSettings;
using server::cluster::Member;

bool comes_true(const std::function<bool()>& condition) {
    using namespace std::chrono_literals;
    const auto until = std::chrono::steady_clock::now() + 10s;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > until) return false;
        std::this_thread::yield();
    }
    return true;
}

/// Everything on one strand.
struct CutWire::State : std::enable_shared_from_this<State> {
    using Strand = asio::strand<asio::io_context::executor_type>;
    struct End {
        explicit End(const Strand& strand) : socket(strand) {}
        asio::basic_stream_socket<tcp, Strand> socket;
        std::array<char, 65'536> buffer{};
        bool waits_for_hold = false;
    };
    using EndPtr = std::shared_ptr<End>;

    State(asio::io_context& io, tcp::endpoint target)
        : strand(asio::make_strand(io.get_executor())),
          acceptor(strand, tcp::endpoint(asio::ip::address_v4::loopback(), 0)),
          to(std::move(target)) {}

    void accept() {
        const auto from = std::make_shared<End>(strand), on = std::make_shared<End>(strand);
        acceptor.async_accept(
            from->socket,
            [self = shared_from_this(), from, on](boost::system::error_code error) {
                if (error) return;
                ++self->accepted;
                on->socket.connect(self->to, error);
                if (!error) {
                    self->pairs.emplace_back(from, on);
                    self->carry(from, on);
                    self->carry(on, from);
                }
                self->accept();
            }
        );
    }

    void carry(const EndPtr& from, const EndPtr& on) {
        if (is_held) {
            from->waits_for_hold = true;
            return;
        }
        from->socket.async_read_some(
            asio::buffer(from->buffer),
            [self = shared_from_this(), from,
             on](boost::system::error_code error, std::size_t size) {
                if (error) return end(*from, *on);
                asio::async_write(
                    on->socket, asio::buffer(from->buffer, size),
                    [self, from, on](boost::system::error_code failed, std::size_t) {
                        if (failed) return end(*from, *on);
                        self->carry(from, on);
                    }
                );
            }
        );
    }

    static void end(End& one, End& other) {
        boost::system::error_code ignored;
        one.socket.close(ignored);
        other.socket.close(ignored);
    }
    void cut() {
        for (const auto& [one, other] : pairs) end(*one, *other);
        pairs.clear();
    }
    void hold(bool held) {
        is_held = held;
        if (held) return;
        for (const auto& [one, other] : pairs) {
            if (std::exchange(one->waits_for_hold, false)) carry(one, other);
            if (std::exchange(other->waits_for_hold, false)) carry(other, one);
        }
    }

    Strand strand;
    asio::basic_socket_acceptor<tcp, Strand> acceptor;
    tcp::endpoint to;
    std::atomic<std::size_t> accepted = 0;
    std::vector<std::pair<EndPtr, EndPtr>> pairs;
    bool is_held = false;
};

CutWire::CutWire(asio::io_context& io, const std::string& to)
    : state_(std::make_shared<State>(io, *server::net::parse_address(to))) {
    asio::post(state_->strand, [state = state_] { state->accept(); });
}

CutWire::~CutWire() {
    asio::post(state_->strand, [state = state_] {
        boost::system::error_code ignored;
        state->acceptor.close(ignored);
        state->cut();
    });
}

std::string CutWire::address() const {
    return "127.0.0.1:" + std::to_string(state_->acceptor.local_endpoint().port());
}

void CutWire::cut() {
    asio::post(state_->strand, [state = state_] { state->cut(); });
}

void CutWire::hold(bool is_held) {
    asio::post(state_->strand, [state = state_, is_held] { state->hold(is_held); });
}

std::size_t CutWire::accepted() const { return state_->accepted; }

LinkedMember::LinkedMember(std::shared_ptr<Links> links, Member self)
    : self_(std::move(self)), links_(std::move(links)) {
    using server::cluster::Channel;
    self_.address = links_->address();
    links_->on(Channel::Stanza, [heard = heard_](storage::MemberId from, std::string payload) {
        const std::lock_guard lock(heard->mutex);
        heard->received.emplace_back(from, std::move(payload));
    });
    links_->on_changed([heard = heard_](const Member& member, bool is_up) {
        const std::lock_guard lock(heard->mutex);
        heard->changes.emplace_back(member.name, is_up);
    });
    links_->start();
}

std::vector<LinkedMember::Frame> LinkedMember::received() const {
    const std::lock_guard lock(heard_->mutex);
    return heard_->received;
}

std::vector<LinkedMember::Change> LinkedMember::changes() const {
    const std::lock_guard lock(heard_->mutex);
    return heard_->changes;
}

bool LinkedMember::is_up(const std::string& name) const {
    for (const auto& status : links_->status())
        if (status.member.name == name) return status.is_up;
    return false;
}

LinkedMembers::LinkedMembers()
    : ca(make_ca("cluster CA")),
      log(server::LogSettings{"off", "text"}),
      work_(asio::make_work_guard(io)) {
    for (int i = 0; i < 2; ++i) threads_.emplace_back([this] { io.run(); });
}

LinkedMembers::~LinkedMembers() { halt(); }

void LinkedMembers::halt() {
    io.stop();
    for (std::thread& thread : threads_)
        if (thread.joinable()) thread.join();
}

Certificate LinkedMembers::certify(
    const Certificate& ca, const std::string& name, long valid_seconds
) {
    Spec spec;
    spec.not_after = valid_seconds;
    spec.common_names = {};
    spec.usage = "clientAuth,serverAuth";
    spec.extensions = {{"subjectAltName", "URI:urn:gridd:member:" + name}};
    return make(spec, &ca);
}

LinksSettings LinkedMembers::settings(storage::MemberId id, const std::string& name) {
    const Certificate own = certify(ca, name);
    LinksSettings settings;
    settings.listen = "127.0.0.1:0";
    settings.certificate = files.write(name + ".crt", to_pem(own.certificate.get()));
    settings.key = files.write(name + ".key", to_pem(own.key.get()));
    settings.ca = files.write("ca.crt", to_pem(ca.certificate.get()));
    settings.cluster = "test";
    settings.self.id = id;
    settings.self.name = name;
    return settings;
}

LinkedMember& LinkedMembers::add(
    storage::MemberId id, const std::string& name, const Adjust& adjust
) {
    LinksSettings wanted = settings(id, name);
    if (adjust) adjust(wanted);
    auto links = server::cluster::make_links(io, wanted, log);
    if (!links) throw std::runtime_error(links.error());
    return all.emplace_back(std::move(*links), wanted.self);
}

void LinkedMembers::meet() {
    std::vector<Member> members;
    for (const LinkedMember& member : all) members.push_back(member.self());
    for (LinkedMember& member : all) member.links().set_members(members);
}

}   // namespace grid::test
