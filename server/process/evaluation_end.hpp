// server/process/evaluation_end.hpp: the end of an evaluation: its remains in a data directory
// are found and taken out.
#pragma once

#include <string>
#include <vector>

#include "server/log.hpp"
#include "server/process/options.hpp"
#include "storage/store.hpp"

namespace grid::server {

/// Rights that an evaluation gave to the holders of its certificates.
struct EvaluationLeftovers {
    bool has_policy = false;                   // the one that allows everything is in force
    std::vector<std::string> administrators;   // bound to the evaluation CA, or only ever of it
    std::size_t accounts = 0;                  // others that are bound to that CA

    bool any() const { return has_policy || !administrators.empty(); }
    std::string to_text() const;
};

/// Empty while the evaluation goes on, and without its CA where the operator trusts that by
/// tls.client_ca. The error is of the store.
Result<EvaluationLeftovers, std::string> evaluation_leftovers(
    const storage::Snapshot& store, const AppOptions& options
);

/// Whether a start with these options makes a CA and an administrator.
bool would_make_evaluation(const AppOptions& options);
/// Why they must not be made: the store is a real grid's; empty: they may be.
std::string why_no_evaluation(const storage::Snapshot& store, const AppOptions& options);

/// Why a server with certificates of the operator's own does not start on them, and the command
/// that makes a real grid of it; empty: it does.
std::string why_still_evaluation(const storage::Snapshot& store, const AppOptions& options);

/// `gridd --end-evaluation`: while no server runs. Puts policy.file in force, or a policy that
/// allows nothing; deletes the evaluation's administrators; moves its CA and certificates away.
/// Prints what it did; the exit status.
int end_evaluation(const AppOptions& options);

}   // namespace grid::server
