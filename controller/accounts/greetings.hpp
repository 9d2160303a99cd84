// controller/accounts/greetings.hpp: texts that accounts are sent when they log in.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "controller/accounts/account.hpp"
#include "controller/accounts/visits.hpp"
#include "controller/ports.hpp"
#include "controller/settings.hpp"
#include "storage/batch.hpp"
#include "xml/jid.hpp"

namespace grid::controller {

/// A text with its author.
struct Greeting {
    std::string text, changed_by;
    storage::Millis set = 0;   // names it: an account gets a text of another time again
    bool operator==(const Greeting&) const = default;
};
std::string encode(const Greeting& greeting);

/// XEP-0133 §4.24, §4.27. Memory follows the records.
struct Greetings {
    std::optional<Greeting> motd;      // to each account once, as long as it is there
    std::optional<Greeting> welcome;   // with its first login, to an account made since it was set

    /// `name`: of the key, without its tag. Another name is another record.
    void apply(std::string_view name, const std::optional<storage::Record>& record);
    bool operator==(const Greetings&) const = default;
};
inline constexpr std::string_view motd_name = "motd", welcome_name = "welcome";
std::string greeting_key(std::string_view name);

/// A message of type headline, as pubsub::Notification::rest. `id` is unique to the text.
xml::Bytes headline(
    const Settings& settings, std::string_view id, std::string_view subject, std::string_view body
);
/// A resource of the account logged in: the texts that it has not had, and the login on record.
void greet(
    const Account& account,
    const xml::Jid& full,
    storage::Millis now,
    const Settings& settings,
    const Greetings& greetings,
    Visits& visits,
    SessionControl& control
);

}   // namespace grid::controller
