// tests/support/faulty_fs_names.cpp: the part of FaultyFs that is about names and directories.
#include <algorithm>
#include <filesystem>
#include <set>
#include <utility>

#include "faulty_fs.hpp"

namespace grid::test {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

std::string FaultyFs::normal_name(const std::string& name) {
    std::string normal = std::filesystem::path(name).lexically_normal().string();
    if (normal.ends_with('/')) normal.pop_back();
    return normal;
}

class FaultyFs::HeldDirectory final : public rocksdb::FSDirectory {
public:
    HeldDirectory(FaultyFs& fs, std::string name, std::unique_ptr<rocksdb::FSDirectory> directory)
        : fs_(fs), name_(std::move(name)), directory_(std::move(directory)) {}
    IOStatus Fsync(const IOOptions& options, IODebugContext* dbg) override {
        if (IOStatus status = fs_.sync_names(name_); !status.ok()) return status;
        return directory_->Fsync(options, dbg);
    }
    IOStatus Close(const IOOptions& options, IODebugContext* dbg) override {
        return directory_->Close(options, dbg);
    }

private:
    FaultyFs& fs_;
    const std::string name_;
    std::unique_ptr<rocksdb::FSDirectory> directory_;
};

IOStatus FaultyFs::sync_names(const std::string& directory) {
    std::lock_guard lock(mutex_);
    std::vector<std::shared_ptr<Node>> nodes;
    for (auto& [name, node] : nodes_)
        if (!node->is_named && std::filesystem::path(name).parent_path() == directory)
            nodes.push_back(node);
    // In the order in which they were given, as journals keep it: a kill in the middle of this must
    // not leave a CURRENT that names a file without a name.
    std::sort(nodes.begin(), nodes.end(), [](const auto& a, const auto& b) {
        return a->number < b->number;
    });
    for (const auto& node : nodes) {
        const IOStatus status = target()->RenameFile(node->on_disk, node->name, {}, nullptr);
        if (!status.ok()) return status;
        node->on_disk = node->name;
        node->is_named = true;
    }
    return IOStatus::OK();
}

IOStatus FaultyFs::NewDirectory(
    const std::string& name,
    const IOOptions& options,
    std::unique_ptr<rocksdb::FSDirectory>* result,
    IODebugContext* dbg
) {
    std::unique_ptr<rocksdb::FSDirectory> directory;
    IOStatus status = target()->NewDirectory(name, options, &directory, dbg);
    if (status.ok())
        *result = std::make_unique<HeldDirectory>(*this, normal_name(name), std::move(directory));
    return status;
}

IOStatus FaultyFs::FileExists(
    const std::string& name, const IOOptions& options, IODebugContext* dbg
) {
    std::lock_guard lock(mutex_);
    return target()->FileExists(place_of(name), options, dbg);
}

IOStatus FaultyFs::GetChildren(
    const std::string& directory,
    const IOOptions& options,
    std::vector<std::string>* result,
    IODebugContext* dbg
) {
    std::lock_guard lock(mutex_);
    std::vector<std::string> on_disk;
    const IOStatus status = target()->GetChildren(directory, options, &on_disk, dbg);
    std::set<std::string> names;
    for (std::string& name : on_disk)
        if (!name.ends_with(held_suffix)) names.insert(std::move(name));
    const std::string parent = normal_name(directory);
    for (const auto& [name, node] : nodes_) {
        const std::filesystem::path path(name);
        if (path.parent_path() == parent) names.insert(path.filename().string());
    }
    result->assign(names.begin(), names.end());
    return status;
}

IOStatus FaultyFs::GetChildrenFileAttributes(
    const std::string& directory,
    const IOOptions& options,
    std::vector<rocksdb::FileAttributes>* result,
    IODebugContext* dbg
) {
    return FileSystem::GetChildrenFileAttributes(directory, options, result, dbg);
}

IOStatus FaultyFs::GetFileSize(
    const std::string& name, const IOOptions& options, std::uint64_t* size, IODebugContext* dbg
) {
    std::lock_guard lock(mutex_);
    const IOStatus status = target()->GetFileSize(place_of(name), options, size, dbg);
    if (const auto node = find(name); node && status.ok()) *size = size_of(*node, *size);
    return status;
}

IOStatus FaultyFs::GetFileModificationTime(
    const std::string& name, const IOOptions& options, std::uint64_t* time, IODebugContext* dbg
) {
    std::lock_guard lock(mutex_);
    return target()->GetFileModificationTime(place_of(name), options, time, dbg);
}

IOStatus FaultyFs::DeleteFile(
    const std::string& name, const IOOptions& options, IODebugContext* dbg
) {
    std::lock_guard lock(mutex_);
    const auto node = find(name);
    if (!node) return target()->DeleteFile(name, options, dbg);
    nodes_.erase(node->name);
    // One of that name whose replacement had not become durable goes too.
    if (!node->is_named) target()->DeleteFile(name, options, dbg).PermitUncheckedError();
    return target()->DeleteFile(node->on_disk, options, dbg);
}

IOStatus FaultyFs::RenameFile(
    const std::string& from, const std::string& to, const IOOptions& options, IODebugContext* dbg
) {
    std::lock_guard lock(mutex_);
    const auto node = find(from);
    if (!node || node->is_named) {
        nodes_.erase(normal_name(to));
        if (node) {
            nodes_.erase(node->name);
            node->name = node->on_disk = normal_name(to);
            nodes_[node->name] = node;
        }
        return target()->RenameFile(from, to, options, dbg);
    }
    nodes_.erase(node->name);
    node->name = normal_name(to);
    node->number = ++last_number_;
    nodes_[node->name] = node;   // still where it was, until the directory is synced
    return IOStatus::OK();
}

}   // namespace grid::test
