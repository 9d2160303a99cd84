// tests/etcd/etcd_server.cpp: see server.hpp.
#include "etcd_server.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <utility>

#include "server/net/deadline.hpp"

namespace grid::test {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using namespace std::chrono_literals;
using server::net::no_throw;

const tcp::endpoint any_port(asio::ip::address_v4::loopback(), 0);

unsigned short free_port() {
    asio::io_context context;
    return tcp::acceptor(context, any_port).local_endpoint().port();
}

bool is_open(unsigned short port) {
    asio::io_context context;
    tcp::socket socket(context);
    boost::system::error_code error;
    socket.connect(tcp::endpoint(asio::ip::address_v4::loopback(), port), error);
    return !error;
}

pid_t run_program(const std::vector<std::string>& words, const std::string& output) {
    std::vector<char*> arguments;
    for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    const pid_t pid = ::fork();
    if (pid != 0) return pid;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int file = ::open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ::dup2(file, 1);
    ::dup2(file, 2);
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
}

}   // namespace

bool wait_until(const std::function<bool()>& condition) {
    const auto until = std::chrono::steady_clock::now() + 30s;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > until) return false;
        std::this_thread::sleep_for(10ms);
    }
    return true;
}

EtcdServers::EtcdServers(int count, const EtcdFiles* tls, std::vector<std::string> options)
    : tls_(tls), options_(std::move(options)) {
    char name[] = "/tmp/gridd-etcd-XXXXXX";
    if (::mkdtemp(name) == nullptr) throw std::runtime_error("no folder for etcd");
    folder_ = name;
    for (int i = 0; i < count; ++i) {
        ports_.push_back(free_port());
        peer_ports_.push_back(free_port());
        pids_.push_back(0);
    }
    for (std::size_t i = 0; i < ports_.size(); ++i) start(i);
    // The first proposal that is taken says that they have a leader.
    grid::server::Log quiet{server::LogSettings{"error", "text"}};
    if (tls_ != nullptr) return;
    const auto log = server::cluster::make_etcd_log(settings("first"), quiet);
    if (!wait_until([&] { return log->head().has_value(); }))
        throw std::runtime_error("etcd does not answer, see " + folder_);
}

EtcdServers::~EtcdServers() {
    for (std::size_t i = 0; i < pids_.size(); ++i) kill(i);
    std::filesystem::remove_all(folder_);
}

std::string EtcdServers::url(std::size_t which) const {
    return scheme() + "://127.0.0.1:" + std::to_string(ports_[which]);
}

server::cluster::EtcdSettings EtcdServers::settings(const std::string& cluster) const {
    server::cluster::EtcdSettings settings;
    for (std::size_t i = 0; i < ports_.size(); ++i) settings.endpoints.push_back(url(i));
    settings.prefix = cluster;
    return settings;
}

void EtcdServers::start(std::size_t which) {
    std::string all;
    for (std::size_t i = 0; i < ports_.size(); ++i)
        all += (i == 0 ? "e" : ",e") + std::to_string(i) +
               "=http://127.0.0.1:" + std::to_string(peer_ports_[i]);
    const std::string name = "e" + std::to_string(which);
    const std::string peer = "http://127.0.0.1:" + std::to_string(peer_ports_[which]);
    const char* other = std::getenv("GRIDD_ETCD");
    std::vector<std::string> words{
        other == nullptr ? "/usr/bin/etcd" : other,
        "--name=" + name,
        "--data-dir=" + folder_ + "/" + name,
        "--listen-client-urls=" + url(which),
        "--advertise-client-urls=" + url(which),
        "--listen-peer-urls=" + peer,
        "--initial-advertise-peer-urls=" + peer,
        "--initial-cluster=" + all,
        "--log-level=warn",
    };
    words.insert(words.end(), options_.begin(), options_.end());
    if (tls_ != nullptr)
        words.insert(
            words.end(), {"--client-cert-auth", "--trusted-ca-file=" + tls_->ca,
                          "--cert-file=" + tls_->certificate, "--key-file=" + tls_->key}
        );
    pids_[which] = run_program(words, folder_ + "/" + name + ".log");
    const unsigned short port = ports_[which];
    if (!wait_until([&] { return ::waitpid(pids_[which], nullptr, WNOHANG) != 0 || is_open(port); }
        ))
        throw std::runtime_error("etcd opens no port, see " + folder_);
}

void EtcdServers::kill(std::size_t which) {
    if (pids_[which] == 0) return;
    ::kill(pids_[which], SIGKILL);
    ::waitpid(pids_[which], nullptr, 0);
    pids_[which] = 0;
}

void EtcdServers::pause(std::size_t which) { ::kill(pids_[which], SIGSTOP); }
void EtcdServers::resume(std::size_t which) { ::kill(pids_[which], SIGCONT); }

LossyRelay::LossyRelay(unsigned short to)
    : acceptor_(context_, any_port), port_(acceptor_.local_endpoint().port()), to_(to) {
    asio::co_spawn(context_, accept(), asio::detached);
    thread_ = std::thread([this] { context_.run(); });
}

LossyRelay::~LossyRelay() {
    context_.stop();
    thread_.join();
}

asio::awaitable<void> LossyRelay::accept() {
    for (;;) {
        auto [error, socket] = co_await acceptor_.async_accept(no_throw);
        if (error) co_return;
        const auto client = std::make_shared<Socket>(std::move(socket));
        const auto server = std::make_shared<Socket>(context_);
        auto [refused] = co_await server->async_connect(
            tcp::endpoint(asio::ip::address_v4::loopback(), to_), no_throw
        );
        if (refused) continue;
        asio::co_spawn(context_, relay(client, server, false), asio::detached);
        asio::co_spawn(context_, relay(server, client, true), asio::detached);
    }
}

asio::awaitable<void> LossyRelay::relay(
    std::shared_ptr<Socket> from, std::shared_ptr<Socket> to, bool are_answers
) {
    std::vector<char> bytes(64UL * 1024);
    asio::steady_timer timer(context_);
    for (;;) {
        auto [error, size] = co_await from->async_read_some(asio::buffer(bytes), no_throw);
        while (is_silent_) {
            timer.expires_after(10ms);
            co_await timer.async_wait(no_throw);
        }
        if (!error && are_answers && loses_) {
            ++lost_;
            break;
        }
        if (error) break;
        auto [failed, _] = co_await asio::async_write(*to, asio::buffer(bytes, size), no_throw);
        if (failed) break;
    }
    boost::system::error_code ignored;
    from->close(ignored);
    to->close(ignored);
}

}   // namespace grid::test
