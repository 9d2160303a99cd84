// controller/command_sessions.hpp: ad-hoc commands that are being filled in (XEP-0050 sessions).
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/batch.hpp"
#include "xml/form.hpp"
#include "xml/jid.hpp"

namespace grid::controller {

/// One command of one requester, between its stages.
struct Dialog {
    xml::Jid owner;                   // full: another resource cannot go on with it
    std::string node;                 // of the command
    std::vector<xml::Form> answers;   // of the stages behind it
    std::size_t bytes = 0;
    storage::Millis touched = 0;
    std::uint64_t number = 0;   // in the order of opening
    /// The request that ended it: decided again after a conflict, it must find it as it was.
    std::string ended_by;
};

/// Soft state, bounded in number, bytes and time: gone with the process, and never more than a
/// convenience, since every stage checks rights and values anew.
class Dialogs {
public:
    static constexpr storage::Millis idle_ms_max = 10 * 60 * 1000;
    static constexpr std::size_t dialogs_max = 500;
    /// With this many of all accounts a member opens no more: the rest is for administrators.
    static constexpr std::size_t members_dialogs_max = 400;
    static constexpr std::size_t dialogs_per_account_max = 8;
    static constexpr std::size_t bytes_max = 8 * 1024 * 1024;

    /// A new one; the account's oldest goes when it has too many. Null: there are `most` of all
    /// accounts.
    Dialog* open(
        std::string id,
        const xml::Jid& owner,
        std::string_view node,
        storage::Millis now,
        std::size_t most = dialogs_max
    );
    /// Null: no dialog of that id, owner and command. A dialog that has ended is found only by the
    /// request that ended it.
    Dialog* find(
        std::string_view id,
        const xml::Jid& owner,
        std::string_view node,
        std::string_view request,
        storage::Millis now
    );
    /// There is one, and it is another's, or of another command.
    bool is_foreign(std::string_view id, const xml::Jid& owner, std::string_view node) const;
    /// False: too many bytes are held.
    bool answer(Dialog& dialog, const xml::Form& form);
    void back(Dialog& dialog);
    void close(std::string_view id);
    std::size_t size() const { return dialogs_.size(); }

    /// An id that says when it was made: what looks like one but is not there has ended, or was
    /// forgotten (XEP-0050 §4.4: session-expired, and not bad-sessionid).
    static std::string make_id(const std::string& fresh_id, storage::Millis now);
    static bool looks_like_id(std::string_view id);

private:
    using Place = std::map<std::string, Dialog, std::less<>>::iterator;
    void forget_old(storage::Millis now);
    void erase(Place place);

    std::map<std::string, Dialog, std::less<>> dialogs_;   // by id
    std::size_t bytes_ = 0;
    std::uint64_t opened_ = 0;
};

}   // namespace grid::controller
