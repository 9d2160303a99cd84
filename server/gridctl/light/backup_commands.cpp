// server/gridctl/light/backup_commands.cpp: `backup`, `backups …`: copies of the data, made by the
// server and taken elsewhere.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <memory>
#include <optional>

#include "server/gridctl/client.hpp"
#include "server/gridctl/light/console.hpp"
#include "server/gridctl/light/https.hpp"
#include "server/gridctl/light/local_file.hpp"
#include "server/gridctl/light/run.hpp"
#include "server/gridctl/light/signals.hpp"
#include "server/gridctl/rest_commands.hpp"
#include "server/gridctl/table.hpp"

namespace grid::gridctl {

namespace {

namespace json = boost::json;

constexpr unsigned backup_look_ms = 200;
constexpr const char* part_suffix = ".part";

/// A file that has its name when it is whole, and is gone when it is not.
class WholeFile {
public:
    explicit WholeFile(std::string path) : path_(std::move(path)), part_(path_ + part_suffix) {
        if (path_ == "-")
            throw Failed(
                Exit::Usage,
                "-o takes a FILE, which has its name when it is whole: standard output "
                "could be cut short unseen"
            );
        struct stat is{};
        // The name would be taken from a device, a pipe or a link.
        if (::lstat(path_.c_str(), &is) == 0 && !S_ISREG(is.st_mode))
            throw Failed(Exit::Usage, path_ + " is there, and no regular file");
        fd_ = ::open(part_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd_ < 0) fail(part_);
    }
    ~WholeFile() {
        ::close(fd_);
        if (!is_whole_) std::remove(part_.c_str());
    }
    WholeFile(const WholeFile&) = delete;
    WholeFile& operator=(const WholeFile&) = delete;

    void write(std::string_view bytes) {
        while (!bytes.empty()) {
            const ssize_t put = ::write(fd_, bytes.data(), bytes.size());
            if (put < 0 && errno == EINTR) continue;
            if (put < 0) fail(part_);
            bytes.remove_prefix(static_cast<std::size_t>(put));
        }
    }
    void finish() {
        if (::fsync(fd_) != 0) fail(part_);
        if (std::rename(part_.c_str(), path_.c_str()) != 0) fail(path_);
        is_whole_ = true;
    }

private:
    [[noreturn]] static void fail(const std::string& path) { throw light::FileFault(path, errno); }

    const std::string path_, part_;
    int fd_ = -1;
    bool is_whole_ = false;
};

std::string path_of_backup(const std::string& name, const char* below = "") {
    return "backups/" + encoded(name) + below;
}

/// Waits until it is complete; Failed when it is not to be.
json::object make_backup(Client& client) {
    json::object backup = client.call("POST", "backups", json::object{});
    const std::string name = cell_of(backup, "name");
    while (cell_of(backup, "state") == "running") {
        light::wait_ms(backup_look_ms);
        backup = client.call("GET", path_of_backup(name));
    }
    if (cell_of(backup, "state") != "complete")
        throw Failed(Exit::Refused, "the backup failed: " + cell_of(backup, "reason"));
    return backup;
}

std::uint64_t number_in(const std::string& text) {
    std::uint64_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

/// The archive as a file, or not at all.
void fetch_backup(const Options& options, const std::string& name, WholeFile& file) {
    light::watch_signals();
    light::Console console;
    light::Https https(find_target(options), options.timeout_seconds);
    std::uint64_t expected = 0, got = 0;
    const auto answer = https.get(
        "/api/v1/" + path_of_backup(name, "/archive"), {},
        [&](const light::HttpAnswer& head) { expected = number_in(head.header("content-length")); },
        [&](std::string_view bytes) {
            file.write(bytes);
            got += bytes.size();
            if (expected > 0)
                console.show(light::bar(static_cast<double>(got) / static_cast<double>(expected)));
        }
    );
    console.show("");
    if (answer.status != 200)
        throw Failed(to_exit(answer.status), "the backup " + name + ": " + answer.words());
    if (got != expected)
        throw Failed(Exit::Refused, "the backup " + name + " came cut short; try again");
    file.finish();
}

/// Broken connections and Ctrl-C end the command; a part of a file is thrown away.
void run_to_end(const std::function<void()>& work) {
    try {
        work();
    } catch (const light::Broken& broken) {
        throw Failed(Exit::Connection, broken.what());
    } catch (const light::Interrupted&) {
        throw Failed(Exit::Interrupted, "interrupted");
    }
}

void back_up(const Options& options, const std::string& out) {
    std::optional<WholeFile> file;   // refused before the server has its work
    if (!out.empty()) file.emplace(out);
    Client client = connect_to(options);
    const json::object backup = make_backup(client);
    const std::string name = cell_of(backup, "name");
    if (file) fetch_backup(options, name, *file);
    if (options.json) return print_object(options, backup);
    print(
        "backup " + name + ": revision " + cell_of(backup, "revision") + ", " +
        cell_of(backup, "files") + " files, " + cell_of(backup, "bytes") + " bytes" +
        (out.empty() ? "" : ", in " + printable(out)) + "\n"
    );
}

void add_backups(CLI::App& app, const Options& options) {
    CLI::App* group = app.add_subcommand("backups", "backups that the server keeps (backup.dir)");
    group->require_subcommand(1);
    group->add_subcommand("list", "all backups, the newest first")->callback([&options] {
        Client client = connect_to(options);
        json::object answer = client.call("GET", "backups");
        answer["next"] = nullptr;
        print_list(
            options, answer, "backups",
            {{"BACKUP", "name"},
             {"STATE", "state"},
             {"TIME", "time"},
             {"REVISION", "revision"},
             {"AUDIT", "audit.number"},
             {"FILES", "files"},
             {"BYTES", "bytes"},
             {"REASON", "reason"}}
        );
    });
    const auto name = std::make_shared<std::string>();
    const auto out = std::make_shared<std::string>();
    CLI::App* fetching = group->add_subcommand("fetch", "get a backup as a tar");
    fetching->add_option("name", *name, "as `backups list` shows it")->required();
    fetching->add_option("-o,--out", *out, "a file")->type_name("FILE")->required();
    fetching->callback([&options, name, out] {
        run_to_end([&] {
            WholeFile file(*out);
            fetch_backup(options, *name, file);
        });
        if (options.json) return print_object(options, {{"name", *name}, {"file", *out}});
        print("backup " + printable(*name) + " is in " + printable(*out) + "\n");
    });
    CLI::App* removing = group->add_subcommand("remove", "remove a backup");
    removing->add_option("name", *name, "as `backups list` shows it")->required();
    removing->callback([&options, name] {
        Client client = connect_to(options);
        const json::object done = client.call("DELETE", path_of_backup(*name));
        if (options.json) return print_object(options, done);
        print("deleted " + cell_of(done, "deleted") + "\n");
    });
}

}   // namespace

void add_backup_commands(CLI::App& app, const Options& options) {
    const auto out = std::make_shared<std::string>();
    CLI::App* backing = app.add_subcommand("backup", "a copy of the data, while the server runs");
    backing->footer(
        "The server makes it in backup.dir. With -o it comes here as well, as a tar: all "
        "accounts,\n"
        "items and files are in it. `gridd --restore` takes the unpacked directory."
    );
    backing->add_option("-o,--out", *out, "a file for it")->type_name("FILE");
    backing->callback([&options, out] { run_to_end([&] { back_up(options, *out); }); });
    add_backups(app, options);
}

}   // namespace grid::gridctl
