// tests/bench/load/bench.cpp: the common ground of the modes.
#include "load/bench.hpp"

#include <arpa/inet.h>
#include <sys/resource.h>

#include <cerrno>
#include <stdexcept>
#include <system_error>

namespace grid::bench {

sockaddr_in parse_address(const std::string& text) {
    const auto colon = text.rfind(':');
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(text.substr(colon + 1))));
    if (inet_pton(AF_INET, text.substr(0, colon).c_str(), &address.sin_addr) != 1)
        throw std::invalid_argument(text + " is no IPv4 address with a port");
    return address;
}

void raise_file_limit() {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        throw std::system_error(errno, std::generic_category(), "setrlimit");
}

Bench::Bench(Options chosen)
    : options(std::move(chosen)),
      identities(options.certs),
      context(client_context(options.certs + "/ca.pem")),
      address(parse_address(options.server)),
      end_(Clock::now() + std::chrono::nanoseconds(to_ns(options.deadline))) {
    raise_file_limit();
}

void Bench::turn(std::chrono::nanoseconds wait_max) {
    loop.turn(wait_max);
    if (Clock::now() > end_)
        throw std::runtime_error(
            "not done after " + std::to_string(options.deadline) + " s, while " + doing_
        );
}

void Bench::wait(double seconds) {
    const std::uint64_t until = now_ns() + to_ns(seconds);
    for (std::uint64_t now = now_ns(); now < until; now = now_ns())
        turn(std::min<std::chrono::nanoseconds>(
            std::chrono::nanoseconds(until - now), std::chrono::milliseconds(50)
        ));
}

}   // namespace grid::bench
