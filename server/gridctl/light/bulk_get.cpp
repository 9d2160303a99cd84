// server/gridctl/light/bulk_get.cpp: `bulk get`: the items of a topic that the server keeps.
#include <fcntl.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <utility>

#include "server/gridctl/client.hpp"
#include "server/gridctl/light/bookmark.hpp"
#include "server/gridctl/light/bulk.hpp"
#include "server/gridctl/light/local_file.hpp"
#include "server/gridctl/light/loop.hpp"
#include "server/gridctl/options.hpp"
#include "server/gridctl/xmpp/item_text.hpp"
#include "server/gridctl/xmpp/payload.hpp"

namespace grid::gridctl::light {

namespace {

namespace json = boost::json;

/// A crash of this machine costs so much at the most, which is fetched again.
constexpr std::uint64_t bookmark_every = 16UL * 1024 * 1024;
constexpr auto bookmark_seconds = std::chrono::seconds(2);

struct GetOptions {
    LoginOptions login;
    xmpp::AskHistory::Span span;
    std::string out = "-";
    bool goes_on = false;
};

/// Lines of a history as they come, in the form in which `subscribe` prints items.
class History {
public:
    using Print = std::function<void(const std::string&)>;

    /// `from`: the items before it are there already.
    History(std::string topic, bool as_json, Bookmark::Place from, Print print)
        : topic_(std::move(topic)),
          as_json_(as_json),
          print_(std::move(print)),
          cursor_(std::move(from.cursor)),
          items_(from.items) {}

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
        cursor_ = text("cursor");
        ++items_;
    }

    std::string topic_;
    bool as_json_;
    Print print_;
    std::string rest_, cursor_;   // cursor_: of the last item that was printed
    bool is_whole_ = false;
    std::uint64_t items_;
};

bool is_regular(const std::string& path) {
    std::error_code error;
    const auto facts = std::filesystem::status(path, error);
    return !std::filesystem::exists(facts) || std::filesystem::is_regular_file(facts);
}

/// Where the output goes on. Failed (Usage) where it cannot.
Bookmark::Place find_place(const GetOptions& options, const Bookmark& bookmark) {
    if (!options.goes_on) return {};
    if (options.out == "-") throw Failed(Exit::Usage, "-c goes on with a file: name it with -o");
    if (!is_regular(options.out))
        throw Failed(Exit::Usage, "-c needs a regular file, not " + options.out);
    if (!std::filesystem::exists(options.out)) return {};
    const auto place = bookmark.read();
    if (!place)
        throw Failed(
            Exit::Usage, options.out + " is there and " + bookmark.path() +
                             " is not: it is complete, or another program's. Without -c it is "
                             "written anew"
        );
    if (std::filesystem::file_size(options.out) < place->bytes)
        throw Failed(
            Exit::Usage, options.out + " is shorter than it was: remove it, and " +
                             bookmark.path() + ", to begin again"
        );
    return *place;
}

/// The output, with its bookmark where it is a regular file.
class Output {
public:
    Output(const std::string& path, Bookmark bookmark, Bookmark::Place place)
        : bookmark_(std::move(bookmark)),
          is_marked_(is_regular(path)),
          place_(std::move(place)),
          file_(path, is_marked_ ? O_WRONLY | O_CREAT : O_WRONLY) {
        if (!is_marked_) return;
        file_.cut(place_.bytes);
        mark();
    }
    /// A run that ends in the middle leaves what it has.
    ~Output() {
        try {
            mark();
        } catch (const Failed&) {   // the next run goes on from an earlier place
        }
    }
    Output(const Output&) = delete;
    Output& operator=(const Output&) = delete;

    void write(const std::string& line) {
        file_.write(line);
        written_ += line.size();
    }
    /// All that was written belongs to whole items, up to the last one of the history.
    void reach(const History& history) {
        place_ = {place_.bytes + std::exchange(written_, 0), history.items(), history.cursor()};
        const bool is_due = place_.bytes - marked_bytes_ >= bookmark_every ||
                            Clock::now() - marked_at_ >= bookmark_seconds;
        if (is_due) mark();
    }
    void complete() {
        if (!is_marked_) return;
        file_.sync();
        bookmark_.remove();
        is_marked_ = false;
    }

private:
    void mark() {
        if (!is_marked_) return;
        file_.sync();
        bookmark_.write(place_);
        marked_bytes_ = place_.bytes;
        marked_at_ = Clock::now();
    }

    Bookmark bookmark_;
    bool is_marked_;
    Bookmark::Place place_;
    LocalFile file_;
    std::uint64_t written_ = 0, marked_bytes_ = 0;   // written_: behind the place
    Clock::time_point marked_at_;
};

void fetch_history(
    Console& console,
    Https& https,
    const std::string& path,
    History& history,
    std::uint64_t expected,
    long seconds,
    const std::function<void()>& reached
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
                reached();
                if (expected > 0)
                    console.show(
                        bar(static_cast<double>(history.items()) / static_cast<double>(expected))
                    );
            }
        );
        fail_if_passing(answer);
        if (answer.status != 200)
            throw Failed(
                answer.status == 404 ? Exit::NotFound : Exit::Refused,
                "the history: " + answer.words()
            );
        if (!history.is_whole()) throw Broken("the history ended too early");
    });
    console.show("");
}

/// The history's place, or none where there are no items.
std::optional<HttpsUrl> ask_for_history(
    const Options& common,
    const GetOptions& options,
    const Door& door,
    Console& console,
    xmpp::AskHistory& asking
) {
    run(door, asking, console, loop_settings(common, options.login, bulk_reconnect_seconds));
    if (!asking.why().empty())
        throw Failed(
            asking.outcome() == xmpp::Outcome::NotFound ? Exit::NotFound : Exit::Refused,
            "topic '" + options.span.topic + "': " + asking.why()
        );
    if (asking.url().empty()) return std::nullopt;
    const auto url = parse_https_url(asking.url());
    if (!is_of_grid(url, door.login.domain))
        throw Failed(Exit::Refused, "the history is not of this grid: " + asking.url());
    return url;
}

void get_history(const Options& common, const GetOptions& options) {
    for (const std::string& time : {options.span.start, options.span.end})
        if (!time.empty() && !xml::parse_datetime(time))
            throw Failed(Exit::Usage, "'" + time + "' is no time such as 2026-11-01T12:00:00Z");
    Bookmark bookmark(options.out, options.span, common.json);
    const Bookmark::Place from = find_place(options, bookmark);
    const Door door = find_door(common, options.login);
    Console console;
    xmpp::AskHistory asking(door.controller, options.span);
    const auto url = ask_for_history(common, options, door, console, asking);
    std::optional<Output> output;
    if (options.out != "-") output.emplace(options.out, std::move(bookmark), from);
    if (!url) {
        if (from.items > 0)
            throw Failed(
                Exit::Refused, "the topic keeps no items any more: those behind the ones in " +
                                   options.out + " are gone"
            );
        if (output) output->complete();
        return;
    }
    Https https(target_of(door, common, *url), common.timeout_seconds);
    History history(options.span.topic, common.json, from, [&](const std::string& line) {
        if (output)
            output->write(line + "\n");
        else
            console.print(line);
    });
    try {
        fetch_history(
            console, https, url->path, history, asking.items(),
            loop_settings(common, options.login, bulk_reconnect_seconds).reconnect_seconds,
            [&] {
                if (output) output->reach(history);
            }
        );
    } catch (const NoReader&) {
        return;   // the reader has enough
    }
    if (output) output->complete();
}

}   // namespace

void add_bulk_get(CLI::App& group, const Options& common) {
    const auto options = std::make_shared<GetOptions>();
    CLI::App* command = group.add_subcommand("get", "the items of a topic that the server keeps");
    command->footer(
        "Items come as `subscribe` prints them, a line each, however many there are. An answer "
        "that "
        "breaks off\ngoes on behind the last item that came whole. With -o, a run that ends in the "
        "middle leaves FILE.resume\nbeside FILE, with which `-c` goes on in another run; a FILE "
        "without it is complete."
    );
    command->add_option("topic", options->span.topic, "the topic's name")->required();
    command->add_option("--from", options->span.start, "not before, 2026-11-01T12:00:00Z");
    command->add_option("--to", options->span.end, "not after");
    command->add_option("--filter", options->span.filter, "only items that pass it");
    command->add_option("-o,--out", options->out, "a file; - is standard output")
        ->type_name("FILE")
        ->capture_default_str();
    command->add_flag(
        "-c,--continue", options->goes_on, "go on with FILE where an earlier run ended"
    );
    add_login_options(*command, options->login, std::to_string(bulk_reconnect_seconds));
    on_call(*command, [&common, options] { get_history(common, *options); });
}

}   // namespace grid::gridctl::light
