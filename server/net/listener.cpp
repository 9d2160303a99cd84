// server/net/listener.cpp: one coroutine that accepts.
#include "server/net/listener.hpp"

#include <charconv>
#include <chrono>
#include <utility>

#include "server/net/deadline.hpp"

namespace grid::server::net {
namespace {

using tcp = asio::ip::tcp;
using Acceptor = asio::basic_socket_acceptor<tcp, Strand>;
using boost::system::error_code;

/// Long enough that a full server does not spin, short enough that no client notices.
constexpr std::chrono::milliseconds shortage_pause{100};

/// An IPv4 address that came in through a dual-stack socket reads as IPv4.
std::string to_text(const tcp::endpoint& endpoint) {
    auto address = endpoint.address();
    if (address.is_v6() && address.to_v6().is_v4_mapped())
        address = asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
    const std::string host =
        address.is_v6() ? "[" + address.to_string() + "]" : address.to_string();
    return host + ":" + std::to_string(endpoint.port());
}

bool is_shortage(const error_code& error) {
    return error == boost::system::errc::too_many_files_open ||
           error == boost::system::errc::too_many_files_open_in_system ||
           error == boost::system::errc::no_buffer_space ||
           error == boost::system::errc::not_enough_memory;
}

/// State shared by the coroutine and the Listener, which may be destroyed first.
struct Core {
    Core(asio::io_context& io, Acceptor bound)
        : context(io), acceptor(std::move(bound)), pause(acceptor.get_executor()) {}

    asio::io_context& context;
    Acceptor acceptor;
    asio::basic_waitable_timer<
        std::chrono::steady_clock,
        asio::wait_traits<std::chrono::steady_clock>,
        Strand>
        pause;
    Listener::Handler handler;
    Listener::Complaint complaint;
};

asio::awaitable<void> accept_loop(std::shared_ptr<Core> core) {
    bool is_short = false;
    while (core->acceptor.is_open()) {
        auto strand = asio::make_strand(core->context.get_executor());
        auto [error, socket] = co_await core->acceptor.async_accept(strand, no_throw);
        if (!core->acceptor.is_open()) co_return;
        if (!error) {
            is_short = false;
            error_code ignored;   // a connection that died already shows at its first read
            auto peer = socket.remote_endpoint(ignored);
            try {
                core->handler(std::move(socket), to_text(peer));
            } catch (const std::exception& fault) {   // the fault costs this connection only
                if (core->complaint) core->complaint(std::string("a fault: ") + fault.what());
            }
        } else if (is_shortage(error)) {
            if (!is_short && core->complaint)
                core->complaint("cannot accept connections: " + error.message());
            is_short = true;
            core->pause.expires_after(shortage_pause);
            co_await core->pause.async_wait(no_throw);
        }
        // Anything else concerns one connection that went before it was accepted (accept(2)).
    }
}

class TcpListener final : public Listener {
public:
    explicit TcpListener(std::shared_ptr<Core> core)
        : core_(std::move(core)), address_(to_text(core_->acceptor.local_endpoint())) {}
    ~TcpListener() override { close(); }

    std::string address() const override { return address_; }
    void start(Handler handler, Complaint complaint) override {
        core_->handler = std::move(handler);
        core_->complaint = std::move(complaint);
        asio::co_spawn(core_->acceptor.get_executor(), accept_loop(core_), asio::detached);
    }
    void close() override {
        asio::dispatch(core_->acceptor.get_executor(), [core = core_] {
            error_code ignored;   // closed twice is closed
            core->acceptor.close(ignored);
            core->pause.cancel();
        });
    }

private:
    std::shared_ptr<Core> core_;
    std::string address_;
};

}   // namespace

Result<Endpoint, std::string> parse_address(std::string_view text) {
    const auto fail = [text](const std::string& why) {
        return Result<Endpoint, std::string>(
            boost::system::in_place_error, "'" + std::string(text) +
                                               "' is not an address to listen on: " + why +
                                               "; write \"0.0.0.0:5222\" or \"[::]:5222\""
        );
    };
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) return fail("it has no port");
    auto host = text.substr(0, colon);
    const auto digits = text.substr(colon + 1);
    std::uint16_t port = 0;
    const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (digits.empty() || failure != std::errc{} || end != digits.data() + digits.size())
        return fail("'" + std::string(digits) + "' is no port from 0 to 65535");
    const bool is_bracketed = host.starts_with('[') && host.ends_with(']');
    if (is_bracketed) host = host.substr(1, host.size() - 2);
    error_code error;
    const auto address = asio::ip::make_address(std::string(host), error);
    if (error) return fail("'" + std::string(host) + "' is no IP address");
    if (address.is_v6() != is_bracketed)
        return fail("only an address of IPv6 stands in brackets, and always");
    return Endpoint(address, port);
}

Result<std::unique_ptr<Listener>, std::string> Listener::open(
    asio::io_context& context, const std::string& address
) {
    using Opened = Result<std::unique_ptr<Listener>, std::string>;
    const auto endpoint = parse_address(address);
    if (!endpoint) return Opened(boost::system::in_place_error, endpoint.error());
    Acceptor acceptor(asio::make_strand(context.get_executor()));
    error_code error;
    acceptor.open(endpoint->protocol(), error);
    if (!error) acceptor.set_option(Acceptor::reuse_address(true), error);
    if (!error && endpoint->address() == asio::ip::address_v6::any())
        acceptor.set_option(asio::ip::v6_only(false), error);   // [::] takes IPv4 too
    if (!error) acceptor.bind(*endpoint, error);
    if (!error) acceptor.listen(Acceptor::max_listen_connections, error);
    if (error)
        return Opened(
            boost::system::in_place_error, "cannot listen on " + address + ": " + error.message()
        );
    return std::unique_ptr<Listener>(
        new TcpListener(std::make_shared<Core>(context, std::move(acceptor)))
    );
}

}   // namespace grid::server::net
