// server/c2s/mailbox.hpp: stanzas on their way to a connection's strand: one wake-up for all that
// wait.
#pragma once

#include <atomic>
#include <utility>
#include <vector>

#include "server/session/transport.hpp"

namespace grid::server::c2s {

/// `put` from any thread, `take` on the connection's strand. While a busy reactor has not come to
/// the connection, what arrives joins what waits, so that load makes batches and not a queue.
class Mailbox {
public:
    struct Mail {
        std::vector<Outgoing> stanzas;
        std::size_t bytes = 0;   // taken from the budget
    };

    Mailbox() = default;
    Mailbox(const Mailbox&) = delete;
    Mailbox& operator=(const Mailbox&) = delete;
    ~Mailbox() {
        take([](Mail) {});
    }

    /// True: it was empty, and the caller must see to it that `take` is called.
    bool put(Mail mail) {
        Letter* before = last_.load(std::memory_order_relaxed);
        auto* letter = new Letter{std::move(mail), before};
        while (!last_.compare_exchange_weak(
            before, letter, std::memory_order_release, std::memory_order_relaxed
        ))
            letter->before = before;
        return before == nullptr;   // the letter itself may be gone by now
    }

    /// Hands over all that waits, oldest first.
    template <class Deliver>
    void take(Deliver deliver) {
        Letter* first = nullptr;
        for (Letter* letter = last_.exchange(nullptr, std::memory_order_acquire); letter;) {
            Letter* before = std::exchange(letter->before, first);   // newest first, turned round
            first = letter;
            letter = before;
        }
        while (first) {
            Letter* letter = std::exchange(first, first->before);
            deliver(std::move(letter->mail));
            delete letter;
        }
    }

private:
    struct Letter {
        Mail mail;
        Letter* before;
    };
    std::atomic<Letter*> last_ = nullptr;
};

}   // namespace grid::server::c2s
