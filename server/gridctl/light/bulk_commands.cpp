// server/gridctl/light/bulk_commands.cpp: `bulk send`, `bulk receive`: files from client to client,
// by HTTPS slots and links in messages.
#include <fcntl.h>

#include <charconv>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include "server/gridctl/light/bulk.hpp"
#include "server/gridctl/light/local_file.hpp"
#include "server/gridctl/light/loop.hpp"
#include "server/gridctl/light/signals.hpp"
#include "server/gridctl/options.hpp"
#include "server/gridctl/table.hpp"
#include "server/gridctl/xmpp/file_jobs.hpp"
#include "server/gridctl/xmpp/recent.hpp"
#include "server/usage/not_empty.hpp"
#include "storage/chain.hpp"
#include "xml/file_name.hpp"
#include "xml/percent.hpp"

namespace grid::gridctl {

namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using light::Console;
using light::HttpAnswer;
using light::Https;

// bulk send

struct SendOptions {
    light::LoginOptions login;
    std::string file, to, name;
    bool is_for_all = false;
};

std::uint64_t offset_in(const HttpAnswer& answer) {
    const std::string text = answer.header("upload-offset");
    std::uint64_t offset = 0;
    std::from_chars(text.data(), text.data() + text.size(), offset);
    return offset;
}

void upload(
    Console& console,
    Https& https,
    const std::string& path,
    const light::LocalFile& file,
    const std::string& tag,
    long seconds
) {
    const std::uint64_t size = file.size();
    std::uint64_t from = 0;
    bool is_first = true;
    light::persist(console, seconds, [&](const auto& works) {
        if (!is_first) {
            const HttpAnswer there = https.ask("HEAD", path, {});
            light::fail_if_passing(there);
            if (there.status == 200 && there.header("etag") == tag)
                return;   // the answer was lost, nothing else
            if (there.status != 204) throw Failed(Exit::Refused, "the upload: " + there.words());
            const std::uint64_t offset = offset_in(there);
            if (offset > from) works();
            from = offset;
        }
        const bool is_again = !std::exchange(is_first, false);
        Https::Fields fields;
        if (from > 0 && from < size)
            fields["Content-Range"] = "bytes " + std::to_string(from) + "-" +
                                      std::to_string(size - 1) + "/" + std::to_string(size);
        // All bytes may be there, and no record that says so.
        const HttpAnswer answer =
            from >= size
                ? https.ask("PATCH", path, {{"Upload-Offset", std::to_string(from)}}, 0)
                : https.put(path, fields, file.fd(), from, size - from, [&](std::uint64_t sent) {
                      console.show(light::bar(static_cast<double>(sent) / static_cast<double>(size))
                      );
                  });
        light::fail_if_passing(answer);
        // Another connection of ours is not through yet, or was: the next question tells.
        if (answer.status == 409 && is_again)
            throw light::Broken("the server says " + answer.words());
        if (answer.status != 201 && answer.status != 204 && answer.status != 200)
            throw Failed(Exit::Refused, "the upload was refused: " + answer.words());
    });
    console.show("");
}

void send_file(const Options& common, const SendOptions& options) {
    const light::LocalFile file(options.file, O_RDONLY);
    const light::Door door = light::find_door(common, options.login);
    const xml::Jid to = light::account_on(door, common, options.to);
    xmpp::AskSlot::File facts;
    facts.name = options.name.empty() ? fs::path(options.file).filename().string() : options.name;
    facts.size = file.size();
    if (!options.is_for_all) facts.reader = to.str();
    if (facts.size == 0) throw Failed(Exit::Usage, options.file + " is empty");
    light::watch_signals();
    light::Sum sum;
    file.add_to(sum, facts.size);
    facts.sha256 = sum.take();
    Console console;
    const auto settings =
        light::loop_settings(common, options.login, light::bulk_reconnect_seconds);
    xmpp::AskSlot asking("bulk." + door.login.domain, facts);
    light::run(door, asking, console, settings);
    if (asking.put_url().empty()) throw Failed(Exit::Refused, "no slot: " + asking.why());
    const auto url = light::parse_https_url(asking.put_url());
    if (!light::is_of_grid(url, door.login.domain))
        throw Failed(Exit::Refused, "the slot is not of this grid: " + asking.put_url());
    Https https(light::target_of(door, common, url), common.timeout_seconds);
    const std::string digest = storage::to_hex(facts.sha256);
    upload(console, https, url.path, file, '"' + digest + '"', settings.reconnect_seconds);
    xmpp::SendLink sending(to.str(), asking.get_url(), facts.name);
    light::run(door, sending, console, settings);
    if (!sending.why().empty())
        throw Failed(
            Exit::Refused, "the file is there (" + asking.get_url() + "), but " + to.str() +
                               " is not told: " + sending.why()
        );
    if (common.json)
        return console.print(json::serialize(json::object{
            {"url", asking.get_url()}, {"to", to.str()}, {"size", facts.size}, {"sha256", digest}
        }));
    console.print(asking.get_url());
}

void add_send(CLI::App& group, const Options& common) {
    const auto options = std::make_shared<SendOptions>();
    CLI::App* command = group.add_subcommand("send", "a file to another account");
    command->footer(
        "The file goes to the server by HTTPS, its SHA-256 known in advance, and TO gets a message "
        "with the link.\nAn upload that breaks off goes on where it was."
    );
    command->add_option("file", options->file, "the file")->required();
    command->add_option("to", options->to, "the account: NAME or NAME@DOMAIN")->required();
    command->add_option("--name", options->name, "its name there (default: FILE's)");
    command->add_flag(
        "--for-all", options->is_for_all,
        "whom the policy lets take from us may read it, not TO alone"
    );
    light::add_login_options(
        *command, options->login, std::to_string(light::bulk_reconnect_seconds)
    );
    light::on_call(*command, [&common, options] { send_file(common, *options); });
}

// bulk receive

struct ReceiveOptions {
    light::LoginOptions login;
    std::string folder = ".", sender;
    std::uint64_t count = 0;
};

/// A number fits behind it (`free_path`).
constexpr std::size_t name_bytes_max = 240;

/// The last part of the path as a file name that stays in its folder and is not hidden.
std::string name_in_folder(const light::HttpsUrl& url) {
    std::string path = url.path.substr(0, url.path.find('?'));
    path = path.substr(path.rfind('/') + 1);
    std::string name = xml::to_file_name(xml::percent_decoded(path).value_or(path));
    if (name.size() > name_bytes_max) {
        std::size_t end = name_bytes_max;
        while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xc0) == 0x80) --end;
        name.erase(end);
    }
    if (name.empty()) return "file";
    if (name.front() == '.') name.front() = '_';
    return name;
}

/// A name that is free: "report.pdf", "report.pdf.1" …
fs::path free_path(const fs::path& wanted) {
    fs::path path = wanted;
    std::error_code error;
    for (unsigned number = 1; fs::exists(path, error); ++number)
        path = wanted.string() + "." + std::to_string(number);
    return path;
}

struct Download {
    fs::path path;
    std::string sha256;   // hexadecimal
    std::uint64_t size = 0;
};

/// The file behind what is there of it, in as many attempts as it takes. Its SHA-256, hexadecimal.
std::string fetch_into(
    Console& console,
    Https& https,
    const std::string& path,
    const std::string& tag,
    const light::LocalFile& file,
    long seconds
) {
    light::Sum sum;
    std::uint64_t there = 0, whole = 0;
    light::persist(console, seconds, [&](const auto& works) {
        sum.reset();
        there = file.size();
        file.add_to(sum, there);
        file.cut(there);
        Https::Fields fields{{"If-Range", tag}};
        fields["Range"] = "bytes=" + std::to_string(there) + "-";
        const HttpAnswer answer = https.get(
            path, fields,
            [&](const HttpAnswer& head) {
                works();
                if (head.status == 200 && there > 0) {   // all of it comes
                    file.cut(there = 0);
                    sum.reset();
                }
                const std::string length = head.header("content-length");
                std::uint64_t left = 0;
                std::from_chars(length.data(), length.data() + length.size(), left);
                whole = there + left;
            },
            [&](std::string_view bytes) {
                file.write(bytes);
                sum.add(bytes);
                there += bytes.size();
                console.show(light::bar(static_cast<double>(there) / static_cast<double>(whole)));
            }
        );
        if (answer.status == 416 && there > 0) return;   // all of it is there
        light::fail_if_passing(answer);
        if (answer.status != 200 && answer.status != 206)
            throw Failed(Exit::Refused, "the file: " + answer.words());
    });
    return storage::to_hex(sum.take());
}

/// Into a partial file that is named by the tag, which is the file's SHA-256: a later run goes on
/// with it.
Download download(
    Console& console, Https& https, const light::HttpsUrl& url, const fs::path& folder, long seconds
) {
    std::string tag;
    light::persist(console, seconds, [&](const auto&) {
        const HttpAnswer head = https.ask("HEAD", url.path, {});
        light::fail_if_passing(head);
        if (head.status != 200) throw Failed(Exit::Refused, "the file: " + head.words());
        tag = head.header("etag");
    });
    const std::string digest = tag.size() == 66 ? tag.substr(1, 64) : std::string();
    if (digest.find_first_not_of("0123456789abcdef") != std::string::npos || digest.empty())
        throw Failed(Exit::Refused, "the server names no SHA-256 of the file");
    const fs::path partial = folder / ("." + digest + ".part");
    const light::LocalFile file(partial.string(), O_RDWR | O_CREAT);
    const bool is_begun =
        file.size() > 0;   // by an earlier run, which a loss of power may have cut
    std::string got = fetch_into(console, https, url.path, tag, file, seconds);
    if (got != digest && is_begun) {
        file.cut(0);
        got = fetch_into(console, https, url.path, tag, file, seconds);
    }
    console.show("");
    if (got != digest) {
        fs::remove(partial);
        throw Failed(Exit::Refused, "the file that came has another SHA-256 than " + digest);
    }
    file.sync();
    const fs::path path = free_path(folder / name_in_folder(url));
    fs::rename(partial, path);
    return {path, digest, file.size()};
}

void receive_files(const Options& common, const ReceiveOptions& options) {
    std::error_code error;
    if (!fs::is_directory(options.folder, error))
        throw Failed(Exit::Usage, options.folder + " is no directory");
    light::Door door = light::find_door(common, options.login);
    const std::string wanted = options.sender.empty()
                                   ? std::string()
                                   : light::account_on(door, common, options.sender).str();
    door.login.priority = 0;   // messages to the account go to it
    // The next run takes the place of one that was left, and gets what that one was owed.
    if (door.login.resource.empty()) door.login.resource = "gridctl-bulk";
    Console console;
    xmpp::Recent seen;
    std::uint64_t taken = 0;
    const auto settings = light::loop_settings(common, options.login, -1);
    const long patience =
        settings.reconnect_seconds < 0 ? light::bulk_reconnect_seconds : settings.reconnect_seconds;
    xmpp::ReceiveLinks receiving([&](const xmpp::ReceivedLink& link) {
        const auto url = light::parse_https_url(link.url);
        if (!seen.add(link.url)) return false;
        if (!wanted.empty() && link.sender.substr(0, link.sender.find('/')) != wanted) {
            console.complain("a link from " + link.sender + " was left: " + link.url);
            return false;
        }
        // Our certificate is shown to this grid alone.
        if (!light::is_of_grid(url, door.login.domain)) {
            console.complain("a link that is not of this grid was left: " + link.url);
            return false;
        }
        try {
            Https https(light::target_of(door, common, url), common.timeout_seconds);
            const Download got = download(console, https, url, options.folder, patience);
            console.print(
                common.json ? json::serialize(json::object{
                                  {"file", got.path.string()},
                                  {"from", link.sender},
                                  {"size", got.size},
                                  {"sha256", got.sha256}
                              })
                            : got.path.string()
            );
        } catch (const light::FileFault&) {
            throw;   // a fault of the folder leaves the link to the next run
        } catch (const Failed& failed) {
            // One of the link, as a port that takes no connection, does not hold up those behind
            // it.
            if (failed.exit != Exit::Refused && failed.exit != Exit::Connection) throw;
            console.complain(link.url + " from " + link.sender + ": " + failed.what());
            return false;
        }
        return ++taken == options.count;
    });
    light::RunExtras extras;
    extras.may_be_interrupted = true;
    light::run(door, receiving, console, settings, std::move(extras));
}

void add_receive(CLI::App& group, const Options& common) {
    const auto options = std::make_shared<ReceiveOptions>();
    CLI::App* command = group.add_subcommand("receive", "files that others send, as they come");
    command->footer(
        "Waits for messages with links, fetches the files with this client's certificate, checks "
        "their SHA-256,\nand prints the path of each. A file that breaks off goes on where it was, "
        "in the next run, too. While it\nwaits, messages and items for the account's bare address "
        "come to it as to any client."
    );
    command->add_option("-o,--out", options->folder, "the folder for them")
        ->type_name("DIR")
        ->check(server::usage::not_empty())
        ->capture_default_str();
    command->add_option("--from", options->sender, "only from this account: NAME or NAME@DOMAIN");
    command->add_option("--count", options->count, "end after so many")
        ->check(CLI::Range(std::uint64_t{1}, UINT64_MAX));
    light::add_login_options(
        *command, options->login,
        "until it is there, for a file " + std::to_string(light::bulk_reconnect_seconds)
    );
    command->callback([&common, options] { receive_files(common, *options); });
}

}   // namespace

void add_bulk_commands(CLI::App& app, const Options& options) {
    CLI::App* group = app.add_subcommand("bulk", "files between clients, over XMPP and HTTPS");
    group->require_subcommand(1);
    light::add_bulk_get(*group, options);
    add_send(*group, options);
    add_receive(*group, options);
}

}   // namespace grid::gridctl
