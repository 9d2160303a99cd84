// server/net/tls_places.hpp: how many connections may be within TLS before their clients log in.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace grid::server::net {

/// A handshake takes 50 to 100 KiB until the client has logged in, a connection that waits for one
/// takes 6: so that handshakes have places of their own, and a connection without a place waits,
/// its ClientHello unread. A connection gives its place away when its client has shown a
/// certificate that can log in, when it ends, or when it has to give way to one that waits because
/// it has had its place for too long. Sources have their turns one after the other. Any thread.
class TlsPlaces : public std::enable_shared_from_this<TlsPlaces> {
public:
    using Clock = std::chrono::steady_clock;
    /// So long a connection may keep its place from others: many times what a handshake takes, also
    /// over a slow network. Less while more connections wait than half as many as there are places.
    static constexpr auto patience = std::chrono::seconds(3);
    /// The same, where its source has far more places than the one that waits; and the least of it
    /// in a long line.
    static constexpr auto crowd_patience = std::chrono::milliseconds(500);
    /// A claim that waits is tried again so often.
    static constexpr auto retry_interval = std::chrono::milliseconds(200);

    /// A place or the wish for one. Ends with its last owner.
    class Claim {
    public:
        ~Claim() { places_->end(*this); }
        Claim(const Claim&) = delete;
        Claim& operator=(const Claim&) = delete;
        /// A place is there. It stays, unless the connection was told to give way.
        bool is_held() const { return places_->is_held(*this); }
        /// Tries again, for a connection that has waited.
        bool retry(Clock::time_point now) { return places_->retry(*this, now); }

    private:
        friend class TlsPlaces;
        enum class State { Waiting, Held, Ended };
        Claim(std::shared_ptr<TlsPlaces> places, std::string source)
            : places_(std::move(places)), source_(std::move(source)) {}

        std::shared_ptr<TlsPlaces> places_;
        std::string source_;
        State state_ = State::Waiting;   // under the lock, like the rest
        Clock::time_point since_{};
        std::list<Claim*>::iterator at_{};   // in waiting_ or sources_
        std::function<void()> granted_, give_way_;
    };

    explicit TlsPlaces(std::size_t most) : most_(most) {}

    /// `granted`: the claim has waited and is held now. `give_way`: the connection is to end. Each
    /// is called once at most, from any thread, never under the lock.
    std::shared_ptr<Claim> claim(
        std::string source,
        Clock::time_point now,
        std::function<void()> granted,
        std::function<void()> give_way
    );
    std::size_t held() const;

private:
    using Calls = std::list<std::function<void()>>;

    bool is_held(const Claim& claim) const;
    bool retry(Claim& claim, Clock::time_point now);
    void end(Claim& claim);
    /// All under the lock.
    void let_in(Claim& claim, Clock::time_point now, Calls& calls);
    bool take_from_another(const Claim& to, Clock::time_point now, Calls& calls);
    void grant(Claim& claim, Clock::time_point now, Calls& calls);
    Clock::duration patience_now() const;
    Claim* to_give_way(const Claim& to, Clock::time_point now) const;
    void hold(Claim& claim, Clock::time_point now);
    void release(Claim& claim);
    void stop_waiting(Claim& claim);
    Claim& next_waiting() const;

    const std::size_t most_;
    mutable std::mutex mutex_;
    std::size_t held_ = 0, line_ = 0;                    // line_: all that wait
    std::map<std::string, std::list<Claim*>> sources_;   // held, the oldest first
    std::map<std::string, std::list<Claim*>> waiting_;
    std::string last_granted_;   // sources have their turns one after the other
};

}   // namespace grid::server::net
