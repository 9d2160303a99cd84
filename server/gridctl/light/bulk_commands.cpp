// server/gridctl/light/bulk_commands.cpp: `bulk send`, `bulk receive`: files from client to client,
// by HTTPS slots and links in messages.
#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include "server/gridctl/client.hpp"
#include "server/gridctl/light/console.hpp"
#include "server/gridctl/light/https.hpp"
#include "server/gridctl/light/login.hpp"
#include "server/gridctl/light/loop.hpp"
#include "server/gridctl/light/run.hpp"
#include "server/gridctl/light/signals.hpp"
#include "server/gridctl/options.hpp"
#include "server/gridctl/table.hpp"
#include "server/gridctl/xmpp/back_off.hpp"
#include "server/gridctl/xmpp/file_jobs.hpp"
#include "server/gridctl/xmpp/item_text.hpp"
#include "server/gridctl/xmpp/payload.hpp"
#include "server/gridctl/xmpp/recent.hpp"
#include "storage/chain.hpp"
#include "xml/domain.hpp"
#include "xml/percent.hpp"

namespace grid::gridctl {

namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using light::Console;
using light::HttpAnswer;
using light::Https;

constexpr long bulk_reconnect_seconds = 300;
constexpr std::size_t piece_of_file = 128UL * 1024;

/// SHA-256 of what it is given.
class Sum {
public:
    Sum() : context_(EVP_MD_CTX_new()) { reset(); }
    void reset() { EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr); }
    void add(std::string_view bytes) {
        EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size());
    }
    /// The 32 bytes. Afterwards nothing can be added.
    std::string take() {
        std::string out(32, '\0');
        EVP_DigestFinal_ex(context_.get(), reinterpret_cast<unsigned char*>(out.data()), nullptr);
        return out;
    }

private:
    struct Free {
        void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
    };
    std::unique_ptr<EVP_MD_CTX, Free> context_;
};

class OpenFile {
public:
    OpenFile(const std::string& path, int flags)
        : path_(path), fd_(::open(path.c_str(), flags | O_CLOEXEC, 0600)) {
        if (fd_ < 0) throw Failed(Exit::Usage, path + ": " + std::strerror(errno));
    }
    ~OpenFile() { ::close(fd_); }
    OpenFile(const OpenFile&) = delete;
    OpenFile& operator=(const OpenFile&) = delete;
    int fd() const { return fd_; }

    std::uint64_t size() const {
        struct stat facts{};
        if (::fstat(fd_, &facts) != 0 || !S_ISREG(facts.st_mode))
            throw Failed(Exit::Usage, path_ + " is no regular file");
        return static_cast<std::uint64_t>(facts.st_size);
    }
    /// Adds the first `count` bytes.
    void add_to(Sum& sum, std::uint64_t count) const {
        std::string piece(piece_of_file, '\0');
        for (std::uint64_t at = 0; at < count;) {
            const auto most = std::min<std::uint64_t>(piece.size(), count - at);
            const ssize_t got = ::pread(fd_, piece.data(), most, static_cast<off_t>(at));
            if (got <= 0) throw Failed(Exit::Usage, path_ + " cannot be read");
            sum.add(std::string_view(piece).substr(0, static_cast<std::size_t>(got)));
            at += static_cast<std::uint64_t>(got);
            if (light::is_interrupted()) throw light::Interrupted();
        }
    }
    void write(std::string_view bytes) const {
        while (!bytes.empty()) {
            const ssize_t put = ::write(fd_, bytes.data(), bytes.size());
            if (put < 0 && errno == EINTR) continue;
            if (put < 0) throw Failed(Exit::Usage, path_ + ": " + std::strerror(errno));
            bytes.remove_prefix(static_cast<std::size_t>(put));
        }
    }
    void cut(std::uint64_t size) const {
        if (::ftruncate(fd_, static_cast<off_t>(size)) != 0 ||
            ::lseek(fd_, static_cast<off_t>(size), SEEK_SET) < 0)
            throw Failed(Exit::Usage, path_ + ": " + std::strerror(errno));
    }
    void sync() const {
        if (::fsync(fd_) != 0) throw Failed(Exit::Usage, path_ + ": " + std::strerror(errno));
    }

private:
    std::string path_;
    int fd_;
};

/// Tries until it works, or the server has been away for too long.
template <class Work>
auto persist(Console& console, long seconds, Work work) {
    xmpp::BackOff back_off;
    std::optional<light::Clock::time_point> since;
    while (true) {
        try {
            return work([&] {
                since.reset();
                back_off.reset();
            });
        } catch (const light::Broken& broken) {
            if (broken.is_final) throw Failed(Exit::Connection, broken.what());
            if (!since) since = light::Clock::now();
            if (light::Clock::now() - *since >= std::chrono::seconds(seconds))
                throw Failed(Exit::Connection, broken.what());
            console.remark(std::string(broken.what()) + "; trying again");
            light::wait_ms(back_off.next_ms(0));
        }
    }
}

/// Refusals after which another attempt can end better.
void fail_if_passing(const HttpAnswer& answer) {
    if (answer.status == 503 || answer.status == 429 || answer.status == 408)
        throw light::Broken("the server says " + answer.words());
}

/// The place of a URL, at the machine that --server names where it is given. Only this grid's own
/// server is asked, with our certificate.
Target target_of(const light::Door& door, const Options& common, const light::HttpsUrl& url) {
    Target target = door.target;
    target.port = url.port;
    if (common.server_name.empty()) target.name = xml::domain_to_ascii(url.host);
    if (target.found_by == "the domain") target.hosts = {target.host = target.name};
    target.found_by = "the link";
    return target;
}

bool is_of_grid(const light::HttpsUrl& url, const std::string& domain) {
    const bool is_host = url.host == domain || url.host == "bulk." + domain;
    return is_host && url.path.starts_with("/bulk/");
}

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
    const OpenFile& file,
    const std::string& tag,
    long seconds
) {
    const std::uint64_t size = file.size();
    std::uint64_t from = 0;
    bool is_first = true;
    persist(console, seconds, [&](const auto& works) {
        if (!is_first) {
            const HttpAnswer there = https.ask("HEAD", path, {});
            fail_if_passing(there);
            if (there.status == 200 && there.header("etag") == tag)
                return;   // the answer was lost, nothing else
            if (there.status != 204) throw Failed(Exit::Refused, "the upload: " + there.words());
            const std::uint64_t offset = offset_in(there);
            if (offset > from) works();
            from = offset;
            if (from >= size) throw light::Broken("the server is not through with the file");
        }
        const bool is_again = !std::exchange(is_first, false);
        Https::Fields fields;
        if (from > 0)
            fields["Content-Range"] = "bytes " + std::to_string(from) + "-" +
                                      std::to_string(size - 1) + "/" + std::to_string(size);
        const HttpAnswer answer =
            https.put(path, fields, file.fd(), from, size - from, [&](std::uint64_t sent) {
                console.show(light::bar(static_cast<double>(sent) / static_cast<double>(size)));
            });
        fail_if_passing(answer);
        // Another connection of ours is not through yet, or was: the next question tells.
        if (answer.status == 409 && is_again)
            throw light::Broken("the server says " + answer.words());
        if (answer.status != 201 && answer.status != 204 && answer.status != 200)
            throw Failed(Exit::Refused, "the upload was refused: " + answer.words());
    });
    console.show("");
}

void send_file(const Options& common, const SendOptions& options) {
    const xml::Jid to = account_of(common, options.to);
    const OpenFile file(options.file, O_RDONLY);
    xmpp::AskSlot::File facts;
    facts.name = options.name.empty() ? fs::path(options.file).filename().string() : options.name;
    facts.size = file.size();
    if (!options.is_for_all) facts.reader = to.str();
    if (facts.size == 0) throw Failed(Exit::Usage, options.file + " is empty");
    const light::Door door = light::find_door(common, options.login);
    light::watch_signals();
    Sum sum;
    file.add_to(sum, facts.size);
    facts.sha256 = sum.take();
    Console console;
    const auto settings = light::loop_settings(common, options.login, bulk_reconnect_seconds);
    xmpp::AskSlot asking("bulk." + door.login.domain, facts);
    light::run(door, asking, console, settings);
    if (asking.put_url().empty()) throw Failed(Exit::Refused, "no slot: " + asking.why());
    const auto url = light::parse_https_url(asking.put_url());
    if (!is_of_grid(url, door.login.domain))
        throw Failed(Exit::Refused, "the slot is not of this grid: " + asking.put_url());
    Https https(target_of(door, common, url), common.timeout_seconds);
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
    command->add_option("to", options->to, "the account, NAME@DOMAIN")->required();
    command->add_option("--name", options->name, "its name there (default: FILE's)");
    command->add_flag(
        "--for-all", options->is_for_all,
        "whom the policy lets take from us may read it, not TO alone"
    );
    light::add_login_options(*command, options->login);
    command->callback([&common, options] {
        try {
            send_file(common, *options);
        } catch (const light::Interrupted&) {
            throw Failed(Exit::Interrupted, "interrupted");
        }
    });
}

// bulk get

struct GetOptions {
    light::LoginOptions login;
    xmpp::AskHistory::Span span;
    std::string out = "-";
};

/// Lines of a history as they come, in the form in which `subscribe` prints items.
class History {
public:
    History(std::string topic, bool as_json, std::function<void(const std::string&)> print)
        : topic_(std::move(topic)), as_json_(as_json), print_(std::move(print)) {}

    /// Of a new answer, which goes on behind the last whole item.
    void begin() { rest_.clear(); }
    void take(std::string_view bytes) {
        rest_ += bytes;
        std::size_t begin = 0;
        for (std::size_t end = rest_.find('\n'); end != std::string::npos;
             end = rest_.find('\n', begin)) {
            take_line(std::string_view(rest_).substr(begin, end - begin));
            begin = end + 1;
        }
        rest_.erase(0, begin);
        if (rest_.size() > line_bytes_max)
            throw Failed(Exit::Refused, "the server's answer is no history");
    }
    bool is_whole() const { return is_whole_; }
    const std::string& cursor() const { return cursor_; }
    std::uint64_t items() const { return items_; }

private:
    static constexpr std::size_t line_bytes_max = 16UL * 1024 * 1024;

    void take_line(std::string_view line) {
        json::error_code error;
        const json::value value = json::parse(json::string_view(line.data(), line.size()), error);
        const auto* object = error ? nullptr : value.if_object();
        if (object == nullptr) throw Failed(Exit::Refused, "the server's answer is no history");
        const auto text = [&](const char* name) {
            const auto* member = object->if_contains(name);
            return member != nullptr && member->is_string() ? std::string(member->get_string())
                                                            : std::string();
        };
        cursor_ = text("cursor");
        if (object->contains("end")) {
            is_whole_ = true;
            return;
        }
        xmpp::Delivered item;
        item.topic = topic_;
        item.id = text("id");
        item.publisher = text("publisher");
        item.time = xml::parse_datetime(text("time")).value_or(0);
        if (auto payload = xmpp::read_payload(text("payload"));
            std::holds_alternative<xmpp::Payload>(payload)) {
            item.has_payload = true;
            item.payload = std::move(std::get<xmpp::Payload>(payload).element);
        }
        print_(as_json_ ? xmpp::to_json_line(item) : xmpp::to_xml_line(item));
        ++items_;
    }

    std::string topic_;
    bool as_json_;
    std::function<void(const std::string&)> print_;
    std::string rest_, cursor_;
    bool is_whole_ = false;
    std::uint64_t items_ = 0;
};

void fetch_history(
    Console& console,
    Https& https,
    const std::string& path,
    History& history,
    std::uint64_t expected,
    long seconds
) {
    persist(console, seconds, [&](const auto& works) {
        history.begin();
        const std::string after =
            history.cursor().empty() ? "" : "&after=" + encoded(history.cursor());
        const HttpAnswer answer = https.get(
            path + after, {}, [&](const HttpAnswer&) {},
            [&](std::string_view bytes) {
                works();
                history.take(bytes);
                if (expected > 0)
                    console.show(light::bar(
                        static_cast<double>(history.items()) / static_cast<double>(expected)
                    ));
            }
        );
        fail_if_passing(answer);
        if (answer.status != 200)
            throw Failed(
                answer.status == 404 ? Exit::NotFound : Exit::Refused,
                "the history: " + answer.words()
            );
        if (!history.is_whole()) throw light::Broken("the history ended too early");
    });
    console.show("");
}

void get_history(const Options& common, const GetOptions& options) {
    for (const std::string& time : {options.span.start, options.span.end})
        if (!time.empty() && !xml::parse_datetime(time))
            throw Failed(Exit::Usage, "'" + time + "' is no time such as 2026-11-01T12:00:00Z");
    const light::Door door = light::find_door(common, options.login);
    Console console;
    const auto settings = light::loop_settings(common, options.login, bulk_reconnect_seconds);
    xmpp::AskHistory asking(door.controller, options.span);
    light::run(door, asking, console, settings);
    if (!asking.why().empty())
        throw Failed(
            asking.outcome() == xmpp::Outcome::NotFound ? Exit::NotFound : Exit::Refused,
            "topic '" + options.span.topic + "': " + asking.why()
        );
    std::optional<OpenFile> file;
    if (options.out != "-") file.emplace(options.out, O_WRONLY | O_CREAT | O_TRUNC);
    if (asking.url().empty()) return;   // no items
    const auto url = light::parse_https_url(asking.url());
    if (!is_of_grid(url, door.login.domain))
        throw Failed(Exit::Refused, "the history is not of this grid: " + asking.url());
    Https https(target_of(door, common, url), common.timeout_seconds);
    History history(options.span.topic, common.json, [&](const std::string& line) {
        if (file)
            file->write(line + "\n");
        else
            console.print(line);
    });
    try {
        fetch_history(
            console, https, url.path, history, asking.items(), settings.reconnect_seconds
        );
    } catch (const light::NoReader&) {
        return;   // the reader has enough
    }
    if (file) file->sync();
}

void add_get(CLI::App& group, const Options& common) {
    const auto options = std::make_shared<GetOptions>();
    CLI::App* command = group.add_subcommand("get", "the items of a topic that the server keeps");
    command->footer(
        "Items come as `subscribe` prints them, a line each, however many there are. An answer "
        "that "
        "breaks off\ngoes on behind the last item that came whole."
    );
    command->add_option("topic", options->span.topic, "its name")->required();
    command->add_option("--from", options->span.start, "not before, 2026-11-01T12:00:00Z");
    command->add_option("--to", options->span.end, "not after");
    command->add_option("--filter", options->span.filter, "only items that pass it");
    command->add_option("-o,--out", options->out, "a file; - is standard output")
        ->type_name("FILE")
        ->capture_default_str();
    light::add_login_options(*command, options->login);
    command->callback([&common, options] {
        try {
            get_history(common, *options);
        } catch (const light::Interrupted&) {
            throw Failed(Exit::Interrupted, "interrupted");
        }
    });
}

// bulk receive

struct ReceiveOptions {
    light::LoginOptions login;
    std::string folder = ".", sender;
    std::uint64_t count = 0;
};

/// The last part of the path as a file name that stays in its folder and is not hidden.
std::string name_in_folder(const light::HttpsUrl& url) {
    std::string path = url.path.substr(0, url.path.find('?'));
    path = path.substr(path.rfind('/') + 1);
    std::string name;
    for (const char c : xml::percent_decoded(path).value_or(path)) {
        const bool is_control = static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
        name += c == '/' || is_control ? '_' : c;
    }
    if (name.empty()) return "file";
    if (name.front() == '.') name.front() = '_';
    return name;
}

/// A name that is free: "report.pdf", "report.pdf.1" …
fs::path free_path(const fs::path& wanted) {
    fs::path path = wanted;
    for (unsigned number = 1; fs::exists(path); ++number)
        path = wanted.string() + "." + std::to_string(number);
    return path;
}

struct Download {
    fs::path path;
    std::string sha256;   // hexadecimal
    std::uint64_t size = 0;
};

/// Into a partial file that is named by the tag, which is the file's SHA-256: a later run goes on
/// with it.
Download download(
    Console& console, Https& https, const light::HttpsUrl& url, const fs::path& folder, long seconds
) {
    std::string tag;
    persist(console, seconds, [&](const auto&) {
        const HttpAnswer head = https.ask("HEAD", url.path, {});
        fail_if_passing(head);
        if (head.status != 200) throw Failed(Exit::Refused, "the file: " + head.words());
        tag = head.header("etag");
    });
    const std::string digest = tag.size() == 66 ? tag.substr(1, 64) : std::string();
    if (digest.find_first_not_of("0123456789abcdef") != std::string::npos || digest.empty())
        throw Failed(Exit::Refused, "the server names no SHA-256 of the file");
    const fs::path partial = folder / ("." + digest + ".part");
    const OpenFile file(partial.string(), O_RDWR | O_CREAT);
    Sum sum;
    std::uint64_t there = 0, whole = 0;
    persist(console, seconds, [&](const auto& works) {
        sum.reset();
        there = file.size();
        file.add_to(sum, there);
        file.cut(there);
        Https::Fields fields{{"If-Range", tag}};
        fields["Range"] = "bytes=" + std::to_string(there) + "-";
        const HttpAnswer answer = https.get(
            url.path, fields,
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
        fail_if_passing(answer);
        if (answer.status != 200 && answer.status != 206)
            throw Failed(Exit::Refused, "the file: " + answer.words());
    });
    console.show("");
    if (storage::to_hex(sum.take()) != digest) {
        fs::remove(partial);
        throw Failed(Exit::Refused, "the file that came has another SHA-256 than " + digest);
    }
    file.sync();
    const fs::path path = free_path(folder / name_in_folder(url));
    fs::rename(partial, path);
    return {path, digest, there};
}

void receive_files(const Options& common, const ReceiveOptions& options) {
    std::error_code error;
    if (!fs::is_directory(options.folder, error))
        throw Failed(Exit::Usage, options.folder + " is no directory");
    light::Door door = light::find_door(common, options.login);
    door.login.priority = 0;   // messages to the account go to it
    // The next run takes the place of one that was left, and gets what that one was owed.
    if (door.login.resource.empty()) door.login.resource = "gridctl-bulk";
    Console console;
    xmpp::Recent seen;
    std::uint64_t taken = 0;
    const auto settings = light::loop_settings(common, options.login, -1);
    const long patience =
        settings.reconnect_seconds < 0 ? bulk_reconnect_seconds : settings.reconnect_seconds;
    xmpp::ReceiveLinks receiving([&](const xmpp::ReceivedLink& link) {
        const auto url = light::parse_https_url(link.url);
        const bool is_wanted = options.sender.empty() ||
                               link.sender.substr(0, link.sender.find('/')) == options.sender;
        if (!is_wanted || !seen.add(link.url)) return false;
        // Our certificate is shown to this grid alone.
        if (!is_of_grid(url, door.login.domain)) {
            console.complain("a link that is not of this grid was left: " + link.url);
            return false;
        }
        try {
            Https https(target_of(door, common, url), common.timeout_seconds);
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
        } catch (const Failed& failed) {
            // Any other end leaves the link to the next run.
            if (failed.exit != Exit::Refused) throw;
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
        ->capture_default_str();
    command->add_option("--from", options->sender, "only from this account, NAME@DOMAIN");
    command->add_option("--count", options->count, "end after so many");
    light::add_login_options(*command, options->login);
    command->callback([&common, options] { receive_files(common, *options); });
}

}   // namespace

void add_bulk_commands(CLI::App& app, const Options& options) {
    CLI::App* group = app.add_subcommand("bulk", "files between clients, over XMPP and HTTPS");
    group->require_subcommand(1);
    add_get(*group, options);
    add_send(*group, options);
    add_receive(*group, options);
}

}   // namespace grid::gridctl
