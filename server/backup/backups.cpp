// server/backup/backups.cpp: see server/backup/backups.hpp.
#include "server/backup/backups.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <chrono>
#include <thread>

#include "controller/bulk/file.hpp"
#include "controller/credentials/credentials.hpp"
#include "server/backup/copying.hpp"
#include "server/clock.hpp"
#include "server/pki/failure.hpp"
#include "server/pki/files.hpp"
#include "server/regular_file.hpp"
#include "storage/keys.hpp"

namespace grid::server::backup {

namespace fs = std::filesystem;
using controller::BackupView;
using pki::Failure;

namespace {

constexpr std::string_view unfinished_suffix = ".unfinished";
constexpr std::size_t owner_digits = 16;
constexpr std::size_t manifest_bytes_max = 256UL * 1024 * 1024;
/// Tables of a checkpoint that are open at one time, while it is looked at.
constexpr int checkpoint_files_max = 16;

BackupView view_of(const Manifest& manifest) {
    BackupView view;
    view.name = manifest.name;
    view.state = BackupView::State::Complete;
    view.time = manifest.time;
    view.revision = manifest.store.revision;
    view.epoch = manifest.store.epoch;
    view.audit_number = manifest.store.audit.number;
    view.audit_hash = storage::to_hex(storage::view(manifest.store.audit.hash));
    view.bytes = manifest.bytes();
    view.files = manifest.files.size();
    return view;
}

Result<void, std::string> make_folder(const fs::path& folder) {
    std::error_code error;
    fs::create_directories(folder, error);
    if (error) return Failure{folder.string() + ": " + error.message()};
    return {};
}

std::vector<std::string> names_in(const fs::path& folder) {
    std::vector<std::string> names;
    std::error_code error;
    for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
        names.push_back(at->path().filename().string());
    std::ranges::sort(names);
    return names;
}

/// Between slices of links the disk's journal has a rest, so that commits do not wait for many.
class Pace {
public:
    void step() {
        if (++links_ % links_in_slice == 0) std::this_thread::sleep_for(pause);
    }

private:
    static constexpr std::size_t links_in_slice = 128;
    static constexpr auto pause = std::chrono::milliseconds(2);
    std::size_t links_ = 0;
};

/// Behind the name of a backup that this grid has begun: several grids may share a folder.
std::string own_suffix(const std::string& domain) {
    return "." + controller::digest_in_hex(domain).substr(0, owner_digits) +
           std::string(unfinished_suffix);
}

/// Of files whose upload is complete: the hash, by id.
std::map<std::string, std::string> complete_files(const storage::Snapshot& snapshot) {
    std::map<std::string, std::string> hashes;
    const std::string from(1, static_cast<char>(storage::Tag::File));
    const std::string to(1, static_cast<char>(from.front() + 1));
    snapshot.scan(
        storage::Family::Control, from, to, false,
        [&](std::string_view key, const storage::Record& record) {
            const auto file = controller::bulk::decode_file(key.substr(1), record.value);
            if (file && file->is_complete) hashes.emplace(file->id, file->hash);
            return true;
        }
    );
    return hashes;
}

}   // namespace

/// A file of the backup that is to be made.
struct Backups::Source {
    fs::path from;
    std::string path;           // in the backup
    bool is_constant = false;   // it can be linked
    std::string known_hash = {};
};

Backups::Backups(storage::Store& store, BackupSettings settings, Log& log)
    : store_(store),
      settings_(std::move(settings)),
      folder_(settings_.folder.empty() ? settings_.data / "backups" : settings_.folder),
      log_(log) {
    find_those_there();
}

Backups::~Backups() { stop(); }

void Backups::stop() {
    stops_ = true;
    maker_.join();
    readers_.join();
}

void Backups::find_those_there() {
    std::error_code ignored;
    fs::remove_all(checkpoint_folder(), ignored);
    const std::string own = own_suffix(settings_.domain);
    for (const std::string& name : names_in(folder_)) {
        const fs::path path = folder_ / name;
        if (name.ends_with(own) &&
            is_backup_name(std::string_view(name).substr(0, name.size() - own.size())))
            fs::remove_all(path, ignored);
        if (!is_backup_name(name)) continue;
        const auto text = read_regular_file((path / manifest_name).string(), manifest_bytes_max);
        const auto manifest =
            text ? parse_manifest(*text)
                 : Result<Manifest, std::string>(boost::system::in_place_error, text.error());
        const std::string wrong = manifest ? why_foreign(*manifest, name) : manifest.error();
        if (wrong.empty())
            complete_.emplace(name, view_of(*manifest));
        else
            log_.warn("backup_unreadable", {{"backup", path.string()}, {"reason", wrong}});
    }
}

/// Another grid's is neither listed nor removed when there are enough. Empty: it is none.
std::string Backups::why_foreign(const Manifest& manifest, const std::string& name) const {
    if (manifest.name != name) return "its manifest has another name";
    if (manifest.domain != settings_.domain)
        return "it is of the domain " + manifest.domain +
               ": each grid needs a backup.dir of its own";
    return {};
}

fs::path Backups::unfinished_folder(const std::string& name) const {
    return folder_ / (name + own_suffix(settings_.domain));
}

std::optional<BackupView> Backups::begin() {
    const std::lock_guard lock(mutex_);
    if (stops_ || (latest_ && latest_->state == View::State::Running)) return std::nullopt;
    View view;
    view.time = now();
    view.name = backup_name(view.time);
    for (int number = 2; complete_.contains(view.name); ++number)
        view.name = backup_name(view.time) + "-" + std::to_string(number);
    latest_ = view;
    boost::asio::post(maker_, [this, name = view.name] { run(name); });
    return view;
}

std::vector<BackupView> Backups::list() const {
    const std::lock_guard lock(mutex_);
    std::vector<View> all;
    if (latest_) all.push_back(*latest_);
    for (auto at = complete_.rbegin(); at != complete_.rend(); ++at) all.push_back(at->second);
    return all;
}

void Backups::run(const std::string& name) {
    const auto began = std::chrono::steady_clock::now();
    Result<Manifest, std::string> made = Failure{"the server has a fault: see its log"};
    try {
        made = make(name);
    } catch (const std::exception& fault) {
        made = Failure{fault.what()};
    }
    std::error_code ignored;
    fs::remove_all(checkpoint_folder(), ignored);
    if (!made) fs::remove_all(unfinished_folder(name), ignored);
    {
        const std::lock_guard lock(mutex_);
        if (made) {
            complete_.emplace(name, view_of(*made));
            latest_.reset();
        } else {
            latest_->state = View::State::Failed;
            latest_->reason = made.error();
        }
    }
    if (!made)
        return log_.error(
            "backup_failed",
            {{"backup", name}, {"folder", folder_.string()}, {"reason", made.error()}}
        );
    const auto time = std::chrono::steady_clock::now() - began;
    log_.info(
        "backup_made",
        {{"backup", (folder_ / name).string()},
         {"revision", std::to_string(made->store.revision)},
         {"files", std::to_string(made->files.size())},
         {"bytes", std::to_string(made->bytes())},
         {"milliseconds",
          std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(time).count())}}
    );
    prune(name);
}

Result<Manifest, std::string> Backups::make(const std::string& name) {
    const fs::path point = checkpoint_folder(), unfinished = unfinished_folder(name);
    std::error_code ignored;
    fs::remove_all(point, ignored);
    for (const fs::path& folder :
         {point / "files", unfinished / "store", unfinished / "files", unfinished / "crl"})
        if (auto made = make_folder(folder); !made) return Failure{made.error()};

    Manifest manifest;
    manifest.name = name;
    manifest.domain = settings_.domain;
    manifest.version = settings_.version;
    manifest.is_evaluation = settings_.is_evaluation;
    if (auto taken = take_point(point, manifest); !taken) return Failure{taken.error()};
    const auto sources = collect(point);
    if (auto room = check_room(sources, unfinished); !room) return Failure{room.error()};
    if (auto taken = take(sources, unfinished, manifest); !taken) return Failure{taken.error()};
    if (auto finished = finish(unfinished, manifest); !finished) return Failure{finished.error()};
    return manifest;
}

namespace {

/// A file that was completed a moment ago may not have its name yet, in a cluster.
bool is_there_soon(const fs::path& path) {
    constexpr int looks = 30;
    constexpr auto look_again_after = std::chrono::milliseconds(100);
    std::error_code error;
    for (int look = 0; look < looks; ++look) {
        if (fs::exists(path, error)) return true;
        std::this_thread::sleep_for(look_again_after);
    }
    return false;
}

}   // namespace

/// The store as it is at one point, and the files that it knows then.
Result<void, std::string> Backups::take_point(const fs::path& point, Manifest& manifest) {
    // Before the point: what is removed behind it is removed behind this.
    const std::shared_ptr<void> held = hold_ ? hold_() : nullptr;
    const auto error =
        store_.checkpoint((point / "store").string(), [&] { manifest.time = now(); });
    if (error) return Failure{"the store gives no copy of itself: " + error.message()};
    // The copy is opened as a restore will open it.
    storage::RocksSettings copy;
    copy.path = (point / "store").string();
    copy.open_files_max = checkpoint_files_max;
    const auto facts = storage::look_at_checkpoint(copy, [&](const storage::Snapshot& snapshot) {
        uploads_ = complete_files(snapshot);
    });
    if (!facts) return Failure{"the copy of the store cannot be read: " + facts.error().message()};
    manifest.store = *facts;
    return link_uploads(point);
}

Result<void, std::string> Backups::link_uploads(const fs::path& point) {
    const fs::path from = settings_.data / "files";
    Pace pace;
    for (const auto& [id, hash] : uploads_) {
        if (stops_) return Failure{"the server stops"};
        if (!is_there_soon(from / id))
            return Failure{
                (from / id).string() +
                " is missing: a member of a cluster may not have fetched it yet (files_missing in "
                "gridctl cluster status)"
            };
        const auto linked = link_file(from / id, point / "files" / id);
        if (!linked) return Failure{linked.error()};
        if (!*linked)
            return Failure{from.string() + " is on a volume without links to " + point.string()};
        pace.step();
    }
    return {};
}

std::vector<Backups::Source> Backups::collect(const fs::path& point) const {
    std::vector<Source> sources;
    for (const std::string& name : names_in(point / "store"))
        if (is_backup_path("store/" + name))
            sources.push_back({point / "store" / name, "store/" + name, true});
    for (const auto& [id, hash] : uploads_)
        sources.push_back({point / "files" / id, "files/" + id, true, hash});
    for (const std::string& name : names_in(settings_.data / "crl"))
        if (is_backup_path("crl/" + name))
            sources.push_back({settings_.data / "crl" / name, "crl/" + name});
    for (const char* name : {"administrators", "audit-export.position"})
        if (std::error_code error; fs::exists(settings_.data / name, error))
            sources.push_back({settings_.data / name, name});
    return sources;
}

/// Only a copy takes room.
Result<void, std::string> Backups::check_room(
    const std::vector<Source>& sources, const fs::path& to
) const {
    struct stat here{}, there{};
    if (::stat(checkpoint_folder().c_str(), &here) != 0 || ::stat(to.c_str(), &there) != 0)
        return Failure{to.string() + " cannot be looked at"};
    if (here.st_dev == there.st_dev) return {};
    std::uint64_t needed = settings_.free_bytes_min;
    for (const Source& source : sources) {
        std::error_code error;
        const auto bytes = fs::file_size(source.from, error);
        if (!error) needed += bytes;
    }
    const std::uint64_t free = free_bytes_of(to);
    if (free >= needed) return {};
    return Failure{
        "the volume of " + to.string() + " has " + std::to_string(free) +
        " bytes free, the backup needs " + std::to_string(needed) + " (with storage.free_bytes_min)"
    };
}

Result<void, std::string> Backups::take(
    const std::vector<Source>& sources, const fs::path& to, Manifest& manifest
) {
    Pace pace;
    for (const Source& source : sources) {
        if (stops_) return Failure{"the server stops"};
        const fs::path target = to / source.path;
        bool is_linked = false;
        if (source.is_constant) {
            const auto linked = link_file(source.from, target);
            if (!linked) return Failure{linked.error()};
            is_linked = *linked;
            pace.step();
        }
        // The hash of an uploaded file was checked when its last byte had come.
        if (is_linked && !source.known_hash.empty()) {
            std::error_code error;
            manifest.files.push_back({source.path, fs::file_size(target, error), source.known_hash}
            );
            if (error) return Failure{target.string() + ": " + error.message()};
            continue;
        }
        const auto taken =
            is_linked ? hash_file(target, stops_) : copy_file(source.from, target, stops_);
        if (!taken) return Failure{taken.error()};
        if (!source.known_hash.empty() && taken->hash != source.known_hash)
            return Failure{source.path + " is not what was uploaded: its hash differs"};
        manifest.files.push_back({source.path, taken->bytes, taken->hash});
    }
    return {};
}

/// Durable before it has its name, and the name before it is told.
Result<void, std::string> Backups::finish(const fs::path& unfinished, const Manifest& made) {
    if (auto written =
            pki::write_file(unfinished / manifest_name, to_json(made), pki::Mode::Private);
        !written)
        return Failure{written.error()};
    if (auto synced = sync_volume(unfinished); !synced) return Failure{synced.error()};
    std::error_code error;
    fs::rename(unfinished, folder_ / made.name, error);
    if (error) return Failure{(folder_ / made.name).string() + ": " + error.message()};
    return sync_folder(folder_);
}

Result<void, std::string> Backups::remove(const std::string& name) {
    {
        const std::lock_guard lock(mutex_);
        if (readers_of_.contains(name)) return Failure{"the backup " + name + " is being read"};
        if (latest_ && latest_->name == name && latest_->state == View::State::Running)
            return Failure{"the backup " + name + " is being made"};
        if (latest_ && latest_->name == name) {
            latest_.reset();   // of one that failed nothing is left
            return {};
        }
        if (complete_.erase(name) == 0) return Failure{"no backup " + name};
    }
    std::error_code error;
    // First its name, so that half of it is never taken for a whole one.
    const fs::path going = unfinished_folder(name);
    fs::rename(folder_ / name, going, error);
    if (!error) fs::remove_all(going, error);
    if (error) {
        log_.warn("backup_not_removed", {{"backup", name}, {"reason", error.message()}});
        return Failure{(folder_ / name).string() + ": " + error.message()};
    }
    log_.info("backup_removed", {{"backup", (folder_ / name).string()}});
    return {};
}

void Backups::prune(const std::string& made) {
    std::vector<std::string> old;
    {
        const std::lock_guard lock(mutex_);
        for (const auto& [name, view] : complete_) {
            if (complete_.size() - old.size() <= settings_.keep) break;
            if (name != made) old.push_back(name);
        }
    }
    for (const std::string& name : old) (void)remove(name);   // one that is read stays
}

void Backups::open(const std::string& name, std::function<void(std::shared_ptr<Archive>)> done) {
    if (stops_) return done(nullptr);
    boost::asio::post(readers_, [this, name, done = std::move(done)] { done(archive_of(name)); });
}

std::shared_ptr<Archive> Backups::archive_of(const std::string& name) {
    {
        const std::lock_guard lock(mutex_);
        if (stops_ || !complete_.contains(name)) return nullptr;
        ++readers_of_[name];
    }
    const auto release = [this, name] {
        const std::lock_guard lock(mutex_);
        if (--readers_of_[name] == 0) readers_of_.erase(name);
    };
    const auto text =
        read_regular_file((folder_ / name / manifest_name).string(), manifest_bytes_max);
    const auto manifest =
        text ? parse_manifest(*text)
             : Result<Manifest, std::string>(boost::system::in_place_error, text.error());
    if (!manifest) {
        release();
        log_.warn(
            "backup_unreadable",
            {{"backup", (folder_ / name).string()}, {"reason", manifest.error()}}
        );
        return nullptr;
    }
    return std::make_shared<Archive>(folder_ / name, *manifest, text->size(), readers_, release);
}

}   // namespace grid::server::backup
