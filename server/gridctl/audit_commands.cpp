// server/gridctl/audit_commands.cpp: `audit list|verify`: who did what, and is it all still
// there.
#include <memory>

#include "controller/audit/verify.hpp"
#include "controller/rest/views.hpp"
#include "server/gridctl/rest_commands.hpp"
#include "server/gridctl/table.hpp"
#include "storage/rocks_store.hpp"

namespace grid::gridctl {
namespace {

namespace json = boost::json;

struct ListArguments {
    std::string account, topic, operation, decision, from, to;
    std::size_t count_max = 50;
    bool all = false;
};

struct VerifyArguments {
    std::string number, hash;
    bool is_offline = false;
};

void list_records(const Options& options, const ListArguments& given) {
    Client client = connect_to(options);
    const Query query{{"account", given.account},     {"topic", given.topic},
                      {"operation", given.operation}, {"decision", given.decision},
                      {"from", given.from},           {"to", given.to}};
    const std::size_t count_max = given.all ? SIZE_MAX : given.count_max;
    print_list(
        options, list_all(client, "audit", "records", query, count_max), "records",
        {{"TIME", "time"},
         {"LAST", "last"},
         {"ACTOR", "actor"},
         {"OPERATION", "operation"},
         {"TOPIC", "topic"},
         {"TARGET", "target"},
         {"DECISION", "decision"},
         {"RULE", "rule"},
         {"COUNT", "count"},
         {"DETAIL", "detail"}}
    );
}

/// The files of a server that is stopped, or as they were when the last table was written.
json::object verify_files(const Options& options, const VerifyArguments& given) {
    controller::audit::Check check;
    check.max = SIZE_MAX;
    if (!given.number.empty()) {
        check.passes = controller::audit::parse_passage(given.number, given.hash);
        if (!check.passes)
            throw Failed(Exit::Usage, "--hash is the 64 lower-case hex digits of record --number");
    }
    storage::RocksSettings settings;
    settings.path = (options.data / "store").string();
    // Opening to read would make the directory.
    if (!std::filesystem::exists(settings.path))
        throw Failed(Exit::Usage, "there is no store at " + settings.path + ": give --data DIR");
    std::string why;
    settings.log = [&why](storage::LogLevel level, std::string_view text) {
        if (level == storage::LogLevel::Error) why = text;
    };
    const auto snapshot = storage::open_rocks_snapshot(settings);
    if (!snapshot)
        throw Failed(
            snapshot.error() == storage::Errc::Corrupt ? Exit::Refused : Exit::Usage,
            why.empty() ? snapshot.error().message() : why
        );
    const auto verified = controller::audit::verify(**snapshot, check);
    if (!verified)
        throw Failed(Exit::Refused, "the audit cannot be read: " + verified.error().message());
    return controller::rest::to_json(*verified);
}

json::object verify_server(const Options& options, const VerifyArguments& given) {
    Client client = connect_to(options);
    Query query{{"number", given.number}, {"hash", given.hash}, {"after", ""}};
    std::uint64_t checked = 0, unlinked = 0, cut = 0;
    std::uint64_t kept = 0, lost_count = 0;
    bool has_passed = false;
    json::object part;
    json::array lost;
    do {
        part = client.call("GET", with_query("audit/verify", query));
        checked += part.at("checked").to_number<std::uint64_t>();
        unlinked += part.at("unlinked").to_number<std::uint64_t>();
        kept += part.at("kept").to_number<std::uint64_t>();
        lost_count += part.at("lost_count").to_number<std::uint64_t>();
        for (const json::value& one : part.at("lost").as_array()) lost.push_back(one);
        cut = std::max(cut, part.at("cut").to_number<std::uint64_t>());
        has_passed = has_passed || part.at("passed").as_bool();
        const auto next = next_page(part, query.back().second);
        if (!next) break;
        query.back().second = *next;
    } while (part.at("ok").as_bool());
    part["checked"] = checked;
    part["unlinked"] = unlinked;
    part["cut"] = cut;
    part["kept"] = kept;
    part["lost"] = std::move(lost);
    part["lost_count"] = lost_count;
    part["passed"] = has_passed;
    return part;
}

void verify(const Options& options, const VerifyArguments& given) {
    json::object result =
        given.is_offline ? verify_files(options, given) : verify_server(options, given);
    result.erase("next");
    const bool is_whole = result.at("ok").as_bool();
    const bool misses = is_whole && !given.number.empty() && !result.at("passed").as_bool();
    if (options.json) {
        print(json_line(result));
    } else {
        const json::object& head = result.at("head").as_object();
        print(
            (is_whole ? "ok    " : "FAIL  ") + json::serialize(result.at("checked")) +
            " records follow from each other, up to number " + json::serialize(head.at("number")) +
            ", hash " + std::string(head.at("hash").as_string()) + "\n"
        );
        if (result.at("cut") != 0U)
            print(
                "note  records up to " + json::serialize(result.at("cut")) +
                " were cut by retention, on record; " + json::serialize(result.at("kept")) +
                " of them were kept\n"
            );
        for (const json::value& one : result.at("lost").as_array())
            print("note  " + std::string(one.at("text").as_string()) + "\n");
        if (result.at("lost_count") != result.at("lost").as_array().size())
            print(
                "note  so were others, " + json::serialize(result.at("lost_count")) + " in all\n"
            );
        if (result.at("unlinked") != 0U)
            print(
                "note  " + json::serialize(result.at("unlinked")) +
                " records are from before there was a chain\n"
            );
    }
    if (!is_whole) {
        const json::object& broken = result.at("broken").as_object();
        throw Failed(
            Exit::Refused, "the audit was tampered with at number " +
                               json::serialize(broken.at("number")) + ", record '" +
                               printable(broken.at("id").as_string()) +
                               "': " + printable(broken.at("text").as_string())
        );
    }
    if (misses)
        throw Failed(
            Exit::Refused, "the chain holds, but it does not come to number " + given.number +
                               ": it is another one, or that record was cut"
        );
}

}   // namespace

void add_audit_commands(CLI::App& app, const Options& options) {
    const auto given = std::make_shared<ListArguments>();
    CLI::App* auditing = app.add_subcommand("audit", "decisions on record, newest first");
    auditing->require_subcommand(0, 1);
    CLI::App* listing = auditing->add_subcommand("list", "the records, as without this word");
    auditing->add_option("--account", given->account, "only records of this account");
    auditing->add_option("--topic", given->topic, "only records about this topic");
    auditing->add_option(
        "--operation", given->operation, "only records of this operation, e.g. publish"
    );
    auditing->add_option("--decision", given->decision, "only records of this decision")
        ->check(CLI::IsMember({"allow", "deny", "info"}));
    auditing->add_option("--from", given->from, "not before, 2026-11-01T12:00:00Z");
    auditing->add_option("--to", given->to, "not after");
    auditing->add_option("--max", given->count_max, "how many (default: 50)")
        ->check(CLI::Range(std::size_t{1}, std::size_t{1} << 32U));
    auditing->add_flag("--all", given->all, "all records");

    const auto checked = std::make_shared<VerifyArguments>();
    CLI::App* verifying = auditing->add_subcommand(
        "verify", "is every record there, unchanged and in order? Exit code 1: no"
    );
    verifying->add_flag(
        "--offline", checked->is_offline, "read the files below --data, without a server"
    );
    CLI::Option* number = verifying->add_option(
        "--number", checked->number,
        "a record that must be there, as the log line audit_head has it"
    );
    CLI::Option* hash = verifying->add_option("--hash", checked->hash, "its hash");
    number->needs(hash);
    hash->needs(number);
    verifying->callback([&options, checked] { verify(options, *checked); });
    auditing->callback([&options, given, auditing, listing] {
        if (auditing->get_subcommands().empty() || listing->parsed()) list_records(options, *given);
    });
}

}   // namespace grid::gridctl
