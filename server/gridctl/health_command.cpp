// server/gridctl/health_command.cpp: `health`: does the gridd of this data directory, or elsewhere,
// answer?
#include "server/gridctl/doctor/probe.hpp"
#include "server/gridctl/target.hpp"
#include "server/pki/layout.hpp"

namespace grid::gridctl {
namespace {

void health_elsewhere(const std::string& server, std::chrono::steady_clock::time_point until) {
    const std::string port = port_of(server).empty() ? "8443" : port_of(server);
    const Answered answered = ask_https(host_of(server), port, "/healthz", until);
    if (answered.error)
        throw Failed(Exit::Connection, server + " does not answer: " + answered.error.message());
    if (answered.status != 200)
        throw Failed(Exit::Refused, server + " answers with " + std::to_string(answered.status));
    print("ok\n");
}

/// For a container's HEALTHCHECK: by the socket, and for another user than gridd's by HTTPS, at the
/// address that gridd itself has written.
void health(const Options& options) {
    const auto until =
        std::chrono::steady_clock::now() + std::chrono::seconds(options.timeout_seconds);
    if (options.is_server_given) return health_elsewhere(options.server, until);
    const Ready ready = read_ready(options);
    const auto file = pki::Layout{options.data}.ready().parent_path() / "health.sock";
    std::string where = file.string();
    Answered answered = ask_socket(file, "/healthz", until);
    // Another user than gridd's, or a gridd that makes no such socket.
    if (answered.error && !ready.http.empty())
        for (const std::string& host : hosts_of(ready.http)) {
            const Answered other = ask_https(host, port_of(ready.http), "/healthz", until);
            if (other.error) continue;
            answered = other;
            where = ready.http;
            break;
        }
    const bool is_missing = answered.error == boost::system::errc::no_such_file_or_directory ||
                            answered.error == boost::system::errc::connection_refused;
    if (is_missing) throw Failed(Exit::Connection, "no gridd runs on " + options.data.string());
    if (answered.error)
        throw Failed(Exit::Connection, where + " does not answer: " + answered.error.message());
    if (answered.status != 200)
        throw Failed(Exit::Refused, where + " answers with " + std::to_string(answered.status));
    print("ok\n");
}

}   // namespace

void add_health_command(CLI::App& app, const Options& options) {
    app.add_subcommand(
           "health", "does the gridd of --data, or of a --server, answer? (for HEALTHCHECK)"
    )
        ->callback([&options] { health(options); });
}

}   // namespace grid::gridctl
