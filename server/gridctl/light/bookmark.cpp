// server/gridctl/light/bookmark.cpp: see server/gridctl/light/bookmark.hpp.
#include "server/gridctl/light/bookmark.hpp"

#include <fcntl.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "server/gridctl/light/local_file.hpp"
#include "server/gridctl/table.hpp"

namespace grid::gridctl::light {

namespace {

namespace json = boost::json;

std::optional<std::uint64_t> count_in(const json::object& object, const char* name) {
    const auto* value = object.if_contains(name);
    json::error_code error;
    const auto count = value ? value->to_number<std::uint64_t>(error) : 0;
    if (value == nullptr || error) return std::nullopt;
    return count;
}

}   // namespace

Bookmark::Bookmark(const std::string& output, const xmpp::AskHistory::Span& span, bool as_json)
    : path_(output + ".resume"),
      request_{
          {"topic", span.topic},   {"from", span.start}, {"to", span.end},
          {"filter", span.filter}, {"json", as_json},
      } {}

std::optional<Bookmark::Place> Bookmark::read() const {
    std::ifstream file(path_, std::ios::binary);
    if (!file) return std::nullopt;
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    json::error_code error;
    const json::value value = json::parse(text, error);
    const auto* object = error ? nullptr : value.if_object();
    const auto* request = object ? object->if_contains("request") : nullptr;
    const auto* cursor = object ? object->if_contains("cursor") : nullptr;
    if (request == nullptr || cursor == nullptr || !cursor->is_string())
        throw Failed(Exit::Usage, path_ + " is damaged: remove it, and the output, to begin again");
    if (*request != json::value(request_))
        throw Failed(
            Exit::Usage,
            path_ + " is of another topic, span, filter or format: " + json::serialize(*request)
        );
    const auto bytes = count_in(*object, "bytes"), items = count_in(*object, "items");
    if (!bytes || !items)
        throw Failed(Exit::Usage, path_ + " is damaged: remove it, and the output, to begin again");
    return Place{*bytes, *items, std::string(cursor->get_string())};
}

void Bookmark::write(const Place& place) const {
    const std::string fresh = path_ + ".new";
    {
        const LocalFile file(fresh, O_WRONLY | O_CREAT | O_TRUNC);
        file.write(
            json::serialize(json::object{
                {"request", request_},
                {"bytes", place.bytes},
                {"items", place.items},
                {"cursor", place.cursor},
            }) +
            "\n"
        );
        file.sync();
    }
    std::error_code error;
    std::filesystem::rename(fresh, path_, error);
    if (error) throw FileFault(path_, error.value());
}

void Bookmark::remove() const {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
}

}   // namespace grid::gridctl::light
