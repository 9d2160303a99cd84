// tests/support/faulty_fs.cpp: see faulty_fs.hpp.
#include "faulty_fs.hpp"

#include <algorithm>
#include <utility>

namespace grid::test {
namespace {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

/// A file that is read while part of it is not synced.
class MemoryFile final : public rocksdb::FSSequentialFile, public rocksdb::FSRandomAccessFile {
public:
    explicit MemoryFile(std::string content) : content_(std::move(content)) {}

    IOStatus Read(
        size_t size, const IOOptions& options, Slice* result, char* scratch, IODebugContext* dbg
    ) override {
        const IOStatus status = Read(at_, size, options, result, scratch, dbg);
        at_ += result->size();
        return status;
    }
    IOStatus Skip(uint64_t size) override {
        at_ += size;
        return IOStatus::OK();
    }
    IOStatus Read(
        uint64_t offset,
        size_t size,
        const IOOptions& /*options*/,
        Slice* result,
        char* scratch,
        IODebugContext* /*dbg*/
    ) const override {
        const std::size_t from = std::min<std::size_t>(offset, content_.size());
        const std::size_t count = content_.copy(scratch, size, from);
        *result = Slice(scratch, count);
        return IOStatus::OK();
    }
    bool use_direct_io() const override { return false; }
    size_t GetRequiredBufferAlignment() const override { return 1; }
    IOStatus InvalidateCache(size_t, size_t) override { return IOStatus::OK(); }
    rocksdb::Temperature GetTemperature() const override { return rocksdb::Temperature::kUnknown; }

private:
    const std::string content_;
    std::uint64_t at_ = 0;
};

}   // namespace

/// Writes go to memory; a sync takes them to the real file and syncs that.
class FaultyFs::HeldFile final : public rocksdb::FSWritableFile {
public:
    HeldFile(
        FaultyFs& fs, std::shared_ptr<Node> node, std::unique_ptr<rocksdb::FSWritableFile> file
    )
        : fs_(fs), node_(std::move(node)), file_(std::move(file)) {}

    IOStatus Append(const Slice& data, const IOOptions&, IODebugContext*) override {
        return write(data, size_);
    }
    IOStatus Append(
        const Slice& data,
        const IOOptions& options,
        const rocksdb::DataVerificationInfo&,
        IODebugContext* dbg
    ) override {
        return Append(data, options, dbg);
    }
    IOStatus PositionedAppend(const Slice& data, uint64_t at, const IOOptions&, IODebugContext*)
        override {
        return write(data, at);
    }
    /// A power loss may come before the new size is on disk: what lies behind it stays.
    IOStatus Truncate(uint64_t, const IOOptions&, IODebugContext*) override {
        return IOStatus::OK();
    }
    IOStatus Flush(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
    IOStatus Sync(const IOOptions&, IODebugContext*) override {
        return fs_.sync(*node_, *file_, false);
    }
    IOStatus Fsync(const IOOptions&, IODebugContext*) override {
        return fs_.sync(*node_, *file_, true);
    }
    /// As a real file: beside appends of another thread.
    bool IsSyncThreadSafe() const override { return true; }
    /// Bytes that were not synced stay in memory.
    IOStatus Close(const IOOptions& options, IODebugContext* dbg) override {
        return file_->Close(options, dbg);
    }
    uint64_t GetFileSize(const IOOptions&, IODebugContext*) override { return size_; }

private:
    IOStatus write(const Slice& data, std::uint64_t at) {
        const IOStatus status = fs_.write(*node_, at, data);
        if (status.ok()) size_ = std::max<std::uint64_t>(size_, at + data.size());
        return status;
    }

    FaultyFs& fs_;
    std::shared_ptr<Node> node_;
    std::unique_ptr<rocksdb::FSWritableFile> file_;
    std::uint64_t size_ = 0;
};

bool FaultyFs::Fault::hits(const std::string& name) {
    if (count == 0 || !name.ends_with(suffix)) return false;
    --count;
    return true;
}

void FaultyFs::fail_syncs(int count, Bytes bytes, std::string suffix) {
    std::lock_guard lock(mutex_);
    sync_fault_ = {count, std::move(suffix), IOStatus::IOError("sync failed on command"), bytes};
}

void FaultyFs::fail_appends(int count, IOStatus with, std::string suffix) {
    std::lock_guard lock(mutex_);
    append_fault_ = {count, std::move(suffix), std::move(with), Bytes::Lost};
}

void FaultyFs::lose_unsynced() {
    std::lock_guard lock(mutex_);
    for (auto& [name, node] : nodes_) {
        node->is_dead = true;
        node->pending.clear();
        if (!node->is_named)
            target()->DeleteFile(node->on_disk, {}, nullptr).PermitUncheckedError();
    }
    nodes_.clear();
}

std::size_t FaultyFs::unsynced_bytes() const {
    std::lock_guard lock(mutex_);
    std::size_t sum = 0;
    for (const auto& [name, node] : nodes_)
        for (const Piece& piece : node->pending) sum += piece.bytes.size();
    return sum;
}

std::shared_ptr<FaultyFs::Node> FaultyFs::find(const std::string& name) const {
    const auto found = nodes_.find(normal_name(name));
    return found == nodes_.end() ? nullptr : found->second;
}

std::string FaultyFs::place_of(const std::string& name) const {
    const auto node = find(name);
    return node ? node->on_disk : name;
}

IOStatus FaultyFs::write(Node& node, std::uint64_t at, const Slice& data) {
    std::lock_guard lock(mutex_);
    if (node.is_dead) return IOStatus::IOError("power was lost");
    if (append_fault_.hits(node.name)) return append_fault_.with;
    node.pending.push_back({at, data.ToString()});
    return IOStatus::OK();
}

std::uint64_t FaultyFs::size_of(const Node& node, std::uint64_t on_disk) {
    for (const Piece& piece : node.pending)
        on_disk = std::max(on_disk, piece.at + piece.bytes.size());
    return on_disk;
}

IOStatus FaultyFs::sync(Node& node, rocksdb::FSWritableFile& file, bool is_full) {
    std::lock_guard lock(mutex_);
    if (node.is_dead) return IOStatus::IOError("power was lost");
    if (node.name.ends_with(".log")) ++log_syncs_;
    const bool fails = sync_fault_.hits(node.name);
    const std::vector<Piece> pieces = std::exchange(node.pending, {});
    if (fails && sync_fault_.bytes == Bytes::Lost) return sync_fault_.with;
    IOStatus status;
    for (const Piece& piece : pieces)
        if (status.ok()) status = file.PositionedAppend(piece.bytes, piece.at, {}, nullptr);
    if (status.ok()) status = is_full ? file.Fsync({}, nullptr) : file.Sync({}, nullptr);
    return fails ? sync_fault_.with : status;
}

IOStatus FaultyFs::content(const Node& node, std::string* content) {
    const IOStatus status = rocksdb::ReadFileToString(target(), node.on_disk, content);
    content->resize(size_of(node, content->size()));
    for (const Piece& piece : node.pending)
        content->replace(piece.at, piece.bytes.size(), piece.bytes);
    return status;
}

IOStatus FaultyFs::NewWritableFile(
    const std::string& name,
    const rocksdb::FileOptions& options,
    std::unique_ptr<rocksdb::FSWritableFile>* result,
    IODebugContext* dbg
) {
    std::lock_guard lock(mutex_);
    auto node = std::make_shared<Node>();
    node->name = normal_name(name);
    node->on_disk = node->name + std::string(held_suffix);
    std::unique_ptr<rocksdb::FSWritableFile> file;
    IOStatus status = target()->NewWritableFile(node->on_disk, options, &file, dbg);
    if (!status.ok()) return status;
    node->number = ++last_number_;
    nodes_[node->name] = node;
    *result = std::make_unique<HeldFile>(*this, std::move(node), std::move(file));
    return status;
}

IOStatus FaultyFs::NewSequentialFile(
    const std::string& name,
    const rocksdb::FileOptions& options,
    std::unique_ptr<rocksdb::FSSequentialFile>* result,
    IODebugContext* dbg
) {
    std::lock_guard lock(mutex_);
    const auto node = find(name);
    if (!node || node->pending.empty())
        return target()->NewSequentialFile(place_of(name), options, result, dbg);
    std::string bytes;
    IOStatus status = content(*node, &bytes);
    *result = std::make_unique<MemoryFile>(std::move(bytes));
    return status;
}

IOStatus FaultyFs::NewRandomAccessFile(
    const std::string& name,
    const rocksdb::FileOptions& options,
    std::unique_ptr<rocksdb::FSRandomAccessFile>* result,
    IODebugContext* dbg
) {
    std::lock_guard lock(mutex_);
    const auto node = find(name);
    if (!node || node->pending.empty())
        return target()->NewRandomAccessFile(place_of(name), options, result, dbg);
    std::string bytes;
    IOStatus status = content(*node, &bytes);
    *result = std::make_unique<MemoryFile>(std::move(bytes));
    return status;
}

}   // namespace grid::test
