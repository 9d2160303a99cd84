// server/gridctl/account_commands.cpp: `accounts …`: who may join the grid.
#include <memory>

#include "server/gridctl/rest_commands.hpp"
#include "server/gridctl/table.hpp"

namespace grid::gridctl {
namespace {

namespace json = boost::json;

struct AccountArguments {
    std::string jid, state, key = "current", device_type, description, authority, from, password;
    std::vector<std::string> groups;
    bool none = false, keep = false, administrators = false, names_device = false;
    bool removes_password = false, is_trial = false;
};
using Shared = std::shared_ptr<AccountArguments>;

std::string path_of(
    const Options& options,
    Client& client,
    const AccountArguments& given,
    const std::string& below = {}
) {
    return "accounts/" + encoded(account_at(options, client, given.jid).str()) + below;
}

json::value groups_of(const AccountArguments& given) {
    json::object body;
    if (!given.groups.empty())
        body["groups"] = json::array(given.groups.begin(), given.groups.end());
    if (given.names_device) body["device_type"] = given.device_type;
    return body;
}

void list_accounts(const Options& options, const AccountArguments& given) {
    Client client = connect_to(options);
    const auto all = list_all(client, "accounts", "accounts", {{"state", given.state}});
    print_list(
        options, all, "accounts",
        {{"ACCOUNT", "jid"},
         {"STATE", "state"},
         {"GROUPS", "groups"},
         {"WISHED", "wished_groups"},
         {"CERTIFICATE", "certificate.subject"},
         {"CHANGED", "changed"}}
    );
}

/// approve, decline, disable, enable.
void change_account(
    const Options& options, const AccountArguments& given, const std::string& verb
) {
    Client client = connect_to(options);
    const json::object account =
        client.call("POST", path_of(options, client, given, "/" + verb), groups_of(given));
    if (options.json) return print_object(options, account);
    print(
        cell_of(account, "jid") + " is " + cell_of(account, "state") +
        ", groups: " + cell_of(account, "groups") + "\n"
    );
}

void add_account(const Options& options, const AccountArguments& given) {
    const std::string password =
        given.password.empty() ? std::string() : read_password(given.password);
    Client client = connect_to(options);
    json::object body{{"jid", account_at(options, client, given.jid).str()}};
    if (!password.empty()) body["password"] = password;
    if (!given.groups.empty())
        body["groups"] = json::array(given.groups.begin(), given.groups.end());
    print_object(options, client.call("POST", "accounts", body));
}

void set_groups(const Options& options, const AccountArguments& given) {
    Client client = connect_to(options);
    if (given.groups.empty() && !given.none) {
        const json::object account = client.call("GET", path_of(options, client, given));
        if (options.json) return print_object(options, account);
        return print(cell_of(account, "groups") + "\n");
    }
    const json::array groups(given.groups.begin(), given.groups.end());
    const json::object account = client.call(
        "PUT", path_of(options, client, given, "/groups"), json::object{{"groups", groups}}
    );
    if (options.json) return print_object(options, account);
    print(cell_of(account, "jid") + " is in: " + cell_of(account, "groups") + "\n");
}

void set_password(const Options& options, const AccountArguments& given) {
    const std::string password = given.removes_password ? "" : read_password(given.password);
    Client client = connect_to(options);
    const std::string path = path_of(options, client, given, "/password");
    const json::object account =
        given.removes_password ? client.call("DELETE", path)
                               : client.call("PUT", path, json::object{{"password", password}});
    if (options.json) return print_object(options, account);
    print(
        cell_of(account, "jid") +
        (given.removes_password ? " has no password any more\n" : " has a new password\n")
    );
}

void remove_account(const Options& options, const AccountArguments& given) {
    Client client = connect_to(options);
    const json::object done = client.call("DELETE", path_of(options, client, given));
    if (options.json) return print_object(options, done);
    print("deleted " + cell_of(done, "deleted") + "\n");
}

void show_account(const Options& options, const AccountArguments& given) {
    Client client = connect_to(options);
    print_object(options, client.call("GET", path_of(options, client, given)));
}

/// pin, unpin, describe.
void edit_account(const Options& options, const AccountArguments& given, const json::object& what) {
    Client client = connect_to(options);
    const json::object account = client.call("PATCH", path_of(options, client, given), what);
    if (options.json) return print_object(options, account);
    print(
        cell_of(account, "jid") + ": device type '" + cell_of(account, "device_type") +
        "', pinned to " + cell_of(account, "key_pin") + "\n"
    );
}

void print_moved(
    const Options& options,
    const AccountArguments& given,
    const json::array& moved,
    const json::array& refused
) {
    if (options.json)
        return print_object(
            options, {{"moved", moved}, {"refused", refused}, {"dry_run", given.is_trial}}
        );
    for (const json::value& one : moved) print(printable(one.as_string()) + "\n");
    for (const json::value& one : refused)
        print(cell_of(one, "jid") + " stays: " + cell_of(one, "text") + "\n");
    print(
        std::to_string(moved.size()) +
        (given.is_trial ? " accounts would be moved\n" : " accounts are moved\n")
    );
}

/// One account, or all that are meant, a part at a time.
void rebind_accounts(const Options& options, const AccountArguments& given) {
    const bool is_one = !given.jid.empty();
    if (is_one == (!given.from.empty() || given.administrators))
        throw Failed(
            Exit::Usage, "say which accounts: JID, or --from-anchor CA, or --administrators"
        );
    if (is_one && given.is_trial)
        throw Failed(Exit::Usage, "--dry-run is for --from-anchor and --administrators");
    Client client = connect_to(options);
    json::object body{{"ca", authority_key(given.authority)}, {"keep", given.keep}};
    if (is_one) {
        const json::object account =
            client.call("POST", path_of(options, client, given, "/rebind"), body);
        if (options.json) return print_object(options, account);
        return print(
            cell_of(account, "jid") + " is bound to " + cell_of(account, "certificate.anchor") +
            (given.keep ? " and " + cell_of(account, "certificate.other_anchors") : "") + "\n"
        );
    }
    if (!given.from.empty()) body["from"] = authority_key(given.from);
    if (given.administrators) body["administrators"] = true;
    if (given.is_trial) body["dry_run"] = true;
    json::array moved, refused;
    std::string after;
    while (true) {
        const json::object done = client.call("POST", "rebind", body);
        for (const json::value& one : done.at("moved").as_array()) moved.push_back(one);
        for (const json::value& one : done.at("refused").as_array()) refused.push_back(one);
        const auto next = next_page(done, after);
        if (!next) break;
        body["after"] = after = *next;
    }
    print_moved(options, given, moved, refused);
    if (!refused.empty())
        throw Failed(Exit::Refused, std::to_string(refused.size()) + " accounts stay as they are");
}

/// Shown once: the server keeps no recovery code.
void set_second_factor(const Options& options, const AccountArguments& given) {
    Client client = connect_to(options);
    const std::string path = path_of(options, client, given, "/second-factor");
    if (given.removes_password) {
        const json::object removed = client.call("DELETE", path);
        if (options.json) return print_object(options, removed);
        return print(
            removed.at("removed").as_bool() ? "the account has no second factor any more\n"
                                            : "the account had no second factor\n"
        );
    }
    const json::object made = client.call("PUT", path);
    if (options.json) return print_object(options, made);
    std::string text = "For the authenticator of " + cell_of(made, "account") +
                       ", now and never again:\n  " + cell_of(made, "uri") + "\n  secret " +
                       cell_of(made, "secret") + "\nRecovery codes, each for one sign-in:\n";
    for (const json::value& code : made.at("recovery_codes").as_array())
        text += "  " + std::string(code.as_string()) + "\n";
    print(text);
}

CLI::App* add_command(CLI::App* group, const char* name, const char* help, const Shared& given) {
    CLI::App* command = group->add_subcommand(name, help);
    command->add_option("jid", given->jid, "account: NAME@DOMAIN, or NAME with --data")->required();
    return command;
}

void add_second_factor(CLI::App* group, const Options& options, const Shared& given) {
    CLI::App* factor = add_command(
        group, "second-factor", "codes for the sign-in to the console by password", given
    );
    factor->add_flag("--remove", given->removes_password, "take away the second factor");
    factor->callback([&options, given] { set_second_factor(options, *given); });
}

}   // namespace

void add_account_commands(CLI::App& app, const Options& options) {
    CLI::App* group = app.add_subcommand("accounts", "who may join the grid");
    group->require_subcommand(1);
    const auto given = std::make_shared<AccountArguments>();

    CLI::App* listing = group->add_subcommand("list", "all accounts");
    listing->add_option("--state", given->state, "only accounts in this state")
        ->check(CLI::IsMember({"pending", "enabled", "disabled"}));
    listing->callback([&options, given] { list_accounts(options, *given); });

    add_command(group, "show", "one account with its certificate", given)
        ->callback([&options, given] { show_account(options, *given); });

    CLI::App* approving = add_command(group, "approve", "let a pending account in", given);
    approving->add_option("--group", given->groups, "groups (default: the configured ones)");
    auto* named = approving->add_option(
        "--device-type", given->device_type, "for the policy (default: what the client said first)"
    );
    approving->callback([&options, given, named] {
        given->names_device = named->count() != 0;
        change_account(options, *given, "approve");
    });
    const auto add_change = [&](const char* verb, const char* help) {
        add_command(group, verb, help, given)->callback([&options, given, verb] {
            change_account(options, *given, verb);
        });
    };
    add_change("decline", "refuse a pending account");
    add_change("disable", "shut an account out, at once");
    add_change("enable", "let a disabled account in again");

    CLI::App* adding = add_command(group, "add", "make an account before its first login", given);
    adding->add_option("--group", given->groups, "groups (default: the configured ones)");
    adding->callback([&options, given] { add_account(options, *given); });

    adding->add_option(
        "--password", given->password, "its password: @FILE, or - for standard input"
    );

    CLI::App* password =
        add_command(group, "password", "give an account a password (sasl.passwords)", given);
    password->add_option(
        "source", given->password, "@FILE, or - for standard input (default: it is asked for)"
    );
    password->add_flag("--remove", given->removes_password, "take away the password");
    password->callback([&options, given] { set_password(options, *given); });

    add_second_factor(group, options, given);

    CLI::App* grouping = add_command(group, "groups", "show or set an account's groups", given);
    grouping->add_option("group", given->groups, "exactly these; without any, they are shown");
    grouping->add_flag("--none", given->none, "no group at all");
    grouping->callback([&options, given] { set_groups(options, *given); });

    CLI::App* pinning = add_command(group, "pin", "accept one key only of an account", given);
    pinning->add_option("--sha256", given->key, "of its public key (default: the newest one seen)");
    pinning->callback([&options, given] {
        edit_account(options, *given, {{"key_pin", given->key}});
    });
    add_command(group, "unpin", "accept any key of the same CA and name again", given)
        ->callback([&options, given] { edit_account(options, *given, {{"key_pin", ""}}); });

    CLI::App* describing = add_command(group, "describe", "say what an account is", given);
    auto* device = describing->add_option("--device-type", given->device_type, "for the policy");
    auto* text = describing->add_option("--description", given->description, "for people");
    describing->callback([&options, given, device, text] {
        json::object what;
        if (device->count() != 0) what["device_type"] = given->device_type;
        if (text->count() != 0) what["description"] = given->description;
        edit_account(options, *given, what);
    });

    CLI::App* moving = group->add_subcommand("rebind", "move accounts to another CA");
    moving->add_option("jid", given->jid, "one account: NAME@DOMAIN, or NAME with --data");
    moving
        ->add_option(
            "--to-anchor,--ca", given->authority,
            "certificate of the CA, or SHA-256 of its key (hex)"
        )
        ->required();
    moving->add_option(
        "--from-anchor,--from", given->from, "all accounts that are bound to this CA, likewise"
    );
    moving->add_flag("--dry-run", given->is_trial, "only say which accounts would be moved");
    moving->add_flag("--administrators", given->administrators, "administrators only");
    moving->add_flag(
        "--keep", given->keep, "accounts stay bound to their CAs, too; no stream ends"
    );
    moving->callback([&options, given] { rebind_accounts(options, *given); });

    add_command(group, "delete", "forget an account", given)->callback([&options, given] {
        remove_account(options, *given);
    });
}

}   // namespace grid::gridctl
