// server/gridctl/light/check_commands.cpp: `check connect`: step by step, which side lacks what.
#include <algorithm>

#include "server/gridctl/light/console.hpp"
#include "server/gridctl/light/run.hpp"
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

/// Done as soon as the server has given it a resource.
class LogIn final : public xmpp::Job {
public:
    void online(xmpp::Session& session, bool) override {
        address_ = session.address();
        is_done_ = true;
    }
    void answered(xmpp::Session&, const std::string&, const xml::Element&) override {}
    void received(xmpp::Session&, const xml::Element&) override {}
    bool is_done() const override { return is_done_; }
    void stop(xmpp::Session&) override { is_done_ = true; }
    const std::string& address() const { return address_; }

private:
    std::string address_;
    bool is_done_ = false;
};

/// --server names the port of HTTPS: XMPP is tried on its own one there.
bool log_in(const Options& options) {
    Options over_xmpp = options;
    if (const std::string port = port_of(options.server); !port.empty())
        over_xmpp.server.erase(over_xmpp.server.size() - port.size() - 1);
    const light::Door door = light::find_door(over_xmpp, {});
    const std::string where = door.target.host + ":" + door.target.port;
    light::Console console;
    LogIn job;
    try {
        light::run(door, job, console, light::loop_settings(options, {}, 0));
    } catch (const Failed& failed) {
        if (failed.exit == Exit::Interrupted) throw;
        const bool is_port_guessed = !options.server.empty();
        if (is_port_guessed && std::string_view(failed.what()).starts_with("cannot connect")) {
            print(
                "note  no XMPP at " + where +
                ": where it listens on another port, gridctl "
                "--server HOST:PORT topics find tries that\n"
            );
            return true;
        }
        say(false, "the login over XMPP: " + std::string(failed.what()));
        return false;
    }
    say(true, "logged in over XMPP at " + where + " as " + printable(job.address()));
    return true;
}

/// 403 is the answer to a client that is known and has no role in the administration.
bool ask_status(Client& client) {
    const Answer status = client.request("GET", "/api/v1/status");
    if (status.status == 200) {
        say(true, "we are an administrator");
        return true;
    }
    boost::system::error_code error;
    const auto value = boost::json::parse(status.body, error);
    const std::string why = error ? "" : ": " + cell_of(value, "detail");
    const bool is_client = status.status == 403;
    say(is_client, is_client ? "the certificate is taken; it is no administrator's" + why
                             : "the server answered " + std::to_string(status.status) + why);
    return is_client;
}

void connect(const Options& options) {
    const Target target = find_target(options);
    say(true, "server " + target.host + ":" + target.port + ", by " + target.found_by);
    check_files(target);
    Client client(target, options.timeout_seconds);
    const Answer ready = client.request("GET", "/readyz");
    say(true, "TLS; the server's certificate is issued by " + target.ca + " for " + target.name);
    say(ready.status == 200, "/readyz says " + std::to_string(ready.status));
    const bool is_known = ask_status(client);
    const bool is_in = is_known && log_in(options);
    if (ready.status != 200 || !is_in) throw Failed(Exit::Refused, "see FAIL above");
}

}   // namespace

void add_check_commands(CLI::App& app, const Options& options) {
    CLI::App* group = app.add_subcommand("check", "find out why something does not work");
    group->require_subcommand(1);
    group->add_subcommand("connect", "files, network, TLS, rights, a login over XMPP")
        ->callback([&options] { connect(options); });
}

}   // namespace grid::gridctl
