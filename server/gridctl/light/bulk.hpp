// server/gridctl/light/bulk.hpp: the words that the bulk commands share: another attempt, the place
// of a URL; and `bulk get`.
#pragma once

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "server/gridctl/light/console.hpp"
#include "server/gridctl/light/https.hpp"
#include "server/gridctl/light/login.hpp"
#include "server/gridctl/light/run.hpp"
#include "server/gridctl/table.hpp"
#include "server/gridctl/xmpp/back_off.hpp"

namespace grid::gridctl::light {

/// After a break, so long, unless --reconnect says otherwise.
inline constexpr long bulk_reconnect_seconds = 300;

/// Tries until it works, or the server has been away for too long. A time that the server has named
/// is waited for; where that is too long it has refused.
template <class Work>
auto persist(Console& console, long seconds, Work work) {
    xmpp::BackOff back_off;
    std::optional<Clock::time_point> since;
    while (true) {
        try {
            return work([&] {
                since.reset();
                back_off.reset();
            });
        } catch (const Broken& broken) {
            if (broken.is_final || broken.is_refusal) throw Failed(Exit::Connection, broken.what());
            if (!since) since = Clock::now();
            const auto left = std::chrono::seconds(seconds) - (Clock::now() - *since);
            if (left <= left.zero()) throw Failed(Exit::Connection, broken.what());
            if (broken.after_seconds > 0 && std::chrono::seconds(broken.after_seconds) > left)
                throw Failed(
                    Exit::Refused, std::string(broken.what()) + ": try again in " +
                                       std::to_string(broken.after_seconds) + " s"
                );
            console.remark(std::string(broken.what()) + "; trying again");
            wait_ms(std::max<std::int64_t>(back_off.next_ms(0), broken.after_seconds * 1000L));
        }
    }
}

/// Broken for refusals after which another attempt can end better.
void fail_if_passing(const HttpAnswer& answer);
/// The place of a URL, at the machine that --server names where it is given. Only this grid's own
/// server is asked, with our certificate.
Target target_of(const Door& door, const Options& common, const HttpsUrl& url);
/// Whether it leads to the server of that domain, in whichever form either is spelt.
bool is_of_grid(const HttpsUrl& url, const std::string& domain);

/// An account as it is given; a name without `@` is one of the grid's.
xml::Jid account_on(const Door& door, const Options& common, const std::string& text);

void add_bulk_get(CLI::App& group, const Options& common);

}   // namespace grid::gridctl::light
