// storage/errors.hpp: why a batch was not committed.
#pragma once

#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>

namespace grid::storage {

enum class Errc {
    Conflict = 1,     // an expectation failed: decide again
    NoSpace,          // refused before it was written; nothing changed
    UnknownOutcome,   // the write or its sync failed: look before you repeat
    WritesStopped,    // refused because an earlier write failed; only reopening ends that
    TooLarge,         // over batch_operations_max or batch_bytes_max
    Corrupt,          // the bytes on disk cannot be understood
    WrongSchema,      // written by another version of the store
    Locked,           // another process has it open
    Io,               // could not be opened or read
    Closed,           // the store is shutting down
    Malformed,        // breaks a rule of the audit family (README.md)
    Fenced,           // another member of the cluster leads
    Trimmed,          // the cluster's log begins behind what was asked for
    Unreachable,      // the cluster's log does not answer
    OtherHistory,     // the store has data that is not of the cluster's log
};

boost::system::error_code make_error_code(Errc e);

template <class T>
using Result = boost::system::result<T>;

}   // namespace grid::storage

template <>
struct boost::system::is_error_code_enum<grid::storage::Errc> : std::true_type {};
