// tests/bench/floors/floor_splice.cpp: the floor of a byte stream: two connections of one hash, and
// splice(2) between them; no XMPP, no rights, no counting.
//
//     floor_splice HOST PORT
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <map>
#include <string>
#include <thread>

namespace {

constexpr int pipe_bytes = 256 * 1024;

/// One direction, on a thread of its own.
void relay(int from, int to) {
    std::array<int, 2> pipe{};
    if (::pipe(pipe.data()) != 0) return;
    ::fcntl(pipe[1], F_SETPIPE_SZ, pipe_bytes);
    ssize_t size = 0;
    while ((size = ::splice(from, nullptr, pipe[1], nullptr, pipe_bytes, SPLICE_F_MOVE)) > 0)
        while (size > 0) {
            const auto sent = ::splice(
                pipe[0], nullptr, to, nullptr, static_cast<std::size_t>(size), SPLICE_F_MOVE
            );
            if (sent <= 0) {
                size = -1;
                break;
            }
            size -= sent;
        }
    ::shutdown(to, SHUT_WR);
    ::shutdown(from, SHUT_RD);
    ::close(pipe[0]);
    ::close(pipe[1]);
}

bool read_all(int socket, char* into, std::size_t size) {
    return ::recv(socket, into, size, MSG_WAITALL) == static_cast<ssize_t>(size);
}

/// The hash that the client asks for; empty: it speaks another language.
std::string shake_hands(int socket) {
    std::array<char, 64> bytes{};
    if (!read_all(socket, bytes.data(), 3) || ::send(socket, "\5\0", 2, MSG_NOSIGNAL) != 2)
        return {};
    if (!read_all(socket, bytes.data(), 47)) return {};
    const std::string reply =
        std::string("\5\0\0\3\x28", 5) + std::string(bytes.data() + 5, 40) + std::string(2, '\0');
    if (::send(socket, reply.data(), reply.size(), MSG_NOSIGNAL) < 0) return {};
    return {bytes.data() + 5, 40};
}

}   // namespace

int main(int argc, char** argv) {
    if (argc != 3) return 2;
    std::signal(SIGPIPE, SIG_IGN);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(argv[2])));
    if (::inet_pton(AF_INET, argv[1], &address.sin_addr) != 1) return 2;
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int one = 1;
    ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(listener, 64) != 0) {
        std::perror("floor_splice");
        return 1;
    }
    std::map<std::string, int> waiting;
    for (;;) {
        const int socket = ::accept(listener, nullptr, nullptr);
        if (socket < 0) continue;
        const std::string hash = shake_hands(socket);
        const auto found = waiting.find(hash);
        if (hash.empty()) {
            ::close(socket);
        } else if (found == waiting.end()) {
            waiting.emplace(hash, socket);
        } else {
            std::thread(relay, socket, found->second).detach();
            std::thread(relay, found->second, socket).detach();
            waiting.erase(found);
        }
    }
}
