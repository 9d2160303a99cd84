// tests/bench/load/client.cpp: RFC 6120's steps in their order; anything unexpected ends the run.
#include "load/client.hpp"

#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>

namespace grid::bench {

namespace {

constexpr std::size_t stanza_bytes_max = 1 << 20;

int open_socket(const sockaddr_in& address) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) throw std::system_error(errno, std::generic_category(), "socket");
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
        errno != EINPROGRESS)
        throw std::system_error(errno, std::generic_category(), "connect");
    return fd;
}

std::string base64(const std::string& text) {
    std::string out(4 * ((text.size() + 2) / 3) + 1, '\0');
    const int bytes = EVP_EncodeBlock(
        reinterpret_cast<unsigned char*>(out.data()),
        reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size())
    );
    out.resize(static_cast<std::size_t>(bytes));
    return out;
}

bool has(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

}   // namespace

Client::Client(
    Bench& bench, ClientEvents& events, std::size_t index, std::string role, SessionToken token
)
    : bench_(bench),
      events_(events),
      index_(index),
      role_(std::move(role)),
      socket_(open_socket(bench.address)),
      token_(std::move(token)),
      jid_(bench.identities.name(index) + "@" + bench.options.domain),
      started_ns_(now_ns()) {
    bench_.loop.add(socket_.fd(), *this, EPOLLIN | EPOLLOUT);
}

Client::~Client() { bench_.loop.remove(socket_.fd()); }

std::string Client::described(const std::string& why) const {
    static constexpr const char* names[] = {"connecting",     "STARTTLS", "STARTTLS",
                                            "the handshake",  "upgrade",  "features",
                                            "authentication", "features", "binding",
                                            "enabling",       "work",     "closing",
                                            "the end"};
    return bench_.options.name + ": " + jid_ + ", during " + names[static_cast<int>(step_)] + ": " +
           why;
}

void Client::fail(const std::string& why) const { throw std::runtime_error(described(why)); }

void ClientEvents::on_lost(Client&, const std::string& why) { throw std::runtime_error(why); }

void Client::on_event(std::uint32_t events) {
    if (step_ == Step::Closed) return;
    if (step_ == Step::Connect && (events & (EPOLLOUT | EPOLLERR)) != 0) connected();
    if ((events & EPOLLOUT) != 0) socket_.on_writable();
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) read();
    if (step_ != Step::Closed) watch();
}

void Client::watch() {
    const bool blocked = socket_.is_blocked();
    if (blocked == watching_writes_) return;
    watching_writes_ = blocked;
    bench_.loop.change(socket_.fd(), *this, blocked ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

void Client::connected() {
    int error = 0;
    socklen_t bytes = sizeof error;
    getsockopt(socket_.fd(), SOL_SOCKET, SO_ERROR, &error, &bytes);
    if (error != 0) fail(std::strerror(error));
    const Options& options = bench_.options;
    if (options.direct || options.websocket || !options.is_xmpp()) return start_tls();
    step_ = Step::StartTls;
    open_stream();
}

void Client::start_tls() {
    step_ = Step::Handshake;
    SSL* ssl = SSL_new(bench_.context.get());
    if (ssl == nullptr) fail(ssl_reason());
    bench_.identities.apply(ssl, index_);
    SSL_set_tlsext_host_name(ssl, bench_.options.domain.c_str());
    SSL_set1_host(ssl, bench_.options.domain.c_str());
    static constexpr unsigned char alpn[] = "\x0bxmpp-client";   // XEP-0368
    if (bench_.options.direct) SSL_set_alpn_protos(ssl, alpn, sizeof alpn - 1);
    if (token_.tls) SSL_set_session(ssl, token_.tls.get());
    socket_.start_client(ssl);
}

void Client::open_stream() {
    stream_open_ = false;
    if (bench_.options.websocket) return send(websocket::open_element(bench_.options.domain));
    send(
        "<?xml version='1.0'?><stream:stream xmlns='jabber:client' version='1.0' to='" +
        bench_.options.domain + "' xmlns:stream='http://etherx.jabber.org/streams'>"
    );
}

void Client::send(std::string_view text) {
    if (!bench_.options.websocket) return queue(text);
    if (unsent_.empty()) bench_.loop.flush_later(*this);
    websocket::append_element(unsent_, text);
}

void Client::queue(std::string_view bytes) {
    if (unsent_.empty()) bench_.loop.flush_later(*this);
    unsent_.append(bytes);
}

void Client::on_flush() {
    // While the kernel is full, what comes is gathered and leaves in one piece later.
    if (step_ == Step::Closed || unsent_.empty()) return;
    if (!socket_.is_blocked()) {
        socket_.write(unsent_);
        unsent_.clear();
    } else {
        bench_.loop.flush_later(*this);
    }
    watch();
}

void Client::close() {
    step_ = Step::Closing;
    closing_ns_ = now_ns();
    if (bench_.options.mqtt && !socket_.is_blocked()) socket_.write(mqtt::disconnect());
    if (!bench_.options.is_xmpp()) return ended("");
    send(bench_.options.websocket ? websocket::close_element : "</stream:stream>");
}

void Client::abandon() {
    if (step_ == Step::Closed) return;
    bench_.loop.remove(socket_.fd());
    ::shutdown(socket_.fd(), SHUT_RDWR);
    step_ = Step::Closed;
}

void Client::ended(const std::string& why) {
    if (step_ != Step::Closing) return lost(why);
    abandon();
    events_.on_closed(*this);
}

void Client::lost(const std::string& why) {
    events_.on_lost(*this, described(why));
    abandon();
}

void Client::read() {
    static thread_local std::string input;   // of the thread: idle clients hold no buffer
    input.assign(unparsed_);
    const auto state = socket_.receive(input);
    if (step_ == Step::Handshake && socket_.is_secure()) secured();
    std::string_view rest(input);
    rest.remove_prefix(take_input(rest));
    if (step_ == Step::Closed) return;
    if (rest.size() > stanza_bytes_max) fail("a stanza of more than a megabyte");
    unparsed_.assign(rest);
    if (unparsed_.empty() && unparsed_.capacity() > 4096) unparsed_.shrink_to_fit();
    if (state == TlsSocket::State::Closed) ended("the server closed the connection");
    if (state == TlsSocket::State::Failed) ended(socket_.error());
}

// The first words behind the handshake.
void Client::secured() {
    const Options& options = bench_.options;
    if (options.websocket) return upgrade();
    if (options.raw) {
        stream_open_ = true;
        send(role_ + "\n");
    } else if (options.mqtt) {
        send(mqtt::connect(jid_));
    } else if (!options.nats) {   // there the server speaks first
        open_stream();
    }
    step_ = options.raw || options.mqtt ? Step::Bound : Step::Mechanisms;
}

// Returns how much of `input` it used up.
std::size_t Client::take_input(std::string_view input) {
    if (bench_.options.websocket) return take_frames(input);
    if (bench_.options.mqtt) return take_packets(input);
    if (bench_.options.nats) return take_operations(input);
    return take_stanzas(input);
}

std::size_t Client::take_stanzas(std::string_view input) {
    std::size_t used = 0;
    while (step_ != Step::Closed) {
        const Frame frame = next_frame(input.substr(used), stream_open_);
        if (frame.kind == Frame::Kind::Incomplete) break;
        used += frame.consumed;
        if (frame.kind == Frame::Kind::Open)
            stream_open_ = true;
        else if (frame.kind == Frame::Kind::Stanza)
            take(frame.text);
        else
            ended("the server closed the stream");
    }
    return used;
}

void Client::authenticate(std::string_view features) {
    if (!has(features, ">EXTERNAL<"))
        fail("SASL EXTERNAL is not offered: " + std::string(features));
    // XEP-0178 2.4: no authorization identity when the certificate says who it is.
    send(
        "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>" +
        (bench_.options.authzid ? base64(jid_) : "=") + "</auth>"
    );
    step_ = Step::Sasl;
}

void Client::take(std::string_view stanza) {
    if (step_ == Step::Ready) [[likely]] {
        if (stanza.starts_with("<stream:error")) return lost(std::string(stanza));
        if (bench_.options.managed && count(stanza)) return;
        return events_.on_stanza(*this, stanza);
    }
    auto expect = [&](std::string_view part) {
        if (!has(stanza, part)) fail("got " + std::string(stanza));
    };
    switch (step_) {
        case Step::StartTls:
            expect("urn:ietf:params:xml:ns:xmpp-tls");
            send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
            step_ = Step::Proceed;
            break;
        case Step::Proceed:
            expect("<proceed");
            start_tls();
            stream_open_ = false;
            break;
        case Step::Mechanisms:
            authenticate(stanza);
            break;
        case Step::Sasl:
            expect("<success");
            open_stream();
            step_ = Step::Bind;
            break;
        case Step::Bind:
            expect("urn:ietf:params:xml:ns:xmpp-bind");
            if (!token_.id.empty()) {
                send(
                    "<resume xmlns='urn:xmpp:sm:3' previd='" + token_.id + "' h='" +
                    std::to_string(token_.handled) + "'/>"
                );
                step_ = Step::Managed;
                break;
            }
            send(
                "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
                "<resource>" +
                role_ + "</resource></bind></iq>"
            );
            step_ = Step::Bound;
            break;
        case Step::Bound:
            take_bound(stanza);
            break;
        case Step::Managed:
            take_managed(stanza);
            break;
        default:
            break;   // the operation that was under way when the stream was closed
    }
}

void Client::take_bound(std::string_view stanza) {
    if (!bench_.options.raw) {
        if (attribute(stanza, "id") != "bind") return;
        const auto from = stanza.find("<jid>"), to = stanza.find("</jid>");
        if (attribute(stanza, "type") != "result" || to == std::string_view::npos)
            fail("got " + std::string(stanza));
        jid_ = stanza.substr(from + 5, to - from - 5);
        if (bench_.options.managed) {
            send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
            step_ = Step::Managed;
            return;
        }
        if (bench_.options.presence) send("<presence/>");
    }
    ready();
}

void Client::take_managed(std::string_view element) {
    const bool is_new = token_.id.empty();
    if (!element.starts_with(is_new ? "<enabled " : "<resumed "))
        fail("got " + std::string(element));
    if (is_new) {
        token_.id = attribute(element, "id");
        if (bench_.options.presence) send("<presence/>");
    }
    ready();
}

bool Client::count(std::string_view stanza) {
    if (!stanza.starts_with("<r ") && !stanza.starts_with("<a ")) {
        ++token_.handled;
        return false;
    }
    if (stanza[1] == 'r')
        send("<a xmlns='urn:xmpp:sm:3' h='" + std::to_string(token_.handled) + "'/>");
    return true;
}

void Client::ready() {
    step_ = Step::Ready;
    events_.on_ready(*this);
}

}   // namespace grid::bench
