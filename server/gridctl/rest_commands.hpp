// server/gridctl/rest_commands.hpp: shared parts of the commands over REST: lists page by page,
// printing.
#pragma once

#include <boost/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/gridctl/client.hpp"
#include "server/gridctl/options.hpp"

namespace grid::gridctl {

using Query = std::vector<std::pair<std::string, std::string>>;

/// "path?name=value&…" without empty values.
std::string with_query(const std::string& path, const Query& query);

/// Where the next page begins, as this one says; nullopt: this one is the last. `here`: where this
/// one began. Failed: the cursor does not move, and there would be no end.
std::optional<std::string> next_page(const boost::json::object& page, std::string_view here);

/// Follows the cursors to the end, or to `count_max` elements: {NAME: […], "next": …}.
boost::json::object list_all(
    Client& client,
    const std::string& path,
    const std::string& name,
    Query query = {},
    std::size_t count_max = SIZE_MAX
);

/// A column: its head and the member that it shows.
using Columns = std::vector<std::pair<std::string, std::string>>;
void print_list(
    const Options& options,
    const boost::json::object& list,
    const std::string& name,
    const Columns& columns
);
void print_object(const Options& options, const boost::json::object& object);

Client connect_to(const Options& options);
/// A name without `@` is completed with the server's domain.
xml::Jid account_at(const Options& options, Client& client, const std::string& text);

/// `policy test` and `policy dry-run` (server/gridctl/policy_questions.cpp).
void add_policy_questions(CLI::App& group, const Options& options);

}   // namespace grid::gridctl
