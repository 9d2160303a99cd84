// server/gridctl/light/item_source.cpp: see server/gridctl/light/item_source.hpp.
#include "server/gridctl/light/item_source.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>
#include <variant>

namespace grid::gridctl::light {

namespace {
constexpr std::size_t input_bytes_per_read = 64UL * 1024;
}   // namespace

ItemSource::ItemSource(
    const std::string& path, bool is_by_lines, Names names, xmpp::Publisher& publisher
)
    : names_(std::move(names)), publisher_(publisher), reader_(is_by_lines) {
    fd_ = path == "-" ? ::dup(STDIN_FILENO) : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd_ < 0) throw Failed(Exit::Usage, path + ": " + std::strerror(errno));
    struct stat facts{};
    if (::fstat(fd_, &facts) == 0) {
        if (S_ISDIR(facts.st_mode)) {
            ::close(fd_);
            throw Failed(Exit::Usage, path + " is a directory");
        }
        if (S_ISREG(facts.st_mode)) size_ = static_cast<std::uint64_t>(facts.st_size);
    }
}

ItemSource::~ItemSource() { ::close(fd_); }

bool ItemSource::wants_more() const {
    return !is_at_end_ && !is_stopped_ && publisher_.has_room() && reader_.is_hungry();
}

void ItemSource::read() {
    std::string bytes(input_bytes_per_read, '\0');
    const ssize_t got = ::read(fd_, bytes.data(), bytes.size());
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (got < 0)
        throw Failed(Exit::Usage, std::string("the input cannot be read: ") + std::strerror(errno));
    read_ += static_cast<std::uint64_t>(got);
    if (got == 0) {
        is_at_end_ = true;
        reader_.end();
    } else {
        reader_.feed(std::string_view(bytes).substr(0, static_cast<std::size_t>(got)));
    }
}

void ItemSource::pump(xmpp::Session& session) {
    if (is_through_ || is_stopped_ || !session.was_online()) return;
    while (publisher_.has_room()) {
        auto text = reader_.next();
        if (!text) {
            if (!is_at_end_) return;
            is_through_ = true;
            return publisher_.finish();
        }
        hand_on(session, std::move(*text));
    }
}

void ItemSource::hand_on(xmpp::Session& session, xmpp::TextReader::Text text) {
    const std::string where = text.line == 0 ? "the input" : "line " + std::to_string(text.line);
    if (text.is_too_long)
        return publisher_.refuse(
            where, "it has more than " + std::to_string(xmpp::TextReader::bytes_max) + " bytes"
        );
    auto read = xmpp::read_payload(text.text);
    if (const auto* bad = std::get_if<xmpp::Unreadable>(&read))
        return publisher_.refuse(where, bad->why);
    auto& payload = std::get<xmpp::Payload>(read);
    xmpp::PublishItem item;
    item.line = text.line;
    item.bytes = payload.bytes;
    item.payload = std::move(payload.element);
    item.is_id_new = names_.are_new && names_.id.empty() && payload.id.empty();
    if (!names_.id.empty())
        item.id = names_.id;
    else if (!payload.id.empty())
        item.id = payload.id;
    else
        item.id = names_.prefix + std::to_string(text.line == 0 ? 1 : text.line);
    publisher_.add(session, std::move(item));
}

double ItemSource::part() const {
    return size_ == 0 ? -1 : static_cast<double>(read_) / static_cast<double>(size_);
}

}   // namespace grid::gridctl::light
