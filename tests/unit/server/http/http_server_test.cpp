// tests/unit/server/http/http_server_test.cpp: the HTTPS server over real TLS on loopback, before
// a grid that only writes down what it is asked.
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <thread>

#include "server/clock.hpp"
#include "server/http/limits.hpp"
#include "server/http/server.hpp"
#include "server/pki/files.hpp"
#include "server/pki/layout.hpp"
#include "server/pki/pki.hpp"
#include "server/process/evaluation.hpp"
#include "server/tls/context.hpp"
#include "server/tls/revocation/vetting.hpp"

namespace http_server_test {

using namespace grid;
using namespace grid::server;
namespace fs = std::filesystem;
namespace pki = grid::pki;

namespace {

struct RecordingBackend : http::HttpBackend {
    void metrics(std::optional<Asker> asker, Done done) override {
        done({200, asker ? "administrator 1\n" : "anybody 1\n", "text/plain"});
    }
    std::mutex mutex;
    std::vector<controller::HttpRequest> requests;
    std::vector<pubsub::Principal> principals;
    http::Readiness readiness;

    void api(
        controller::HttpRequest request,
        pubsub::Principal principal,
        controller::Identity,
        Done done
    ) override {
        const std::string path = request.path;
        {
            const std::lock_guard lock(mutex);
            requests.push_back(std::move(request));
            principals.push_back(std::move(principal));
        }
        // The grid answers from another thread.
        std::thread([path, done = std::move(done)] {
            done({path == "nothing" ? 404 : 200, R"({"path":")" + path + "\"}"});
        }).detach();
    }
    http::Readiness ready() override { return readiness; }
};

/// A blocking client on one TLS connection; gives up after ten seconds of silence.
class Client {
public:
    Client(std::uint16_t port, const std::string& certificate, const std::string& key)
        : context_(SSL_CTX_new(TLS_client_method())) {
        if (!certificate.empty()) {
            REQUIRE(SSL_CTX_use_certificate_chain_file(context_, certificate.c_str()) == 1);
            REQUIRE(SSL_CTX_use_PrivateKey_file(context_, key.c_str(), SSL_FILETYPE_PEM) == 1);
        }
        socket_ = ::socket(AF_INET, SOCK_STREAM, 0);
        const timeval patience{10, 0};
        ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(port);
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        REQUIRE(::connect(socket_, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0);
        ssl_ = SSL_new(context_);
        SSL_set_fd(ssl_, socket_);
        is_connected = SSL_connect(ssl_) == 1;
    }
    ~Client() {
        SSL_free(ssl_);
        SSL_CTX_free(context_);
        ::close(socket_);
    }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    void send(const std::string& text) {
        REQUIRE(SSL_write(ssl_, text.data(), static_cast<int>(text.size())) > 0);
    }
    /// Head and body of the next answer; empty at the end of the connection.
    std::string answer() {
        while (true) {
            const auto end = received_.find("\r\n\r\n");
            if (end != std::string::npos) {
                const auto at = received_.find("Content-Length: ");
                const std::size_t body =
                    at < end && !is_head ? std::stoul(received_.substr(at + 16)) : 0;
                if (received_.size() >= end + 4 + body) {
                    std::string out = received_.substr(0, end + 4 + body);
                    received_.erase(0, out.size());
                    return out;
                }
            }
            char buffer[4096];
            const int size = SSL_read(ssl_, buffer, sizeof buffer);
            if (size <= 0) return "";
            received_.append(buffer, static_cast<std::size_t>(size));
        }
    }
    std::string ask(const std::string& text) {
        send(text);
        return answer();
    }
    bool is_at_end() { return answer().empty() && received_.empty(); }

    bool is_connected = false, is_head = false;

private:
    SSL_CTX* context_;
    SSL* ssl_ = nullptr;
    int socket_ = -1;
    std::string received_;
};

fs::path fresh_folder() {
    std::string name = (fs::temp_directory_path() / "gridd-http-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    return name;
}

struct Running {
    fs::path folder = fresh_folder();
    pki::Layout layout{folder};
    Config config;
    std::optional<Log> log;
    tls::Context tls;
    RecordingBackend backend;
    boost::asio::io_context context;
    std::unique_ptr<net::Listener> listener;
    std::optional<tls::Vetting> vetting;
    std::optional<http::HttpServer> server;
    std::thread thread;

    Running() {
        config.domain = "grid.example";
        config.limits.http_body_bytes_max = 2048;
        config.log.level = "error";
        log.emplace(config.log);
        const auto files =
            *ensure_evaluation(folder, config.domain, now(), pki::Administrator::Made);
        config.tls.certificate = files.server_certificate;
        config.tls.key = files.server_key;
        config.tls.client_ca = files.client_ca;
        tls = *tls::make_context(config.tls, tls::Use::Http);
        listener = *net::Listener::open(context, "127.0.0.1:0");
        vetting.emplace(context, config, *log);
        server.emplace(context, backend, tls.get(), config, *log, *vetting);
        server->start(*listener);
        thread = std::thread([this] { context.run(); });
    }
    ~Running() {
        server->close();
        listener->close();
        thread.join();   // Returns only when every connection has ended.
        fs::remove_all(folder);
    }
    std::uint16_t port() const {
        const std::string address = listener->address();
        return static_cast<std::uint16_t>(std::stoul(address.substr(address.rfind(':') + 1)));
    }
    Client admin() const {
        return Client(port(), layout.admin_certificate().string(), layout.admin_key().string());
    }
    Client stranger() const { return Client(port(), "", ""); }
    /// A client with a certificate for these addresses, issued by this or by another CA.
    Client with_pair(const pki::KeyPair& pair) const {
        REQUIRE(pki::write_file(folder / "x.crt", pair.certificate, pki::Mode::Public));
        REQUIRE(pki::write_file(folder / "x.key", pair.key, pki::Mode::Private));
        return Client(port(), (folder / "x.crt").string(), (folder / "x.key").string());
    }
    pki::KeyPair ca() const {
        return {
            pki::read_file(layout.ca_certificate())->text, pki::read_file(layout.ca_key())->text
        };
    }
    std::size_t asked() {
        const std::lock_guard lock(backend.mutex);
        return backend.requests.size();
    }
};

std::string get(const std::string& path, const std::string& more = {}) {
    return "GET " + path + " HTTP/1.1\r\nHost: grid.example\r\n" + more + "\r\n";
}
std::string post(const std::string& path, const std::string& body, const std::string& more = {}) {
    return "POST " + path +
           " HTTP/1.1\r\nHost: grid.example\r\nContent-Type: application/json\r\n" + more +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

bool has_status(const std::string& answer, const std::string& status) {
    return answer.starts_with("HTTP/1.1 " + status + " ");
}

}   // namespace

TEST_CASE_METHOD(Running, "an administrator's request reaches the grid with who asks", "[http]") {
    Client client = admin();
    REQUIRE(client.is_connected);
    const std::string answer = client.ask(post("/api/v1/accounts/x%40y?max=2", R"({"a":1})"));
    CHECK(has_status(answer, "200"));
    CHECK(answer.ends_with(R"({"path":"accounts/x%40y"})"));
    REQUIRE(asked() == 1);
    CHECK(backend.requests[0].method == "POST");
    CHECK(backend.requests[0].query == "max=2");
    CHECK(backend.requests[0].body == R"({"a":1})");
    CHECK(backend.principals[0].jid.str() == "admin@grid.example");
    CHECK(backend.principals[0].origin == pubsub::Origin::Http);
    CHECK(backend.principals[0].issuer.size() == 64);
    CHECK(backend.principals[0].address.starts_with("127.0.0.1:"));
}

TEST_CASE_METHOD(Running, "a connection carries one request after the other", "[http]") {
    Client client = admin();
    CHECK(has_status(client.ask(get("/api/v1/status")), "200"));
    CHECK(has_status(client.ask(get("/api/v1/nothing")), "404"));
    client.send(get("/api/v1/one") + post("/api/v1/two", "{}") + get("/healthz"));
    CHECK(client.answer().ends_with(R"({"path":"one"})"));
    CHECK(client.answer().ends_with(R"({"path":"two"})"));
    CHECK(client.answer().ends_with(R"({"status":"ok"})"));
    client.is_head = true;
    const std::string head =
        client.ask("HEAD /api/v1/one HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    CHECK(head.find("Content-Length: 14\r\n") != std::string::npos);
    CHECK(client.is_at_end());
}

TEST_CASE_METHOD(Running, "without a certificate there is health and nothing else", "[http]") {
    // Each time on a connection of its own: a stranger is answered once.
    const auto ask = [this](const std::string& path) {
        Client client = stranger();
        REQUIRE(client.is_connected);
        std::string answer = client.ask(get(path));
        CHECK(answer.find("Connection: close\r\n") != std::string::npos);
        CHECK(client.is_at_end());
        return answer;
    };
    CHECK(has_status(ask("/healthz"), "200"));
    CHECK(ask("/readyz").ends_with(R"({"ready":true,"problems":[]})"));
    const std::string refused = ask("/api/v1/status");
    CHECK(has_status(refused, "401"));
    CHECK(refused.find("a client certificate is needed") != std::string::npos);
    CHECK(has_status(ask("/other"), "401"));
    CHECK(asked() == 0);
}

TEST_CASE_METHOD(Running, "a red grid is not ready", "[http]") {
    backend.readiness = {false, {"the store is closed"}};
    Client client = stranger();
    const std::string answer = client.ask(get("/readyz"));
    CHECK(has_status(answer, "503"));
    CHECK(answer.find("the store is closed") != std::string::npos);
    CHECK(has_status(stranger().ask(get("/healthz")), "200"));
}

TEST_CASE_METHOD(Running, "a certificate that proves no single account is refused", "[http]") {
    const auto refused = [this](const pki::KeyPair& pair) {
        Client client = with_pair(pair);
        REQUIRE(client.is_connected);   // the reason is said in HTTP, not by a TLS alert
        const std::string answer = client.ask(get("/api/v1/status"));
        CHECK(has_status(answer, "401"));
        return answer;
    };
    const pki::KeyPair other = *pki::make_ca("gridd evaluation CA", now(), 10);
    refused(*pki::make_client(other, "admin@grid.example", now(), 1));
    refused(*pki::make_client(ca(), "admin@other.example", now(), 1));
    refused(*pki::make_server(ca(), {"grid.example"}, now(), 1));
    const auto expired = refused(*pki::make_client(ca(), "admin@grid.example", now(), 0));
    CHECK(expired.find("expired") != std::string::npos);
    CHECK(asked() == 0);
}

TEST_CASE_METHOD(Running, "a body is bounded while it arrives", "[http]") {
    SECTION("by its announced length, before any of it is read") {
        Client client = admin();
        client.send(
            "POST /api/v1/policy HTTP/1.1\r\nHost: grid.example\r\n"
            "Content-Type: application/json\r\nContent-Length: 1000000\r\n\r\n"
        );
        CHECK(has_status(client.answer(), "413"));
        CHECK(client.is_at_end());
    }
    SECTION("by its chunks") {
        Client client = admin();
        std::string text =
            "POST /api/v1/policy HTTP/1.1\r\nHost: grid.example\r\n"
            "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
        for (int i = 0; i < 3; ++i) text += "400\r\n" + std::string(0x400, 'x') + "\r\n";
        CHECK(has_status(client.ask(text), "413"));
        CHECK(client.is_at_end());
    }
    SECTION("and of a stranger none is read at all") {
        Client client = stranger();
        client.send(
            "POST /api/v1/policy HTTP/1.1\r\nHost: grid.example\r\n"
            "Content-Type: application/json\r\nContent-Length: 2000\r\n\r\n"
        );
        CHECK(has_status(client.answer(), "401"));
        CHECK(client.is_at_end());
    }
    CHECK(asked() == 0);
}

TEST_CASE_METHOD(Running, "chunks within the bound arrive joined", "[http]") {
    Client client = admin();
    const std::string text =
        "PUT /api/v1/policy HTTP/1.1\r\nHost: grid.example\r\n"
        "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        "3\r\n{\"a\r\n4\r\n\":1}\r\n0\r\n\r\n";
    CHECK(has_status(client.ask(text), "200"));
    CHECK(backend.requests.at(0).body == R"({"a":1})");
}

TEST_CASE_METHOD(Running, "a client that asks first is told to continue", "[http]") {
    Client client = admin();
    client.send(
        "POST /api/v1/policy HTTP/1.1\r\nHost: grid.example\r\nExpect: 100-continue\r\n"
        "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n"
    );
    CHECK(client.answer() == "HTTP/1.1 100 Continue\r\n\r\n");
    CHECK(has_status(client.ask("{}"), "200"));
    CHECK(has_status(client.ask(get("/healthz")), "200"));
}

TEST_CASE_METHOD(Running, "a head is bounded, and nonsense is refused and ends", "[http]") {
    const auto refused = [this](const std::string& text) {
        Client client = stranger();
        const std::string answer = client.ask(text);
        CHECK(client.is_at_end());
        return answer.substr(0, 12);
    };
    CHECK(
        refused(get("/healthz", "X: " + std::string(http::header_bytes_max, 'x') + "\r\n")) ==
        "HTTP/1.1 431"
    );
    CHECK(refused("hello\r\n\r\n") == "HTTP/1.1 400");
    CHECK(refused("GET /healthz HTTP/3.0\r\n\r\n") == "HTTP/1.1 505");
    // Two lengths: whoever is before us may have taken the other one (request smuggling).
    CHECK(refused(get("/healthz", "Content-Length: 5\r\nContent-Length: 6\r\n")) == "HTTP/1.1 400");
    CHECK(
        refused(get("/healthz", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n")) ==
        "HTTP/1.1 400"
    );
}

TEST_CASE_METHOD(Running, "a foreign page, host or content type changes nothing", "[http]") {
    Client client = admin();
    CHECK(has_status(client.ask(post("/api/v1/a", "", "Origin: https://evil.example\r\n")), "403"));
    CHECK(has_status(client.ask("GET /api/v1/a HTTP/1.1\r\nHost: evil.example\r\n\r\n"), "421"));
    CHECK(has_status(
        client.ask("POST /api/v1/a HTTP/1.1\r\nHost: localhost\r\n"
                   "Content-Type: text/plain\r\nContent-Length: 0\r\n\r\n"),
        "415"
    ));
    CHECK(asked() == 0);
    CHECK(has_status(client.ask(post("/api/v1/a", "{}")), "200"));   // and the connection goes on
}

TEST_CASE_METHOD(Running, "closing ends idle connections", "[http]") {
    Client client = admin();
    CHECK(has_status(client.ask(get("/healthz")), "200"));
    CHECK(server->connections() == 1);
    server->close();
    CHECK(client.is_at_end());
    Client late = stranger();
    CHECK(!late.is_connected);
}

TEST_CASE_METHOD(Running, "strangers make room for newcomers (found A8)", "[http]") {
    Client known = admin();
    CHECK(has_status(known.ask(get("/api/v1/status")), "200"));
    std::vector<std::unique_ptr<Client>> clients;
    for (std::size_t i = 0; i < config.limits.http_strangers_max + 10; ++i) {
        clients.push_back(std::make_unique<Client>(port(), "", ""));
        REQUIRE(clients.back()->is_connected);
    }
    for (std::size_t i = 0; i < 10; ++i) CHECK(clients[i]->is_at_end());
    CHECK(has_status(clients[10]->ask(get("/healthz")), "200"));
    CHECK(has_status(clients.back()->ask(get("/healthz")), "200"));
    CHECK(has_status(known.ask(get("/api/v1/status")), "200"));
    clients.clear();
}

}   // namespace http_server_test
