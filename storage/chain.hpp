// storage/chain.hpp: the audit family as a chain: each record carries a hash over the one before.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "storage/batch.hpp"

struct evp_md_ctx_st;

namespace grid::storage {

using Hash = std::array<char, 32>;

/// Where a record stands in the chain. Stored behind the record, by the store itself.
struct Link {
    std::uint64_t number = 0;   // of the record, counted from 1; 0: nothing was linked yet
    std::uint64_t bytes = 0;    // of all records up to this one, those that were cut too
    Hash hash{};
    bool operator==(const Link&) const = default;
};
inline constexpr std::size_t link_bytes = 8 + 8 + 32;

std::string encode(const Link& link);
std::optional<Link> decode_link(std::string_view bytes);
std::string to_hex(std::string_view bytes);
/// nullopt unless the text is an even number of lower-case hex digits.
std::optional<std::string> from_hex(std::string_view text);
inline std::string_view view(const Hash& hash) { return {hash.data(), hash.size()}; }

/// A value of the audit family: what was put, and its place.
struct Linked {
    std::string_view record;
    Link link;
};
/// nullopt when the value is too short to have been linked.
std::optional<Linked> split_link(std::string_view value);

/// Computes links. Used by one thread.
class Chain {
public:
    Chain();
    ~Chain();
    Chain(Chain&&) noexcept;
    Chain& operator=(Chain&&) noexcept;

    /// SHA-256 over the previous hash, the place, key (with the revision), time and record.
    Link next(const Link& previous, std::string_view key, Millis time, std::string_view record);
    /// Appends the record's link to `value` and goes on from there.
    void link(std::string_view key, Millis time, std::string& value);
    void resume(const Link& head) { head_ = head; }
    const Link& head() const { return head_; }

private:
    struct Freed {
        void operator()(evp_md_ctx_st* context) const;
    };
    std::unique_ptr<evp_md_ctx_st, Freed> context_;
    Link head_;
};

}   // namespace grid::storage
