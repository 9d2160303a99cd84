// server/audit/exporter.cpp: see exporter.hpp.
#include "server/audit/exporter.hpp"

#include <fstream>

#include "controller/audit/record.hpp"
#include "server/guarded_run.hpp"
#include "storage/chain.hpp"

namespace grid::server::audit {

namespace {
constexpr auto exporter_look_every = std::chrono::milliseconds(200);
constexpr auto retry_after = std::chrono::seconds(1);
constexpr auto stop_seconds_max = std::chrono::seconds(3);
}   // namespace

Exporter::Exporter(
    storage::Store& store,
    std::unique_ptr<Sink> sink,
    std::filesystem::path place,
    Log& log,
    std::optional<ExportTurn> turn
)
    : store_(store),
      sink_(std::move(sink)),
      place_(std::move(place)),
      log_(log),
      turn_(std::move(turn)) {
    store_.snapshot()->scan(
        storage::Family::Audit, {}, {}, true,
        [this](std::string_view key, const storage::Record& stored) {
            after_ = key;
            number_ = controller::audit::link_in(stored.value).number;
            return false;
        }
    );
    std::string id;
    std::uint64_t number = 0;
    if (!(std::ifstream(place_) >> id >> number)) return;
    // A place behind the newest record is one in another store.
    if (auto key = storage::from_hex(id); key && !key->empty() && *key <= after_) {
        after_ = std::move(*key);
        number_ = number;
    }
}

void Exporter::start() {
    thread_ = std::thread([this] { run(); });
}

void Exporter::stop() {
    {
        const std::lock_guard lock(mutex_);
        is_stopping_ = true;
        stop_at_ = std::chrono::steady_clock::now() + stop_seconds_max;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
}

void Exporter::run() {
    bool is_last = false;
    while (true) {
        bool has_more = false;
        guarded(log_, "audit.export_to", [&] { has_more = go_on(); });
        std::unique_lock lock(mutex_);
        // After the request to stop, once more the pending records, unless the receiver is in
        // trouble.
        const bool is_late = is_stopping_ && std::chrono::steady_clock::now() >= stop_at_;
        if (is_late || (is_last && (!has_more || !trouble_.empty()))) return;
        if (!is_stopping_ && (!has_more || !trouble_.empty())) {
            const std::chrono::milliseconds pause =
                trouble_.empty() ? exporter_look_every : retry_after;
            changed_.wait_for(lock, pause, [this] { return is_stopping_; });
        }
        is_last = is_stopping_;
    }
}

std::vector<controller::audit::Entry> Exporter::read() {
    std::vector<controller::audit::Entry> entries;
    const std::string from = after_.empty() ? std::string{} : after_ + '\0';
    const auto error = store_.snapshot()->scan(
        storage::Family::Audit, from, {}, false,
        [&](std::string_view key, const storage::Record& stored) {
            if (auto entry = controller::audit::entry_of(key, stored))
                entries.push_back(std::move(*entry));
            return entries.size() < records_at_once;
        }
    );
    if (error) return {};   // while the store is being opened again; the next look finds them
    return entries;
}

/// Up to the record that was handed on last, by whichever member; back, where the member whose turn
/// it is has not come as far as this one. True: there may be more of them.
bool Exporter::follow(bool is_mine) {
    const std::uint64_t told = turn_->told();
    if (told == 0 || told == number_ || (is_mine && told < number_)) return false;
    if (told < number_) {
        after_.clear();
        number_ = 0;
    }
    const std::uint64_t before = number_;
    for (const auto& entry : read()) {
        if (entry.link.number > told) {
            number_ = told;   // retention cut those between
            break;
        }
        after_ = *storage::from_hex(entry.id);
        number_ = entry.link.number;
    }
    if (number_ == before) return false;
    note_place();
    return number_ < told;
}

/// False: another member exports.
bool Exporter::takes_turn() {
    if (!turn_) return true;
    const bool is_mine = turn_->is_mine();
    while (follow(is_mine)) {
    }
    if (is_mine && !was_mine_ && number_ != 0) turn_->tell(number_);
    was_mine_ = is_mine;
    return is_mine;
}

bool Exporter::go_on() {
    const bool is_mine = takes_turn();
    const auto entries = is_mine ? read() : std::vector<controller::audit::Entry>();
    if (entries.empty()) {
        note_waiting(false);
        return false;
    }
    if (number_ > 0 && entries.front().link.number > number_ + 1)
        count_lost(entries.front().link.number - number_ - 1, "retention cut them");
    const Sink::Sent sent = sink_->send(entries);
    if (sent.count > 0) {
        after_ = *storage::from_hex(entries[sent.count - 1].id);
        number_ = entries[sent.count - 1].link.number;
        note_place();
        if (turn_) turn_->tell(number_);
    }
    if (sent.lost > 0) count_lost(sent.lost, "the receiver did not take them");
    note_trouble(sent.trouble);
    note_waiting(true);
    return true;
}

/// Once for each reason.
void Exporter::note_trouble(const std::string& trouble) {
    {
        const std::lock_guard lock(mutex_);
        if (trouble == trouble_) return;
        if (trouble_.empty()) troubled_since_ = std::chrono::steady_clock::now();
        trouble_ = trouble;
    }
    if (trouble.empty())
        log_.info("audit_export", {{"note", "the receiver takes records again"}});
    else
        log_.warn(
            "audit_export",
            {{"reason", trouble}, {"do", "records wait in the store until they can be handed on"}}
        );
}

void Exporter::note_waiting(bool is_some) {
    std::uint64_t newest = number_;
    if (is_some)
        store_.snapshot()->scan(
            storage::Family::Audit, {}, {}, true,
            [&newest](std::string_view, const storage::Record& stored) {
                newest = controller::audit::link_in(stored.value).number;
                return false;
            }
        );
    const std::lock_guard lock(mutex_);
    waiting_ = newest > number_ ? newest - number_ : 0;
}

ExportStatus Exporter::status() const {
    const std::lock_guard lock(mutex_);
    ExportStatus status{{}, {}, waiting_, lost_};
    if (trouble_.empty() || waiting_ == 0) return status;
    status.trouble = trouble_;
    status.troubled = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now() - troubled_since_
    );
    return status;
}

void Exporter::count_lost(std::uint64_t count, const char* why) {
    std::uint64_t total = 0;
    {
        const std::lock_guard lock(mutex_);
        total = lost_ += count;
    }
    log_.warn(
        "audit_export_lost",
        {{"records", std::to_string(count)}, {"reason", why}, {"total", std::to_string(total)}}
    );
}

void Exporter::note_place() {
    const std::filesystem::path next = place_.string() + ".new";
    {
        std::ofstream out(next, std::ios::trunc);
        out << storage::to_hex(after_) << ' ' << number_ << '\n';
        if (!out.flush()) return;   // the next time; a restart would repeat records
    }
    std::error_code ignored;
    std::filesystem::rename(next, place_, ignored);
}

}   // namespace grid::server::audit
