// server/regular_file.cpp: see regular_file.hpp.
#include "server/regular_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace grid::server {
namespace {

/// Closed on every way out.
class Descriptor {
public:
    explicit Descriptor(int number) : number_(number) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() {
        if (number_ >= 0) ::close(number_);
    }
    int get() const { return number_; }

private:
    int number_;
};

const char* name_of(mode_t mode) {
    if (S_ISDIR(mode)) return "a directory";
    if (S_ISFIFO(mode)) return "a pipe";
    if (S_ISSOCK(mode)) return "a socket";
    return "a device";
}

}   // namespace

Result<std::string, std::string> read_regular_file(const std::string& path, std::size_t bytes_max) {
    using Read = Result<std::string, std::string>;
    const auto fail = [&path](const std::string& why) {
        return Read(boost::system::in_place_error, path + ": " + why);
    };
    const auto failed = [&fail] { return fail(std::generic_category().message(errno)); };
    const auto other = [&fail](mode_t mode) {
        return fail("is " + std::string(name_of(mode)) + ", no regular file");
    };
    struct stat about{};
    // First by its name: opening a device may already do something.
    if (::stat(path.c_str(), &about) != 0) return failed();
    if (!S_ISREG(about.st_mode)) return other(about.st_mode);
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (file.get() < 0 || ::fstat(file.get(), &about) != 0) return failed();
    if (!S_ISREG(about.st_mode)) return other(about.st_mode);
    std::string text;
    std::array<char, 64UL * 1024> buffer{};
    while (true) {
        const ssize_t size = ::read(file.get(), buffer.data(), buffer.size());
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return failed();
        if (size == 0) return Read(boost::system::in_place_value, std::move(text));
        text.append(buffer.data(), static_cast<std::size_t>(size));
        if (text.size() > bytes_max)
            return fail("is larger than " + std::to_string(bytes_max / 1024 / 1024) + " MiB");
    }
}

}   // namespace grid::server
