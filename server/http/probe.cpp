// server/http/probe.cpp: see probe.hpp.
#include "server/http/probe.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/json.hpp>

#include "server/clock.hpp"
#include "server/guarded_run.hpp"
#include "server/http/answer.hpp"
#include "server/http/limits.hpp"
#include "server/http/request_form.hpp"
#include "server/net/deadline.hpp"
#include "server/net/entrance.hpp"
#include "server/net/from_callback.hpp"
#include "server/net/source.hpp"

namespace grid::server::http {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace fs = std::filesystem;
using boost::system::error_code;
using net::no_throw;
using Local = asio::local::stream_protocol;
using LocalAcceptor = asio::basic_socket_acceptor<Local, net::Strand>;

struct ProbeServer::Shared {
    Shared(asio::io_context& io, HttpBackend& to, Log& lines)
        : context(io), backend(to), log(lines), acceptor(asio::make_strand(io)) {}

    asio::io_context& context;
    HttpBackend& backend;
    Log& log;
    LocalAcceptor acceptor;
    fs::path file;
};

namespace {

using Shared = ProbeServer::Shared;
using Place = net::Entrance::Place;

std::shared_ptr<net::Entrance> make_entrance() {
    net::Entrance::Bounds bounds;
    bounds.all = bounds.strangers = {probes_max, "the number of probes at one time"};
    return std::make_shared<net::Entrance>(std::move(bounds));
}

asio::awaitable<Answer> answer_to(HttpBackend& backend, const Head& head, bool shows_metrics) {
    const auto admitted = admit_probe(head, shows_metrics);
    if (!admitted) co_return to_answer(admitted.error());
    Answer answer;
    answer.body = R"({"status":"ok"})";
    if (admitted->route == Route::Ready) answer = to_answer(backend.ready());
    if (admitted->route == Route::Metrics) {
        auto collected = co_await net::from_callback<controller::HttpResponse>([&](auto done) {
            backend.metrics(std::nullopt, std::move(done));
        });
        answer.body = std::move(collected.body);
        answer.type = std::move(collected.type);
    }
    answer.is_head = admitted->is_head;
    co_return answer;
}

/// The socket is shared with the one that may have to close it from outside.
template <class Socket>
asio::awaitable<void> serve(
    std::shared_ptr<Shared> shared, std::shared_ptr<Socket> socket, bool shows_metrics
) {
    net::Watchdog<net::Strand> watchdog(socket->get_executor(), probe_seconds_max, [socket] {
        error_code ignored;   // the descriptor is gone either way
        socket->close(ignored);
    });
    beast::flat_buffer buffer;
    beast::http::request_parser<beast::http::empty_body> parser;
    parser.header_limit(probe_bytes_max);
    auto [error, size] = co_await beast::http::async_read_header(*socket, buffer, parser, no_throw);
    Answer answer;
    const auto malformed = error ? std::nullopt : to_origin_form(parser.get(), "http");
    if (malformed) {
        answer = to_answer(*malformed);
    } else if (!error) {
        answer = co_await answer_to(shared->backend, parser.get(), shows_metrics);
    } else {
        const auto refusal = to_refusal(error);
        if (!refusal) co_return;
        answer = to_answer(*refusal);
    }
    const std::string bytes = to_bytes(answer, now());
    auto [unsent, sent] = co_await asio::async_write(*socket, asio::buffer(bytes), no_throw);
    if (unsent) co_return;
    error_code ignored;
    socket->shutdown(Socket::shutdown_send, ignored);
    // A body that was not asked for: closing on unread bytes could cost the peer the answer.
    while (true) {
        std::array<char, 1024> rest;
        auto [end, more] = co_await socket->async_read_some(asio::buffer(rest), no_throw);
        if (end) co_return;
    }
}

template <class Socket>
void take(
    const std::shared_ptr<Shared>& shared,
    net::Entrance& entrance,
    Socket accepted,
    const std::string& source,
    bool shows_metrics = false
) {
    auto place = entrance.enter(source).place;
    if (!place) return;
    auto socket = std::make_shared<Socket>(std::move(accepted));
    auto strand = socket->get_executor();
    place->on_displaced([socket = std::weak_ptr(socket), place = std::weak_ptr(place), strand] {
        asio::post(strand, [socket, place] {
            error_code ignored;
            if (const auto open = socket.lock()) open->close(ignored);
            if (const auto left = place.lock()) left->close();
        });
    });
    asio::co_spawn(
        strand, serve(shared, socket, shows_metrics),
        [shared, place](std::exception_ptr failure) {
            try {
                if (failure) std::rethrow_exception(failure);
            } catch (const std::exception& fault) {
                shared->log.error("probe_failed", {{"reason", fault.what()}});
            }
        }
    );
}

asio::awaitable<void> accept_local(std::shared_ptr<Shared> shared) {
    const auto entrance = make_entrance();
    asio::basic_waitable_timer<
        std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, net::Strand>
        pause(shared->acceptor.get_executor());
    while (shared->acceptor.is_open()) {
        auto strand = asio::make_strand(shared->context.get_executor());
        auto [error, socket] = co_await shared->acceptor.async_accept(strand, no_throw);
        if (!shared->acceptor.is_open()) co_return;
        if (!error) {
            guarded(shared->log, "probes", [&] { take(shared, *entrance, std::move(socket), ""); });
            continue;
        }
        pause.expires_after(std::chrono::milliseconds(100));   // no descriptors, for a while
        co_await pause.async_wait(no_throw);
    }
}

/// The address of a socket may have 107 bytes; a longer one is reached by its directory.
std::string address_of(const fs::path& file, int directory) {
    constexpr std::size_t bytes_max = 100;
    if (file.native().size() <= bytes_max) return file.native();
    return "/proc/self/fd/" + std::to_string(directory) + "/" + file.filename().native();
}

}   // namespace

ProbeServer::ProbeServer(asio::io_context& context, HttpBackend& backend, Log& log)
    : shared_(std::make_shared<Shared>(context, backend, log)) {}

ProbeServer::~ProbeServer() = default;

Result<void, std::string> ProbeServer::open_socket(const fs::path& data) {
    using Opened = Result<void, std::string>;
    const fs::path folder = data / "run";
    const fs::path file = folder / "health.sock";
    std::error_code failed;
    fs::create_directories(folder, failed);
    if (!failed) fs::remove(file, failed);
    error_code error;
    if (failed) error = failed;
    const int directory = ::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    const std::string address = address_of(file, directory);
    auto& acceptor = shared_->acceptor;
    if (!error) acceptor.open(Local(), error);
    if (!error) acceptor.bind(Local::endpoint(address), error);
    // Before the socket listens no client can connect, even under a wide umask.
    if (!error && ::chmod(address.c_str(), 0600) != 0)
        error = {errno, boost::system::system_category()};
    if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (directory >= 0) ::close(directory);
    if (error)
        return Opened(
            boost::system::in_place_error,
            "cannot make the socket " + file.string() + ": " + error.message()
        );
    shared_->file = file;
    return {};
}

void ProbeServer::start_socket() {
    asio::co_spawn(shared_->acceptor.get_executor(), accept_local(shared_), asio::detached);
}

void ProbeServer::start(net::Listener& listener, bool shows_metrics) {
    listener.start([shared = shared_, entrance = make_entrance(),
                    shows_metrics](net::Socket socket, const std::string& peer) {
        take(shared, *entrance, std::move(socket), net::source_of(peer), shows_metrics);
    });
}

void ProbeServer::close() {
    asio::dispatch(shared_->acceptor.get_executor(), [shared = shared_] {
        error_code ignored;   // closed twice is closed
        shared->acceptor.close(ignored);
        std::error_code gone;
        if (!shared->file.empty()) fs::remove(shared->file, gone);
    });
}

}   // namespace grid::server::http
