// controller/administration/greeting_acts.hpp: the administrators' acts on the texts that accounts
// are sent when they log in.
#pragma once

#include <string>

#include "controller/administration/act_context.hpp"

namespace grid::controller::administration {

/// Of one text.
inline constexpr std::size_t greeting_bytes_max = 16 * 1024;

/// The message of the day (XEP-0133 §4.24): to all accounts that are online at once, to each other
/// one with its next login. `corrects`: accounts that had the text before are not sent it again
/// (§4.25).
Outcome<storage::Batch> set_motd(const ActContext& call, const std::string& text, bool corrects);
/// Without operations when there is none.
storage::Batch delete_motd(const ActContext& call);
/// The welcome (§4.27): to accounts that are made from now on, with their first login.
Outcome<storage::Batch> set_welcome(const ActContext& call, const std::string& text);
/// Without operations when there is none.
storage::Batch delete_welcome(const ActContext& call);

}   // namespace grid::controller::administration
