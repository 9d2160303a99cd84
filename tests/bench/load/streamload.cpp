// tests/bench/load/streamload.cpp: fills SOCKS5 byte streams and empties them at the other end.
//
//     streamload HOST PORT SECONDS HASH…
//
// Connects twice for each hash (XEP-0065), says "connected", waits for a line, then sends as fast
// as it goes. Prints one line of JSON: what arrived, in how long.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t block_bytes = 256 * 1024;

void write_all(int socket, const std::string& bytes) {
    if (::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(bytes.size()))
        throw std::runtime_error("cannot write");
}

std::string read_all(int socket, std::size_t size) {
    std::string bytes(size, '\0');
    if (::recv(socket, bytes.data(), size, MSG_WAITALL) != static_cast<ssize_t>(size))
        throw std::runtime_error("the proxy closed the connection");
    return bytes;
}

int connect_to(const sockaddr_in& address, const std::string& hash) {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        throw std::runtime_error("cannot connect");
    write_all(socket, std::string("\5\1\0", 3));
    if (read_all(socket, 2) != std::string("\5\0", 2)) throw std::runtime_error("no greeting");
    write_all(socket, std::string("\5\1\0\3\x28", 5) + hash + std::string(2, '\0'));
    const std::string reply = read_all(socket, 5);
    if (reply[1] != 0) throw std::runtime_error("refused");
    read_all(socket, static_cast<unsigned char>(reply[4]) + std::size_t{2});
    return socket;
}

struct Stream {
    int source = -1, sink = -1;
};

double cpu_seconds() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/// Bytes that arrive are thrown away in the kernel: the generator's own copying is none of the
/// relay's.
void run(const std::vector<Stream>& streams, double seconds) {
    std::atomic<bool> is_over = false;
    std::atomic<std::uint64_t> arrived = 0;
    std::vector<std::thread> threads;
    const std::string block(block_bytes, 'x');
    for (const Stream& stream : streams) {
        threads.emplace_back([&is_over, &block, stream] {
            while (!is_over && ::send(stream.source, block.data(), block.size(), MSG_NOSIGNAL) > 0
            ) {
            }
            ::shutdown(stream.source, SHUT_RDWR);
        });
        threads.emplace_back([&is_over, &arrived, stream] {
            ssize_t size = 0;
            while ((size = ::recv(stream.sink, nullptr, 1 << 20, MSG_TRUNC)) > 0)
                if (!is_over) arrived += static_cast<std::uint64_t>(size);
        });
    }
    const auto began = Clock::now();
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
    is_over = true;
    const std::chrono::duration<double> took = Clock::now() - began;
    const std::uint64_t bytes = arrived;
    std::printf(
        "{\"bytes\": %llu, \"seconds\": %.3f, \"own_cpu_s\": %.2f}\n",
        static_cast<unsigned long long>(bytes), took.count(), cpu_seconds()
    );
    std::fflush(stdout);
    for (const Stream& stream : streams) {
        ::shutdown(stream.source, SHUT_RDWR);
        ::shutdown(stream.sink, SHUT_RDWR);
    }
    for (auto& thread : threads) thread.join();
}

}   // namespace

int main(int argc, char** argv) {
    if (argc < 5) return 2;
    try {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(argv[2])));
        if (::inet_pton(AF_INET, argv[1], &address.sin_addr) != 1) return 2;
        std::vector<Stream> streams;
        for (int i = 4; i < argc; ++i) {
            Stream stream;
            stream.sink = connect_to(address, argv[i]);
            stream.source = connect_to(address, argv[i]);
            streams.push_back(stream);
        }
        std::cout << "connected\n" << std::flush;
        std::string go;
        std::getline(std::cin, go);
        run(streams, std::stod(argv[3]));
    } catch (const std::exception& error) {
        std::cerr << "streamload: " << error.what() << '\n';
        return 1;
    }
    return 0;
}
