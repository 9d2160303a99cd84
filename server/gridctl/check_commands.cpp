// server/gridctl/check_commands.cpp: `check connect`: step by step, which side lacks what.
#include <algorithm>

#include "server/gridctl/rest_commands.hpp"
#include "server/gridctl/table.hpp"
#include "server/pki/files.hpp"
#include "server/pki/pki.hpp"
#include "xml/datetime.hpp"

namespace grid::gridctl {
namespace {

void say(bool is_ok, const std::string& text) {
    print((is_ok ? "ok    " : "FAIL  ") + text + "\n");
}

/// Our own files, before any server is asked. Throws at a fault that makes the other checks
/// pointless.
void check_files(const Target& target) {
    pki::KeyPair pair;
    for (auto& [path, text] :
         {std::pair{target.certificate, &pair.certificate}, std::pair{target.key, &pair.key}}) {
        auto file = pki::read_file(path);
        if (!file) throw Failed(Exit::Usage, file.error());
        *text = std::move(file->text);
    }
    const auto read = pki::describe(pair.certificate);
    if (!read) throw Failed(Exit::Usage, target.certificate + ": " + read.error());
    say(true, target.certificate + ": " + printable(read->subject) + ", valid until " +
                  xml::to_datetime(read->not_after));
    if (!pki::is_pair(pair))
        throw Failed(Exit::Usage, target.key + " does not belong to " + target.certificate);
    say(true, target.key + " belongs to it");
    const auto now = now_ms();
    say(read->not_before <= now && now < read->not_after,
        "its dates include our clock, " + xml::to_datetime(now));
    say(read->is_client, "it is a client certificate (extended key usage clientAuth)");
    say(read->jids.size() == 1, "it holds exactly one id-on-xmppAddr: " +
                                    (read->jids.empty() ? "none" : printable(read->jids.front())));
}

void connect(const Options& options) {
    const Target target = find_target(options);
    say(true, "server " + target.host + ":" + target.port + ", by " + target.found_by);
    check_files(target);
    Client client(target, options.timeout_seconds);
    const Answer ready = client.request("GET", "/readyz");
    say(true, "TLS; the server's certificate is issued by " + target.ca + " for " + target.name);
    say(ready.status == 200, "/readyz says " + std::to_string(ready.status));
    const Answer status = client.request("GET", "/api/v1/status");
    boost::system::error_code error;
    const auto value = boost::json::parse(status.body, error);
    const std::string why = error ? "" : ": " + cell_of(value, "detail");
    say(status.status == 200, status.status == 200
                                  ? "we are an administrator"
                                  : "the server answered " + std::to_string(status.status) + why);
    if (ready.status != 200 || status.status != 200) throw Failed(Exit::Refused, "see FAIL above");
}

}   // namespace

void add_check_commands(CLI::App& app, const Options& options) {
    CLI::App* group = app.add_subcommand("check", "find out why something does not work");
    group->require_subcommand(1);
    group->add_subcommand("connect", "files, network, TLS, rights")->callback([&options] {
        connect(options);
    });
}

}   // namespace grid::gridctl
