// tests/bench/load/dialogue.hpp: every client asks its next question when its last was answered.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "load/crowd.hpp"

namespace grid::bench {

class Dialogue {
public:
    struct Question {
        std::size_t kind = 0;   // for whoever hears the answer
        std::string iq;
    };
    // The next question of client `number`; nullopt: it is done.
    using Next = std::function<std::optional<Question>(std::size_t number)>;

    Dialogue(Bench& bench, Crowd& crowd) : bench_(bench), crowd_(crowd) {}

    // Returns when all are done and answered. An error answer ends the run.
    void run(const Next& next, const std::string& doing);
    // Kind, time it took, length of the answer.
    std::function<void(std::size_t kind, std::uint64_t ns, std::size_t bytes)> on_answer;

private:
    struct Asked {
        std::size_t kind = 0;
        std::uint64_t at_ns = 0;
        std::string iq;
    };
    void ask(const Next& next, std::size_t number, Client& client);
    void answered(std::size_t number, Client& client, std::string_view answer);

    Bench& bench_;
    Crowd& crowd_;
    std::vector<Asked> asked_;   // by client
    std::size_t under_way_ = 0;
};

}   // namespace grid::bench
