// server/process/open_store.cpp: see open_store.hpp.
#include "server/process/open_store.hpp"

#include <filesystem>

namespace grid::server {
namespace {

storage::RocksSettings settings_of(const AppOptions& options) {
    storage::RocksSettings settings;
    settings.path = (options.data / "store").string();
    settings.free_bytes_min = options.config.storage.free_bytes_min;
    settings.open_files_max = options.store_files;
    settings.file_system = options.file_system;
    return settings;
}

std::string failed(const storage::RocksSettings& settings, boost::system::error_code error) {
    return "the store in " + settings.path + " cannot be opened: " + error.message();
}

}   // namespace

Result<storage::RocksSettings, std::string> store_settings(const AppOptions& options, Log& log) {
    using Settings = Result<storage::RocksSettings, std::string>;
    std::error_code error;
    std::filesystem::create_directories(options.data, error);
    if (error)
        return Settings(
            boost::system::in_place_error, "cannot make the data directory " +
                                               options.data.string() + ": " + error.message() +
                                               "; give another by --data"
        );
    auto settings = settings_of(options);
    settings.log = [&log](storage::LogLevel level, std::string_view text) {
        const bool is_error = level == storage::LogLevel::Error;
        log.write(is_error ? Level::Error : Level::Warn, "store", {{"text", std::string(text)}});
    };
    return settings;
}

Result<std::unique_ptr<storage::Store>, std::string> open_store(
    const AppOptions& options, Log& log
) {
    using Opened = Result<std::unique_ptr<storage::Store>, std::string>;
    auto settings = store_settings(options, log);
    if (!settings) return Opened(boost::system::in_place_error, settings.error());
    auto store = storage::open_rocks_store(*settings);
    if (!store) return Opened(boost::system::in_place_error, failed(*settings, store.error()));
    return std::move(*store);
}

Result<std::unique_ptr<storage::Snapshot>, std::string> look_at_store(const AppOptions& options) {
    using Looked = Result<std::unique_ptr<storage::Snapshot>, std::string>;
    const auto settings = settings_of(options);
    std::error_code unreadable;
    if (!std::filesystem::exists(settings.path + "/CURRENT", unreadable))
        return Looked(boost::system::in_place_value, nullptr);
    auto snapshot = storage::open_rocks_snapshot(settings);
    if (!snapshot) return Looked(boost::system::in_place_error, failed(settings, snapshot.error()));
    return std::move(*snapshot);
}

}   // namespace grid::server
