// storage/errors.cpp: one sentence per reason, with the fault and the remedy.
#include "storage/errors.hpp"

#include <array>
#include <string>

namespace grid::storage {
namespace {

/// One row per Errc, in the same order.
constexpr std::array sentences{
    "something that the change rests on was changed in the meantime: decide again",
    "not enough free space on the data volume, nothing was changed: make room",
    "the write or its sync failed, the outcome is unknown: look before you repeat",
    "writes are stopped because an earlier write failed: reopen the store",
    "the batch has too many operations or too many bytes: split it",
    "the data on disk cannot be understood: restore a backup",
    "the data was written by another version of the store: use that version, or migrate",
    "another process has the store open: stop it, or use another data directory",
    "the store could not be opened, read or written: see the log, check disk and permissions",
    "the store is closed",
    "the batch would lose or replace an audit record, nothing was changed: this is a fault of "
    "gridd",
    "another member of the cluster leads, nothing was changed: ask again",
    "the log of the cluster begins behind this store: copy the store of another member",
    "the log of the cluster, or the member that leads, does not answer, nothing was changed: see "
    "/readyz of this member",
    "the store has data that the log of the cluster does not go on from: copy the store of a "
    "member, "
    "or give the cluster another name",
};

struct Category final : boost::system::error_category {
    const char* name() const noexcept override { return "storage"; }
    std::string message(int value) const override {
        const auto row = static_cast<std::size_t>(value) - 1;
        return row < sentences.size() ? sentences[row] : "unknown storage error";
    }
};

const Category category{};

}   // namespace

static_assert(sentences.size() == static_cast<std::size_t>(Errc::OtherHistory));

boost::system::error_code make_error_code(Errc e) { return {static_cast<int>(e), category}; }

}   // namespace grid::storage
