// server/bulk/upload.hpp: a file that is being filled: its bytes, its hash, its end on the disk.
#pragma once

#include <openssl/evp.h>

#include <boost/system/error_code.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "server/bulk/file_folder.hpp"

namespace grid::server::bulk {

/// Of one connection at a time (UploadGate). Every member but `hash` blocks on the disk and runs on
/// the pool, one after the other. Bytes that were written stay for a later connection, until
/// `discard`.
class Upload {
public:
    /// `free_bytes_min`: so much is left to others on the disk.
    Upload(const FileFolder& folder, std::string id, std::uint64_t free_bytes_min);
    ~Upload();

    /// Bytes that are there from earlier connections.
    Result<std::uint64_t, boost::system::error_code> open();
    /// Goes on at that offset, which lies in what is there; the rest is cut off when the first byte
    /// has come. `more`: bytes that are to come; an error where there is no room for them.
    boost::system::error_code begin(std::uint64_t offset, std::uint64_t more);
    /// The hash goes over what is there, a part at a time, until `is_hashed`.
    boost::system::error_code hash_some();
    bool is_hashed() const { return hashed_ == offset_; }
    /// The next bytes go into the hash and to the disk, in the same order. `hash` may run while
    /// earlier ones are written: about 10 microseconds for 16 KiB.
    void hash(std::span<const char> bytes);
    boost::system::error_code write(std::span<const char> bytes);
    /// Makes all bytes durable. The SHA-256, lower-case hex.
    Result<std::string, boost::system::error_code> finish();
    /// Removes the file.
    void discard();

    std::uint64_t offset() const { return offset_; }

private:
    struct FreeDigest {
        void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
    };
    bool has_room(std::uint64_t more) const;

    const FileFolder& folder_;
    const std::string id_;
    const std::uint64_t free_bytes_min_;
    Descriptor file_;
    std::unique_ptr<EVP_MD_CTX, FreeDigest> digest_;
    std::uint64_t offset_ = 0;
    std::uint64_t hashed_ = 0;   // of what was there before
    bool is_cut_off_ = false;    // what was there behind the offset
    std::uint64_t flushed_ = 0,
                  looked_ = 0;   // up to where it was sent to the disk; room looked at
};

/// For people and HTTP: whether the disk is full, or the reserve is reached.
bool is_disk_full(boost::system::error_code error);

}   // namespace grid::server::bulk
