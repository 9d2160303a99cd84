// storage/log_files.cpp: see log_files.hpp.
#include "storage/log_files.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace grid::storage {
namespace {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

/// So many zeros at a time: they go to disk with the next sync, which takes that much longer.
constexpr std::size_t ahead_bytes = 256 * 1024;
constexpr std::array<char, ahead_bytes> zeros{};

class LogFile final : public rocksdb::FSWritableFileOwnerWrapper {
public:
    explicit LogFile(std::unique_ptr<rocksdb::FSWritableFile> file)
        : FSWritableFileOwnerWrapper(std::move(file)) {}

    IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* dbg) override {
        const IOStatus status = target()->PositionedAppend(data, size_, options, dbg);
        if (!status.ok()) return status;
        size_ += data.size();
        if (size_ > prepared_) prepare(options, dbg);
        return status;
    }
    IOStatus Append(
        const Slice& data,
        const IOOptions& options,
        const rocksdb::DataVerificationInfo& /*info*/,
        IODebugContext* dbg
    ) override {
        return Append(data, options, dbg);
    }
    IOStatus Truncate(uint64_t size, const IOOptions& options, IODebugContext* dbg) override {
        const IOStatus status = target()->Truncate(size, options, dbg);
        if (status.ok()) prepared_ = size_ = size;
        return status;
    }
    IOStatus Close(const IOOptions& options, IODebugContext* dbg) override {
        // Zeros that stay do no harm, so that what counts is whether the file could be closed.
        if (prepared_ > size_) target()->Truncate(size_, options, dbg).PermitUncheckedError();
        return target()->Close(options, dbg);
    }
    uint64_t GetFileSize(const IOOptions& /*options*/, IODebugContext* /*dbg*/) override {
        return size_;
    }
    // Room that is only reserved is not written yet: its first write changes the file's extents.
    void SetPreallocationBlockSize(size_t /*size*/) override {}
    void PrepareWrite(
        size_t /*offset*/, size_t /*bytes*/, const IOOptions& /*options*/, IODebugContext* /*dbg*/
    ) override {}

private:
    /// Where there is no room for zeros, there may be some for records: they are appended then.
    void prepare(const IOOptions& options, IODebugContext* dbg) {
        prepared_ = size_;
        const Slice ahead(zeros.data(), zeros.size() - size_ % zeros.size());
        if (target()->PositionedAppend(ahead, size_, options, dbg).ok()) prepared_ += ahead.size();
    }

    std::uint64_t size_ = 0;       // up to the end of the last record
    std::uint64_t prepared_ = 0;   // up to the end of the file
};

}   // namespace

bool is_log_file(const std::string& name) {
    return name.size() > 4 && name.ends_with(".log") &&
           std::all_of(name.begin(), name.end() - 4, [](char c) { return c >= '0' && c <= '9'; });
}

IOStatus LogFiles::NewWritableFile(
    const std::string& name,
    const rocksdb::FileOptions& options,
    std::unique_ptr<rocksdb::FSWritableFile>* result,
    IODebugContext* dbg
) {
    IOStatus status = target()->NewWritableFile(name, options, result, dbg);
    if (status.ok() && is_log_file(name.substr(name.rfind('/') + 1)))
        *result = std::make_unique<LogFile>(std::move(*result));
    return status;
}

}   // namespace grid::storage
