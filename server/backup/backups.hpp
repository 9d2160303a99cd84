// server/backup/backups.hpp: copies of the grid's data, made beside the server's work.
#pragma once

#include <atomic>
#include <boost/asio/thread_pool.hpp>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "controller/ports.hpp"
#include "server/backup/archive.hpp"
#include "server/backup/manifest.hpp"
#include "server/log.hpp"
#include "storage/store.hpp"

namespace grid::server::backup {

struct BackupSettings {
    std::filesystem::path data;
    std::filesystem::path folder;   // empty: `backups` in the data directory
    std::size_t keep = 7;
    std::uint64_t free_bytes_min = 0;   // left where a backup is copied to
    std::string domain, version;
    bool is_evaluation = false;
};

/// Backups are made one at a time, by a thread of their own: a checkpoint of the store, then links
/// to the files of all uploads that are complete in it, a slice at a time, beside commits. Such a
/// file does not change any more, and none is erased until the links are there. Then each is hashed
/// and linked, or copied to another volume, and named in the manifest. One that a crash leaves half
/// done has another name, which says whose it is, and is removed by that grid's next start. Any
/// thread.
class Backups final : public controller::BackupControl {
public:
    /// Finds those that are there.
    Backups(storage::Store& store, BackupSettings settings, Log& log);
    /// Gives up the one that is being made.
    ~Backups() override;
    Backups(const Backups&) = delete;

    /// As long as its result lives, no file's bytes are erased (bulk::Removals). Before the first
    /// backup; without, nothing erases them.
    using Hold = std::function<std::shared_ptr<void>()>;
    void attach(Hold hold) { hold_ = std::move(hold); }

    std::optional<controller::BackupView> begin() override;
    std::vector<controller::BackupView> list() const override;
    Result<void, std::string> remove(const std::string& name) override;

    /// All files of a complete one; it is not removed as long as the archive lives. Null: there is
    /// none of that name. `done` is called on a thread of the backups.
    void open(const std::string& name, std::function<void(std::shared_ptr<Archive>)> done);
    /// After it no archive is read on, and no backup is begun.
    void stop();

private:
    struct Source;
    using View = controller::BackupView;

    void run(const std::string& name);
    Result<Manifest, std::string> make(const std::string& name);
    Result<void, std::string> take_point(const std::filesystem::path& point, Manifest& manifest);
    Result<void, std::string> link_uploads(const std::filesystem::path& point);
    std::vector<Source> collect(const std::filesystem::path& point) const;
    Result<void, std::string> take(
        const std::vector<Source>& sources, const std::filesystem::path& to, Manifest& manifest
    );
    Result<void, std::string> check_room(
        const std::vector<Source>& sources, const std::filesystem::path& to
    ) const;
    Result<void, std::string> finish(const std::filesystem::path& unfinished, const Manifest& made);
    std::shared_ptr<Archive> archive_of(const std::string& name);
    void find_those_there();
    std::string why_foreign(const Manifest& manifest, const std::string& name) const;
    /// The one that was just made stays, where the clock says that it is older than others.
    void prune(const std::string& made);
    /// Where one is made, and where one goes that is removed.
    std::filesystem::path unfinished_folder(const std::string& name) const;
    std::filesystem::path checkpoint_folder() const { return settings_.data / "checkpoint"; }

    storage::Store& store_;
    const BackupSettings settings_;
    const std::filesystem::path folder_;
    Log& log_;
    Hold hold_;
    std::atomic<bool> stops_ = false;
    std::map<std::string, std::string> uploads_;   // of the one being made: id and hash

    mutable std::mutex mutex_;   // all below, but for the pools
    std::map<std::string, View> complete_;
    std::optional<View> latest_;   // being made, or failed
    std::map<std::string, int> readers_of_;

    boost::asio::thread_pool maker_{1}, readers_{1};
};

}   // namespace grid::server::backup
