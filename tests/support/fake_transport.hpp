// tests/support/fake_transport.hpp: a transport that keeps and counts what a session is sent.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/session/budget.hpp"
#include "server/session/transport.hpp"
#include "xml/jid.hpp"

namespace grid::test {

/// Stanzas, and the bytes that they are charged for (Outgoing::bytes).
struct Traffic {
    std::size_t stanzas = 0, bytes = 0;
    bool operator==(const Traffic&) const = default;
};

/// The peer reads everything at once, or, with `is_fast` unset, nothing before `read_all`: until
/// then the bytes stay in the session's budget. Every mark is reached at once, or, with
/// `is_far` set, none. One thread.
class FakeTransport final : public server::Transport {
public:
    FakeTransport(std::shared_ptr<server::Budget> budget, xml::Jid full)
        : budget_(std::move(budget)), jid_(std::move(full)) {}

    // server::Transport
    void send(std::vector<server::Outgoing> stanzas, std::size_t bytes) override;
    void mark(std::uint64_t number, std::function<void(std::uint64_t)> done) override;
    void close(std::optional<xml::StreamError> error) override;

    /// Gives back the bytes of all that was sent.
    void read_all();
    /// The stanzas that were sent since the last `take`, in their order.
    const std::vector<std::string>& stanzas() const { return stanzas_; }
    /// The same, and forgets them. The counts go on.
    std::vector<std::string> take() { return std::exchange(stanzas_, {}); }

    /// All that was ever sent.
    Traffic traffic() const;
    /// Of it the stanzas of that name: "message", "presence", "iq".
    Traffic traffic(std::string_view kind) const;
    /// Of them those whose `to` is that address; empty: those without one.
    Traffic traffic(std::string_view kind, std::string_view address) const;

    std::size_t held_bytes() const { return held_bytes_; }   // that were not read yet
    /// The condition of the stream error, or "closed"; empty: it is open.
    const std::string& closed() const { return closed_; }

    bool is_fast = true, is_far = false;

private:
    std::shared_ptr<server::Budget> budget_;
    xml::Jid jid_;
    std::vector<std::string> stanzas_;
    std::map<std::pair<std::string, std::string>, Traffic> traffic_;   // by kind and address
    std::size_t held_bytes_ = 0;
    std::string closed_;
};

}   // namespace grid::test
