// server/cluster/link/greeting.cpp: see greeting.hpp.
#include "server/cluster/link/greeting.hpp"

#include <tuple>
#include <utility>

#include "server/cluster/link/tls.hpp"
#include "server/net/deadline.hpp"

namespace grid::server::cluster {

namespace asio = boost::asio;
using net::no_throw;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds goodbye_time_max{1'000};

template <class T>
Result<T, std::string> not_greeted(std::string why) {
    return {boost::system::in_place_error, std::move(why)};
}

std::string in_time(milliseconds deadline) {
    return " within " + std::to_string(deadline.count()) + " ms";
}

/// Why that hello is not of this cluster, of a version that is spoken here, or of the member that
/// the certificate is for. Empty: it is.
std::string why_foreign(const Hello& hello, const Introduction& own, const std::string& certified) {
    if (hello.newest < link_version_oldest || hello.oldest > link_version_newest)
        return "it speaks the versions " + std::to_string(hello.oldest) + " to " +
               std::to_string(hello.newest) + " of the links' protocol, and " + own.name + " " +
               std::to_string(link_version_oldest) + " to " + std::to_string(link_version_newest) +
               ": install the same version of gridd on all members";
    if (hello.cluster != own.cluster)
        return "it is of the cluster " + hello.cluster + ", and this member of " + own.cluster;
    if (hello.name != certified)
        return "it says that it is " + hello.name + ", and its certificate is of " + certified;
    if (hello.id == own.id || hello.name == own.name)
        return "it has the name of this member: each needs a cluster.member of its own";
    return {};
}

/// "192.0.2.1:5290", "[2001:db8::1]:5290", "member-a.example:5290".
std::pair<std::string, std::string> host_and_port(const std::string& address) {
    const auto colon = address.rfind(':');
    if (colon == std::string::npos) return {address, {}};
    std::string host = address.substr(0, colon);
    if (host.size() > 2 && host.front() == '[' && host.back() == ']')
        host = host.substr(1, host.size() - 2);
    return {std::move(host), address.substr(colon + 1)};
}

/// The answer to this side's hello. Empty: it is that member.
std::string why_not(
    const Frame& frame, const Member& member, const Introduction& own, std::uint64_t connection
) {
    if (const auto reason = decode_bye(frame.payload)) return "it refuses: " + *reason;
    const auto hello = decode_hello(frame.payload);
    if (frame.channel != link_channel || !hello) return "it does not answer with a hello";
    if (auto why = why_foreign(*hello, own, member.name); !why.empty()) return why;
    if (hello->id != member.id) return "at its address is another start of it";
    if (hello->connection != connection) return "it answers to another connection";
    return {};
}

/// A connection that is being made, and its end in time.
struct Reaching {
    explicit Reaching(const net::Strand& strand) : resolver(strand), socket(strand) {}

    asio::ip::basic_resolver<asio::ip::tcp, net::Strand> resolver;
    net::Socket socket;
    std::shared_ptr<Wire> wire;   // in the socket's place

    void abort() {
        resolver.cancel();
        boost::system::error_code ignored;
        socket.close(ignored);
        if (wire) wire->stream().abort();
    }
};

/// Empty: it is connected.
asio::awaitable<std::string> connect_to(std::shared_ptr<Reaching> to, std::string address) {
    const auto [host, port] = host_and_port(address);
    auto [unresolved, ends] = co_await to->resolver.async_resolve(host, port, no_throw);
    if (unresolved) co_return "it is not found: " + unresolved.message();
    boost::system::error_code failed = asio::error::host_not_found;
    for (const auto& end : ends) {
        boost::system::error_code ignored;
        to->socket.close(ignored);
        std::tie(failed) = co_await to->socket.async_connect(end.endpoint(), no_throw);
        if (!failed || failed == asio::error::operation_aborted) break;
    }
    if (failed) co_return "it cannot be reached: " + failed.message();
    to->wire = std::make_shared<Wire>(std::move(to->socket));
    co_return "";
}

/// Empty: it is the member.
asio::awaitable<std::string> be_certain(
    std::shared_ptr<Wire> wire,
    tls::Context context,
    Objection objection,
    std::string name,
    milliseconds deadline
) {
    if (co_await wire->stream().handshake(context.get(), deadline))
        co_return "TLS: " + wire->stream().failure();
    const auto certified = member_of(wire->stream().ssl());
    if (!certified) co_return "its certificate is not for a member: " + certified.error();
    if (*certified != name) co_return "its certificate is of the member " + *certified;
    co_return objection(wire->stream().ssl());
}

}   // namespace

std::string hello_frame(const Introduction& own, std::uint64_t connection) {
    Hello hello;
    hello.cluster = own.cluster;
    hello.name = own.name;
    hello.id = own.id;
    hello.connection = connection;
    return make_frame(link_channel, encode(hello));
}

asio::awaitable<void> refuse(std::shared_ptr<Wire> wire, std::string reason) {
    net::TlsStream& stream = wire->stream();
    {
        net::Watchdog watchdog(stream.get_executor(), goodbye_time_max, [&] { stream.abort(); });
        co_await wire->write(make_frame(link_channel, encode_bye(reason)));
    }
    co_await stream.close(goodbye_time_max);
}

asio::awaitable<Result<std::string, std::string>> shake_hands(
    std::shared_ptr<Wire> wire, tls::Context context, Objection objection, milliseconds deadline
) {
    net::TlsStream& stream = wire->stream();
    if (co_await stream.handshake(context.get(), deadline)) {
        std::string why = "TLS: " + stream.failure();
        co_await stream.close(goodbye_time_max);
        co_return not_greeted<std::string>(std::move(why));
    }
    auto name = member_of(stream.ssl());
    std::string why =
        name ? objection(stream.ssl()) : "its certificate is not for a member: " + name.error();
    if (!why.empty()) {
        co_await refuse(wire, why);
        co_return not_greeted<std::string>(std::move(why));
    }
    co_return name;
}

asio::awaitable<Result<Hello, std::string>> hear_hello(
    std::shared_ptr<Wire> wire, std::string certified, Introduction own, milliseconds deadline
) {
    net::TlsStream& stream = wire->stream();
    std::optional<Frame> frame;
    bool is_late = false;
    {
        net::Watchdog watchdog(stream.get_executor(), deadline, [&] { stream.abort(); });
        frame = co_await wire->read_frame();
        is_late = watchdog.has_expired();
    }
    if (is_late) co_return not_greeted<Hello>("it says no hello" + in_time(deadline));
    const auto hello =
        frame && frame->channel == link_channel ? decode_hello(frame->payload) : std::nullopt;
    std::string why;
    if (hello)
        why = why_foreign(*hello, own, certified);
    else if (frame || wire->is_broken())
        why = "its first frame is no hello";
    else
        why = wire->failure();
    if (why.empty()) co_return *hello;
    co_await refuse(wire, why);
    co_return not_greeted<Hello>(std::move(why));
}

asio::awaitable<Result<std::shared_ptr<Wire>, std::string>> reach(
    net::Strand strand,
    tls::Context context,
    Objection objection,
    Introduction own,
    Member member,
    std::uint64_t connection,
    milliseconds deadline
) {
    const auto to = std::make_shared<Reaching>(strand);
    net::Watchdog<net::Strand> watchdog(strand, deadline, [to] { to->abort(); });
    const auto failed = [&](std::string why) {
        to->abort();
        if (watchdog.has_expired()) why = "it does not answer" + in_time(deadline);
        return not_greeted<std::shared_ptr<Wire>>(std::move(why));
    };
    if (auto why = co_await connect_to(to, member.address); !why.empty()) co_return failed(why);
    if (watchdog.has_expired()) co_return failed({});
    const auto wire = to->wire;
    auto why =
        co_await be_certain(wire, std::move(context), std::move(objection), member.name, deadline);
    if (!why.empty()) co_return failed(why);
    if (!co_await wire->write(hello_frame(own, connection))) co_return failed(wire->failure());
    const auto frame = co_await wire->read_frame();
    if (!frame || watchdog.has_expired()) co_return failed(wire->failure());
    why = why_not(*frame, member, own, connection);
    if (!why.empty()) co_return failed(why);
    co_return wire;
}

}   // namespace grid::server::cluster
