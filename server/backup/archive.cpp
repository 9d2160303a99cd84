// server/backup/archive.cpp: see server/backup/archive.hpp.
#include "server/backup/archive.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <numeric>
#include <span>
#include <string_view>

namespace grid::server::backup {

namespace {

constexpr std::size_t block_bytes = 512, archive_piece_bytes = 128UL * 1024;
constexpr std::uint64_t octal_bytes_max = (std::uint64_t{1} << 33U) - 1;   // eleven digits

std::uint64_t padded(std::uint64_t bytes) {
    return (bytes + block_bytes - 1) / block_bytes * block_bytes;
}

/// Where a field of the header begins, and its bytes.
struct Field {
    std::size_t at, bytes;
};
constexpr Field name_field{0, 100}, mode_field{100, 8}, owner_field{108, 8}, group_field{116, 8},
    size_field{124, 12}, time_field{136, 12}, checksum_field{148, 8}, type_field{156, 1},
    magic_field{257, 8}, prefix_field{345, 155};

void put(std::string& header, Field field, std::string_view text) {
    header.replace(field.at, std::min(text.size(), field.bytes), text.substr(0, field.bytes));
}

void put_octal(std::string& header, Field field, std::uint64_t value) {
    std::string digits(field.bytes - 1, '0');
    for (auto digit = digits.rbegin(); digit != digits.rend() && value != 0; ++digit) {
        *digit = static_cast<char>('0' + (value & 7U));
        value >>= 3U;
    }
    put(header, field, digits);
}

/// GNU's and pax's way for what octal digits cannot say: base 256, with the highest bit set.
void put_size(std::string& header, std::uint64_t value) {
    if (value <= octal_bytes_max) return put_octal(header, size_field, value);
    std::string bytes(size_field.bytes, '\0');
    bytes.front() = static_cast<char>(0x80);
    for (auto byte = bytes.rbegin(); value != 0; ++byte, value >>= 8U)
        *byte = static_cast<char>(value & 0xffU);
    put(header, size_field, bytes);
}

}   // namespace

std::string tar_header(const std::string& path, std::uint64_t bytes, storage::Millis time) {
    std::string header(block_bytes, '\0');
    std::size_t cut = 0;
    if (path.size() > name_field.bytes) cut = path.rfind('/', prefix_field.bytes);
    if (cut != 0 && cut != std::string::npos) put(header, prefix_field, path.substr(0, cut++));
    put(header, name_field, path.substr(cut == std::string::npos ? 0 : cut));
    put_octal(header, mode_field, 0600);
    put_octal(header, owner_field, 0);
    put_octal(header, group_field, 0);
    put_size(header, bytes);
    put_octal(
        header, time_field, static_cast<std::uint64_t>(std::max<storage::Millis>(time, 0)) / 1000
    );
    put(header, type_field, "0");
    put(header, magic_field, std::string_view("ustar\00000", 8));
    put(header, checksum_field, "        ");
    const unsigned sum =
        std::accumulate(header.begin(), header.end(), 0U, [](unsigned all, char c) {
            return all + static_cast<unsigned char>(c);
        });
    put_octal(header, {checksum_field.at, checksum_field.bytes - 1}, sum);
    header[checksum_field.at + checksum_field.bytes - 2] = '\0';
    return header;
}

Archive::Archive(
    std::filesystem::path folder,
    const Manifest& manifest,
    std::uint64_t manifest_bytes,
    boost::asio::thread_pool& pool,
    std::function<void()> released
)
    : folder_(std::move(folder)),
      name_(manifest.name),
      time_(manifest.time),
      pool_(pool),
      released_(std::move(released)) {
    members_.push_back({manifest_name, manifest_bytes});
    for (const Entry& entry : manifest.files) members_.push_back({entry.path, entry.bytes});
}

Archive::~Archive() {
    if (released_) released_();
}

std::uint64_t Archive::bytes() const {
    std::uint64_t sum = 2 * block_bytes;   // the end of a tar
    for (const Member& member : members_) sum += block_bytes + padded(member.bytes);
    return sum;
}

void Archive::next(std::function<void(PiecePtr)> done) {
    boost::asio::post(pool_, [self = shared_from_this(), done = std::move(done)] {
        PiecePtr piece;
        try {
            piece = self->read();
        } catch (const std::exception& fault) {
            piece = std::make_shared<Piece>();
            piece->failure = fault.what();
        }
        done(std::move(piece));
    });
}

Archive::PiecePtr Archive::read() {
    auto piece = std::make_shared<Piece>();
    while (piece->failure.empty() && piece->text.size() < archive_piece_bytes) {
        if (at_ == members_.size()) {
            piece->text.append(2 * block_bytes, '\0');
            piece->is_last = true;
            break;
        }
        if (!file_.is_open()) begin_file(*piece);
        if (piece->failure.empty()) read_file(*piece);
    }
    return piece;
}

void Archive::begin_file(Piece& piece) {
    const Member& member = members_[at_];
    const auto path = folder_ / member.path;
    file_ = bulk::Descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!file_.is_open()) {
        piece.failure = path.string() + " cannot be read";
        return;
    }
    ::posix_fadvise(file_.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
    offset_ = 0;
    piece.text += tar_header(name_ + "/" + member.path, member.bytes, time_);
}

void Archive::read_file(Piece& piece) {
    const Member& member = members_[at_];
    if (offset_ < member.bytes) {
        const std::size_t begin = piece.text.size();
        const auto room = std::max<std::size_t>(
            archive_piece_bytes - std::min(begin, archive_piece_bytes), block_bytes
        );
        piece.text.resize(begin + std::min<std::uint64_t>(room, member.bytes - offset_));
        const auto into = std::span(piece.text).subspan(begin);
        const auto got = bulk::read_at(file_, into, offset_);
        piece.text.resize(begin + (got ? *got : 0));
        if (!got || *got == 0) {
            piece.failure = member.path + (got ? " is shorter than it was" : " cannot be read");
            return;
        }
        offset_ += *got;
    }
    if (offset_ < member.bytes) return;
    piece.text.append(static_cast<std::size_t>(padded(member.bytes) - member.bytes), '\0');
    file_ = bulk::Descriptor();
    ++at_;
}

}   // namespace grid::server::backup
