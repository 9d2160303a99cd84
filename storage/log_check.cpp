// storage/log_check.cpp: see log_check.hpp.
#include "storage/log_check.hpp"

#include <algorithm>
#include <boost/crc.hpp>
#include <memory>
#include <optional>
#include <vector>

#include "storage/log_files.hpp"

namespace grid::storage {
namespace {

// The format is RocksDB's (Write Ahead Log File Format in its wiki): blocks of 32 KiB hold
//   record = masked-crc32c (4, of type and payload)  length (2)  type (1)  payload
// all little endian; a record that does not fit is split; a rest of a block too small for a header
// is 0.
constexpr std::size_t block_bytes = 32 * 1024;
constexpr std::size_t header_bytes = 7;
enum Type : char { Full = 1, First = 2, Middle = 3, Last = 4 };
// A batch begins with its sequence number.
constexpr std::size_t sequence_bytes = 8;

std::uint64_t little_endian(std::string_view bytes) {
    std::uint64_t value = 0;
    for (std::size_t i = bytes.size(); i-- > 0;)
        value = (value << 8) | static_cast<unsigned char>(bytes[i]);
    return value;
}

std::uint32_t masked_crc(std::string_view bytes) {
    boost::crc_optimal<32, 0x1EDC6F41, 0xFFFFFFFF, 0xFFFFFFFF, true, true> crc32c;
    crc32c.process_bytes(bytes.data(), bytes.size());
    const std::uint32_t crc = crc32c.checksum();
    return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
}

/// The record at the beginning of `bytes`, with its header; nothing when there is none.
std::optional<std::string_view> record_at(std::string_view bytes) {
    const std::size_t length = little_endian(bytes.substr(4, 2));
    const char type = bytes[6];
    if (type < Full || type > Last || header_bytes + length > bytes.size()) return std::nullopt;
    const std::string_view record = bytes.substr(0, header_bytes + length);
    if (little_endian(bytes.substr(0, 4)) != masked_crc(record.substr(6))) return std::nullopt;
    return record;
}

rocksdb::Status read_log(rocksdb::Env& env, const std::string& path, LogCheck* check) {
    std::unique_ptr<rocksdb::SequentialFile> file;
    rocksdb::Status status = env.NewSequentialFile(path, &file, {});
    if (!status.ok()) return status;
    std::vector<char> scratch(block_bytes);
    while (true) {
        rocksdb::Slice bytes;
        status = file->Read(block_bytes, &bytes, scratch.data());
        if (!status.ok() || bytes.empty()) break;
        check->block({bytes.data(), bytes.size()});
    }
    check->end_file();
    return status;
}

}   // namespace

rocksdb::Status LogCheck::run(rocksdb::Env& env, const std::string& directory, LogCheck* result) {
    std::vector<std::string> names;
    rocksdb::Status status = env.GetChildren(directory, &names);
    std::erase_if(names, [](const std::string& name) { return !is_log_file(name); });
    std::sort(names.begin(), names.end(), [](const std::string& a, const std::string& b) {
        return std::stoull(a) < std::stoull(b);
    });
    for (const std::string& name : names)
        if (status.ok()) status = read_log(env, directory + "/" + name, result);
    return status;
}

void LogCheck::block(std::string_view bytes) {
    // A log is written ahead with zeros (log_files.hpp), which end it.
    const std::size_t last = bytes.find_last_not_of('\0');
    const std::size_t end = last == std::string_view::npos ? 0 : last + 1;
    std::size_t at = 0;
    bool is_behind_record = true;   // a record ends here, or the block begins
    while (at < end && at + header_bytes <= bytes.size()) {
        if (const auto found = record_at(bytes.substr(at))) {
            record((*found)[6], found->substr(header_bytes));
            at += found->size();
            is_behind_record = true;
        } else {
            // The length may be what is damaged, so the next record can begin anywhere.
            is_damaged_ = true;
            assembling_ = false;
            const bool is_zero = bytes.find_first_not_of('\0', at) >= at + header_bytes;
            if (is_behind_record && is_zero) is_ended_ = true;
            is_behind_record = false;
            ++at;
        }
    }
    if (at + header_bytes > bytes.size()) return;
    if (assembling_) is_damaged_ = true;
    assembling_ = false;
    is_ended_ = true;
}

void LogCheck::record(char type, std::string_view payload) {
    if (type == Full || type == First) {
        if (is_ended_) has_gap_ = true;
        if (is_ended_ && last_begin_ == 0) begins_with_gap_ = true;
        if (assembling_) is_damaged_ = true;   // the one before has no end
        assembling_ = true;
        sequence_.clear();
    } else if (!assembling_) {
        is_damaged_ = true;
        return;
    }
    if (sequence_.size() < sequence_bytes) {
        sequence_ += payload.substr(0, sequence_bytes - sequence_.size());
        if (sequence_.size() == sequence_bytes)
            last_begin_ = std::max(last_begin_, little_endian(sequence_));
    }
    if (type == Full || type == Last) assembling_ = false;
}

void LogCheck::end_file() {
    if (assembling_) is_damaged_ = true;
    assembling_ = is_ended_ = false;
}

}   // namespace grid::storage
