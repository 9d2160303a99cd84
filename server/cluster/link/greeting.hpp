// server/cluster/link/greeting.hpp: how two members come to know each other: TLS, the role in the
// certificate, hello.
#pragma once

#include <boost/asio.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "server/cluster/link/wire.hpp"
#include "server/cluster/member.hpp"
#include "server/tls/context.hpp"
#include "xml/result.hpp"

namespace grid::server::cluster {

/// The names under which a member makes itself known.
struct Introduction {
    std::string cluster, name;
    storage::MemberId id = 0;
};
std::string hello_frame(const Introduction& own, std::uint64_t connection);

// All on the wire's strand, within the deadline. Where they fail the connection is closed, and the
// other side has been told why where it can be told.

/// Why the other side's certificate is refused although its CA is the right one; empty: it is not.
using Objection = std::function<std::string(const SSL*)>;

/// TLS as the side that was connected to: the name of the member at the other end.
boost::asio::awaitable<Result<std::string, std::string>> shake_hands(
    std::shared_ptr<Wire> wire,
    tls::Context context,
    Objection objection,
    std::chrono::milliseconds deadline
);
/// The hello of that member; it is not answered yet.
boost::asio::awaitable<Result<Hello, std::string>> hear_hello(
    std::shared_ptr<Wire> wire,
    std::string certified,
    Introduction own,
    std::chrono::milliseconds deadline
);

/// Connects to a member, and has its answer.
boost::asio::awaitable<Result<std::shared_ptr<Wire>, std::string>> reach(
    net::Strand strand,
    tls::Context context,
    Objection objection,
    Introduction own,
    Member member,
    std::uint64_t connection,
    std::chrono::milliseconds deadline
);

/// Says why, and closes.
boost::asio::awaitable<void> refuse(std::shared_ptr<Wire> wire, std::string reason);

}   // namespace grid::server::cluster
