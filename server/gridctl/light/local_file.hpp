// server/gridctl/light/local_file.hpp: a file on this machine that is sent or fetched, and its
// SHA-256.
#pragma once

#include <openssl/evp.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "server/gridctl/exit_code.hpp"

namespace grid::gridctl::light {

/// SHA-256 of what it is given.
class Sum {
public:
    Sum() : context_(EVP_MD_CTX_new()) { reset(); }
    void reset() { EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr); }
    void add(std::string_view bytes) {
        EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size());
    }
    /// The 32 bytes. Afterwards nothing can be added.
    std::string take() {
        std::string out(32, '\0');
        EVP_DigestFinal_ex(context_.get(), reinterpret_cast<unsigned char*>(out.data()), nullptr);
        return out;
    }

private:
    struct Free {
        void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
    };
    std::unique_ptr<EVP_MD_CTX, Free> context_;
};

/// A file of this machine has a wrong path (Usage), or a disk that fails (Refused).
struct FileFault : Failed {
    using Failed::Failed;
    FileFault(const std::string& path, int error);
};

/// Of a read that fails in the middle: Refused. `error`: 0 at an early end.
FileFault unreadable(const std::string& path, int error);

/// Throws FileFault.
class LocalFile {
public:
    /// `flags`: of open(2).
    LocalFile(const std::string& path, int flags);
    ~LocalFile();
    LocalFile(const LocalFile&) = delete;
    LocalFile& operator=(const LocalFile&) = delete;
    int fd() const { return fd_; }

    /// Of a regular file.
    std::uint64_t size() const;
    /// Adds the first `count` bytes. Throws Interrupted.
    void add_to(Sum& sum, std::uint64_t count) const;
    void write(std::string_view bytes) const;
    /// So many bytes stay, and writing goes on behind them.
    void cut(std::uint64_t size) const;
    void sync() const;

private:
    std::string path_;
    int fd_;
};

}   // namespace grid::gridctl::light
