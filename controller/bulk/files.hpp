// controller/bulk/files.hpp: all files and slots in memory, a function of their records.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "controller/bulk/file.hpp"

namespace grid::controller::bulk {

/// Core strand. A slot counts with its whole size from the moment it is given, so that a file that
/// was begun never lacks room in a quota.
class Files {
public:
    struct Usage {
        std::size_t files = 0;
        std::uint64_t bytes = 0;
        bool operator==(const Usage&) const = default;
    };

    void apply(std::string_view id, const std::optional<storage::Record>& record);
    void forget();
    /// The files of an account are not for another one that is made under its name later.
    void account_gone(std::string_view account);
    /// After a scan: files of accounts that are gone.
    void drop_unless(const std::function<bool(std::string_view account)>& is_there);
    /// Null: there is none. One whose time is over is there until its record is erased.
    const File* find(std::string_view id) const;
    Usage usage(std::string_view account) const;
    const Usage& usage() const { return all_; }
    /// When the next file or slot of the account, or of any where that is empty, goes.
    std::optional<storage::Millis> next_expiry(std::string_view account) const;
    /// By id, from behind `after`.
    const std::map<std::string, File, std::less<>>& all() const { return files_; }
    /// Batches that erase files whose time is over, or whose account is gone, at most `max`.
    std::vector<storage::Batch> due(storage::Millis now, std::size_t max) const;
    /// Erases a file as it is; with its event.
    static storage::Batch erase(const File& file);
    bool operator==(const Files& other) const { return files_ == other.files_; }

private:
    using Expiry = std::set<std::pair<storage::Millis, std::string>>;

    void drop(std::map<std::string, File, std::less<>>::iterator at);

    std::map<std::string, File, std::less<>> files_;
    struct OfAccount {
        Usage usage;
        Expiry expiry;
    };
    std::map<std::string, OfAccount, std::less<>> accounts_;
    Usage all_;
    Expiry expiry_;
    std::set<std::string> orphans_;   // ids
};

}   // namespace grid::controller::bulk
