// server/cluster/files/questions.hpp: this member's questions to others about files, until they
// answer.
#pragma once

#include <boost/asio.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>

#include "server/cluster/files/words.hpp"
#include "server/cluster/links.hpp"

namespace grid::server::cluster::files {

/// All of it on one strand.
class Questions {
public:
    using Strand = boost::asio::strand<boost::asio::io_context::executor_type>;
    using Answer = std::function<void(std::optional<Word>)>;

    Questions(Links& links, const Strand& strand) : links_(links), timer_(strand) {}

    /// `answer` once, never before this returns: nullopt when none came in time, or the connection
    /// ended. Returns the question's number.
    std::uint64_t ask(
        storage::MemberId to, Word word, std::chrono::milliseconds patience, Answer answer
    );
    /// That member is at work on it.
    void is_alive(std::uint64_t number);
    void hear(storage::MemberId from, Word word);
    void member_lost(storage::MemberId member);
    void stop();

private:
    using Clock = std::chrono::steady_clock;
    struct Asked {
        storage::MemberId to = 0;
        std::chrono::milliseconds patience{};
        Clock::time_point until;
        Answer answer;
    };
    void watch();
    void give_up(const std::function<bool(const Asked&)>& which);

    Links& links_;
    boost::asio::steady_timer timer_;
    bool is_watching_ = false, is_stopped_ = false;
    std::uint64_t last_ = 0;
    std::map<std::uint64_t, Asked> asked_;
};

}   // namespace grid::server::cluster::files
