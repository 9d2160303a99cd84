// server/cluster/files/questions.cpp: see questions.hpp.
#include "server/cluster/files/questions.hpp"

#include <utility>
#include <vector>

namespace grid::server::cluster::files {

namespace {

constexpr auto questions_looked_at_every = std::chrono::milliseconds(100);

}   // namespace

std::uint64_t Questions::ask(
    storage::MemberId to, Word word, std::chrono::milliseconds patience, Answer answer
) {
    const std::uint64_t number = ++last_;
    std::visit([number](auto& kind) { kind.number = number; }, word);
    // A question that cannot be sent has no answer: told with the next look, not from in here.
    const bool is_sent = links_.send(to, Channel::Files, encode(word));
    const auto now = Clock::now();
    asked_.emplace(number, Asked{to, patience, is_sent ? now + patience : now, std::move(answer)});
    watch();
    return number;
}

void Questions::is_alive(std::uint64_t number) {
    const auto found = asked_.find(number);
    if (found != asked_.end()) found->second.until = Clock::now() + found->second.patience;
}

void Questions::hear(storage::MemberId from, Word word) {
    const std::uint64_t number = std::visit([](const auto& kind) { return kind.number; }, word);
    const auto found = asked_.find(number);
    if (found == asked_.end() || found->second.to != from) return;
    const Answer answer = std::move(found->second.answer);
    asked_.erase(found);
    answer(std::move(word));
}

void Questions::member_lost(storage::MemberId member) {
    give_up([member](const Asked& asked) { return asked.to == member; });
}

void Questions::stop() {
    is_stopped_ = true;
    timer_.cancel();
    asked_.clear();
}

void Questions::give_up(const std::function<bool(const Asked&)>& which) {
    std::vector<Answer> over;
    for (auto at = asked_.begin(); at != asked_.end();) {
        if (!which(at->second)) {
            ++at;
            continue;
        }
        over.push_back(std::move(at->second.answer));
        at = asked_.erase(at);
    }
    for (const Answer& answer : over) answer(std::nullopt);
}

void Questions::watch() {
    if (asked_.empty() || is_stopped_ || std::exchange(is_watching_, true)) return;
    timer_.expires_after(questions_looked_at_every);
    timer_.async_wait([this](boost::system::error_code error) {
        if (error || is_stopped_) return;
        is_watching_ = false;
        give_up([now = Clock::now()](const Asked& asked) { return asked.until <= now; });
        watch();
    });
}

}   // namespace grid::server::cluster::files
