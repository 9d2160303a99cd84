// server/pki/initialize.hpp: the evaluation CA and what hangs on it, made once in DIR/pki.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "storage/batch.hpp"
#include "xml/jid.hpp"
#include "xml/result.hpp"

namespace grid::pki {

struct Initialized {
    std::vector<std::string> made, present;   // file names below DIR
};

enum class Administrator { Made, None };

/// A CA, a server certificate for `domain`, and, unless clients have another CA, a certificate for
/// admin@domain, who becomes an administrator. Never overwrites: makes what is missing, and all of
/// it in one step when nothing is there yet, so that a start that was killed leaves nothing
/// half-made. The CA's key is read only when something is missing. The error says what contradicts
/// what, and what to do.
Result<Initialized, std::string> initialize(
    const std::filesystem::path& data,
    const std::string& domain,
    storage::Millis now,
    Administrator administrator = Administrator::Made
);

/// Adds the line to DIR/administrators, resp. removes it. False: nothing to do.
Result<bool, std::string> add_administrator(const std::filesystem::path& data, const xml::Jid& jid);
Result<bool, std::string> remove_administrator(
    const std::filesystem::path& data, const xml::Jid& jid
);
/// Adds a line to DIR/rebind, for gridd to do.
Result<void, std::string> ask_to_rebind(
    const std::filesystem::path& data, const xml::Jid& jid, const std::string& key
);

}   // namespace grid::pki
