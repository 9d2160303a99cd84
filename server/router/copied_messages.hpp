// server/router/copied_messages.hpp: which messages were copied, so that errors in answer to them
// are (XEP-0280 §6.1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "xml/jid.hpp"

namespace grid::server {

/// The newest ones of all senders, by a hash. An error in answer to an older one is not copied; one
/// of another message by a hash that is the same, which nobody can foresee. Core strand.
class CopiedMessages {
public:
    CopiedMessages();
    void note(const xml::Jid& from, const xml::Jid& to, std::string_view id);
    /// Whether an error from `from` to `to` answers one of them: both were the other way round.
    bool is_answered_by(const xml::Jid& from, const xml::Jid& to, std::string_view id) const;

    static constexpr std::size_t noted_max = 4'096;

private:
    std::uint64_t hash_of(const xml::Jid& from, const xml::Jid& to, std::string_view id) const;

    std::uint64_t seed_;
    std::vector<std::uint64_t> noted_;   // a ring
    std::size_t next_ = 0;
    std::unordered_map<std::uint64_t, std::uint32_t> counts_;
};

}   // namespace grid::server
