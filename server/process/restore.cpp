// server/process/restore.cpp: see server/process/restore.hpp.
#include "server/process/restore.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include <chrono>
#include <future>
#include <iostream>
#include <map>
#include <optional>
#include <set>
#include <thread>

#include "controller/audit/record.hpp"
#include "controller/bulk/file.hpp"
#include "controller/contacts/contact.hpp"
#include "server/backup/copying.hpp"
#include "server/backup/manifest.hpp"
#include "server/bulk/file_folder.hpp"
#include "server/clock.hpp"
#include "server/complain.hpp"
#include "server/pki/failure.hpp"
#include "server/pki/files.hpp"
#include "server/process/open_store.hpp"
#include "server/regular_file.hpp"
#include "storage/codec.hpp"
#include "storage/keys.hpp"
#include "xml/datetime.hpp"

namespace grid::server {
namespace {

namespace fs = std::filesystem;
using backup::Manifest;
using storage::Family;

constexpr const char* marker_name = "restore.unfinished";
constexpr std::size_t restore_manifest_bytes_max = 256UL * 1024 * 1024;
constexpr auto queue_full_pause = std::chrono::milliseconds(1);
const std::atomic<bool> goes_on = false;   // a restore is stopped by ending its process

Result<Manifest, std::string> read_manifest(const fs::path& folder, const Config& config) {
    std::error_code unreadable;
    if (fs::is_regular_file(folder, unreadable))
        return pki::Failure{
            folder.string() + " is a file: unpack it (tar -xf " + folder.string() +
            "), and give the directory that comes of it"
        };
    const fs::path file = folder / backup::manifest_name;
    const auto text = read_regular_file(file.string(), restore_manifest_bytes_max);
    if (!text) return pki::Failure{text.error() + ": a backup is a directory with a manifest"};
    auto manifest = backup::parse_manifest(*text);
    if (!manifest) return pki::Failure{file.string() + " " + manifest.error()};
    if (manifest->domain != config.domain)
        return pki::Failure{
            "the backup is of the domain " + manifest->domain + ", the configuration is of " +
            config.domain + ": all names of accounts and topics would be those of another grid"
        };
    return manifest;
}

/// Before the first byte is written.
Result<void, std::string> check_bytes(const fs::path& folder, const Manifest& manifest) {
    for (const backup::Entry& entry : manifest.files) {
        const auto found = backup::hash_file(folder / entry.path, goes_on);
        if (!found) return pki::Failure{"the backup is not whole: " + found.error()};
        if (found->bytes != entry.bytes || found->hash != entry.hash)
            return pki::Failure{
                "the backup is damaged: " + (folder / entry.path).string() + " has " +
                std::to_string(found->bytes) + " bytes and the SHA-256 " + found->hash +
                "; in its manifest are " + std::to_string(entry.bytes) + " and " + entry.hash
            };
    }
    return {};
}

/// A lock on the directory, which goes with the descriptor: one restore works in it. False: another
/// has it. A volume without such locks gives it to each.
bool lock(const bulk::Descriptor& folder) {
    return !folder.is_open() || ::flock(folder.get(), LOCK_EX | LOCK_NB) == 0 ||
           errno != EWOULDBLOCK;
}

bulk::Descriptor open_folder(const fs::path& folder) {
    return bulk::Descriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

Result<bulk::Descriptor, std::string> take_target(const fs::path& data) {
    using Taken = Result<bulk::Descriptor, std::string>;
    std::error_code error;
    if (!fs::create_directories(data, error) && error)
        return pki::Failure{"cannot make " + data.string() + ": " + error.message()};
    bulk::Descriptor folder = open_folder(data);
    if (!lock(folder))
        return pki::Failure{
            "another restore is at work in " + data.string() +
            ": wait for its end, or give another directory by --data"
        };
    return Taken(boost::system::in_place_value, std::move(folder));
}

std::string half_restored(const fs::path& data) {
    std::error_code unreadable;
    if (!fs::exists(data / marker_name, unreadable)) return {};
    return data.string() +
           " holds a restore that was not finished: empty that directory and restore again";
}

Result<void, std::string> check_target(const AppOptions& options, const Manifest& manifest) {
    const fs::path& data = options.data;
    if (std::string why = half_restored(data); !why.empty()) return pki::Failure{why};
    std::error_code error;
    fs::directory_iterator at(data, error);
    if (error) return pki::Failure{data.string() + ": " + error.message()};
    for (; at != fs::directory_iterator(); at.increment(error))
        if (at->path().filename() != "lost+found")
            return pki::Failure{
                data.string() + " is not empty (" + at->path().filename().string() +
                "): a restore is into an empty directory; move the old data away, or give "
                "another directory by --data"
            };
    const std::uint64_t needed = manifest.bytes() + options.config.storage.free_bytes_min;
    const std::uint64_t free = backup::free_bytes_of(data);
    if (free >= needed) return {};
    return pki::Failure{
        "the volume of " + data.string() + " has " + std::to_string(free) +
        " bytes free, the backup needs " + std::to_string(needed) + " (with storage.free_bytes_min)"
    };
}

Result<void, std::string> copy_files(
    const fs::path& folder, const fs::path& data, const Manifest& manifest
) {
    for (const char* name : {"store", "files", "crl"}) {
        std::error_code error;
        fs::create_directory(data / name, error);
        if (error) return pki::Failure{(data / name).string() + ": " + error.message()};
    }
    for (const backup::Entry& entry : manifest.files) {
        const auto copied = backup::copy_file(folder / entry.path, data / entry.path, goes_on);
        if (!copied) return pki::Failure{copied.error()};
        if (copied->hash != entry.hash)
            return pki::Failure{
                (folder / entry.path).string() + " has changed since it was checked"
            };
    }
    return {};
}

std::string range_end(std::string from) {
    from.back() = static_cast<char>(from.back() + 1);
    return from;
}

/// Takes away records whose meaning the first life may have changed after the backup: tokens that
/// were replaced or revoked since, and versions of rosters.
std::vector<storage::Batch> make_fresh(const storage::Snapshot& store) {
    std::vector<storage::Batch> batches(1);
    const auto next = [&]() -> storage::Batch& {
        if (batches.back().operations.size() >= storage::batch_operations_max)
            batches.emplace_back();
        return batches.back();
    };
    const std::string tokens{static_cast<char>(storage::Tag::Credential), 't'};
    store.scan(
        Family::Control, tokens, range_end(tokens), false,
        [&](std::string_view key, const storage::Record&) {
            next().erase(Family::Control, std::string(key));
            return true;
        }
    );
    // A client that knows a later version than the last removal is told the changes alone.
    const std::string rosters(1, static_cast<char>(storage::Tag::Contact));
    std::string last;
    store.scan(
        Family::Control, rosters, range_end(rosters), false,
        [&](std::string_view key, const storage::Record&) {
            storage::Decoder in(key.substr(1));
            const std::string owner(in.text());
            if (!in.ok() || owner == last) return true;
            last = owner;
            next().put(
                Family::Control, controller::contacts::removal_key(owner),
                controller::contacts::removal_value()
            );
            return true;
        }
    );
    return batches;
}

storage::Batch on_record(const Manifest& manifest) {
    namespace audit = controller::audit;
    storage::Batch batch;
    audit::Record record = audit::by(pubsub::Principal::system(), audit::Outcome::Info, "restore");
    record.detail = "backup " + manifest.name + " of revision " +
                    std::to_string(manifest.store.revision) + ", epoch " +
                    std::to_string(manifest.store.epoch + 1);
    audit::append(batch, record);
    return batch;
}

/// Empty: all are committed.
std::string commit_all(storage::Store& store, std::vector<storage::Batch> batches) {
    std::promise<std::string> outcome;
    std::size_t left = 0;
    for (const auto& batch : batches) left += batch.operations.empty() ? 0 : 1;
    if (left == 0) return {};
    std::string trouble;
    store.start([&](const std::vector<storage::FeedEntry>& entries) {
        for (const auto& entry : entries) {
            if (const auto* refused = std::get_if<storage::Refused>(&entry))
                trouble = refused->error.message() + " " + refused->detail;
            if (left > 0 && --left == 0) outcome.set_value(trouble);
        }
    });
    storage::Ticket ticket = 0;
    for (const auto& batch : batches) {
        if (batch.operations.empty()) continue;
        ++ticket;
        // The queue has a bound; what is in it is committed or refused in the end.
        while (!store.submit(ticket, {}, batch)) std::this_thread::sleep_for(queue_full_pause);
    }
    return outcome.get_future().get();
}

bool is_same_store(const storage::CheckpointFacts& a, const storage::CheckpointFacts& b) {
    return a.store_id == b.store_id && a.epoch == b.epoch && a.revision == b.revision &&
           a.time == b.time && a.audit == b.audit;
}

/// Each upload that the store calls complete is in the backup, with the bytes that were uploaded.
/// Empty: so it is.
std::string why_incomplete(const storage::Snapshot& store, const Manifest& manifest) {
    std::map<std::string, std::string> hashes;
    for (const backup::Entry& entry : manifest.files) hashes.emplace(entry.path, entry.hash);
    std::string why;
    const std::string files(1, static_cast<char>(storage::Tag::File));
    store.scan(
        Family::Control, files, range_end(files), false,
        [&](std::string_view key, const storage::Record& record) {
            const auto file = controller::bulk::decode_file(key.substr(1), record.value);
            if (!file || !file->is_complete) return true;
            const auto found = hashes.find("files/" + file->id);
            if (found == hashes.end())
                why = "the backup lacks files/" + file->id + ", which its store knows";
            else if (!file->hash.empty() && found->second != file->hash)
                why = "files/" + file->id + " is not what was uploaded: its hash differs";
            return why.empty();
        }
    );
    return why;
}

/// The copied store gets a life of its own.
Result<void, std::string> begin_life(
    const AppOptions& options, const Manifest& manifest, Log& log
) {
    storage::RocksSettings settings;
    settings.path = (options.data / "store").string();
    settings.open_files_max = options.store_files;
    std::string said;
    settings.log = [&said](storage::LogLevel, std::string_view text) { said = text; };
    const auto facts = storage::begin_epoch(settings, now());
    if (!facts) return pki::Failure{said.empty() ? facts.error().message() : said};
    if (!is_same_store(*facts, manifest.store))
        return pki::Failure{"the store is not the one that the manifest names"};
    const auto store = open_store(options, log);
    if (!store) return pki::Failure{store.error()};
    if (std::string lost = why_incomplete(*(*store)->snapshot(), manifest); !lost.empty())
        return pki::Failure{lost};
    auto batches = make_fresh(*(*store)->snapshot());
    batches.insert(batches.begin(), on_record(manifest));
    if (std::string trouble = commit_all(**store, std::move(batches)); !trouble.empty())
        return pki::Failure{"the store does not take the restore on record: " + trouble};
    return {};
}

/// The marker is there before the first file, and goes when the last byte is on the disk.
Result<void, std::string> write_data(
    const AppOptions& options, const fs::path& folder, const Manifest& manifest, Log& log
) {
    const fs::path& data = options.data;
    ::chmod(data.c_str(), S_IRWXU);
    if (auto marked = pki::write_file(
            data / marker_name, "from " + fs::absolute(folder).string() + "\n", pki::Mode::Private
        );
        !marked)
        return marked;
    if (auto copied = copy_files(folder, data, manifest); !copied) return copied;
    if (auto begun = begin_life(options, manifest, log); !begun) return begun;
    if (auto synced = backup::sync_volume(data); !synced) return synced;
    std::error_code error;
    fs::remove(data / marker_name, error);
    if (error) return pki::Failure{(data / marker_name).string() + ": " + error.message()};
    return backup::sync_folder(data);
}

void tell(const AppOptions& options, const Manifest& manifest) {
    std::cout
        << "restored " << manifest.domain << " as it was at " << xml::to_datetime(manifest.time)
        << " (revision " << manifest.store.revision << ", audit record "
        << manifest.store.audit.number << "): " << manifest.files.size() << " files, "
        << manifest.bytes() << " bytes\n"
        << "What was changed since is as it was before: accounts that were disabled, rights, "
           "passwords and second factors that were taken away count again, and so do recovery "
           "codes that were used; look at them before clients come in.\n"
        << "Tokens for logins without a password are void.\n";
    if (manifest.is_evaluation)
        std::cout << "It is an evaluation. Its CA is in no backup: copy the folder pki of the old "
                     "data directory to "
                  << (options.data / "pki").string() << ", or no client gets in.\n";
    if (::geteuid() == 0)
        std::cout << "The files belong to root: where gridd runs as another user, give them to it "
                     "(chown -R).\n";
}

Result<void, std::string> restore(const AppOptions& options, const fs::path& folder, Log& log) {
    const auto manifest = read_manifest(folder, options.config);
    if (!manifest) return pki::Failure{manifest.error()};
    const auto taken = take_target(options.data);
    if (!taken) return pki::Failure{taken.error()};
    if (auto target = check_target(options, *manifest); !target) return target;
    if (auto checked = check_bytes(folder, *manifest); !checked) return checked;
    if (auto written = write_data(options, folder, *manifest, log); !written)
        return pki::Failure{
            written.error() + ". The restore is not finished, and no server starts in " +
            options.data.string() + ": empty that directory and restore again"
        };
    tell(options, *manifest);
    return {};
}

}   // namespace

std::string why_half_restored(const fs::path& data) {
    std::string why = half_restored(data);
    if (!why.empty() && !lock(open_folder(data)))
        return "a restore is at work in " + data.string() + ": wait for its end";
    return why;
}

int restore_backup(const AppOptions& options, const std::string& backup) {
    try {
        auto settings = options.config.log;
        if (!options.config.origin.is_given("log.level")) settings.level = "warn";
        Log log(settings);
        const auto done = restore(options, backup, log);
        if (done) return 0;
        complain("nothing is restored: " + done.error());
    } catch (const std::exception& error) {
        complain(error.what());
    }
    return 1;
}

}   // namespace grid::server
