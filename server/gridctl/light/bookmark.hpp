// server/gridctl/light/bookmark.hpp: how far a file that `bulk get` writes has come, so that a
// later run goes on with it.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "server/gridctl/xmpp/file_jobs.hpp"

namespace grid::gridctl::light {

/// A file beside the output, FILE.resume, for as long as that is not complete.
class Bookmark {
public:
    /// So many bytes of the output are whole lines, of so many items, the last one with that
    /// cursor.
    struct Place {
        std::uint64_t bytes = 0, items = 0;
        std::string cursor;   // empty: the beginning
    };

    Bookmark(const std::string& output, const xmpp::AskHistory::Span& span, bool as_json);
    const std::string& path() const { return path_; }

    /// nullopt: there is none. Failed (Usage): it is of another request.
    std::optional<Place> read() const;
    /// Replaces it. The output has these bytes on the disk by then.
    void write(const Place& place) const;
    void remove() const;

private:
    std::string path_;
    boost::json::object request_;
};

}   // namespace grid::gridctl::light
