// controller/policy/drafts.hpp: texts that are not in force, made into policies on the reader pool:
// for questions about them, and for the moment when they are in force.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "controller/policy/policy.hpp"

namespace grid::controller::policy {

/// A text, and the policy that it would be, or its mistakes. Never changes.
struct Draft {
    std::string text;
    std::uint64_t version = 0;   // that it would be
    std::vector<ParseError> errors;
    std::size_t rules = 0;
    std::shared_ptr<const Policy> policy;   // null: the text has mistakes

    bool ok() const { return errors.empty(); }
};
using DraftPtr = std::shared_ptr<const Draft>;
/// Makes the draft. On the reader pool, since it takes long where there are many rules.
using DraftWork = std::function<DraftPtr()>;

/// Which drafts are being made, and the last one that was. Core strand.
class Drafts {
public:
    /// At once: else an administrator would keep the pool from the reads of others. Questions of
    /// some accounts keep none from changing the policy.
    static constexpr std::size_t per_account_max = 2, questions_max = 4;
    enum class Purpose : std::uint8_t { Question, Change };

    /// The text as that version, if it is the last draft; else null.
    DraftPtr find(std::string_view text, std::uint64_t version) const;
    void keep(DraftPtr draft) { last_ = std::move(draft); }
    /// The last one as a policy; null: there is none, or it has mistakes.
    const Policy* last() const { return last_ ? last_->policy.get() : nullptr; }
    /// Empty: as many as may be are being made.
    DraftWork begin(
        Purpose purpose,
        std::string_view account,
        const std::string& text,
        const Policy& in_force,
        storage::Millis now
    );

private:
    /// Each is there for as long as its work.
    std::map<std::pair<Purpose, std::string>, std::vector<std::weak_ptr<void>>> places_;
    DraftPtr last_;
};

}   // namespace grid::controller::policy
