// server/gridctl/light/https.hpp: files by HTTPS, as they come from the disk and go to it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "server/gridctl/light/link.hpp"

namespace grid::gridctl::light {

/// An answer: header names in lower case. The body of an error, up to 64 KiB.
struct HttpAnswer {
    unsigned status = 0;
    std::map<std::string, std::string> headers;
    std::string body;

    std::string header(const std::string& name) const {
        const auto found = headers.find(name);
        return found == headers.end() ? std::string() : found->second;
    }
    /// The server's words of a refusal.
    std::string words() const;
};

/// Each request has a connection of its own, which ends with it. Throws Broken where it ends before
/// the answer, and Interrupted.
class Https {
public:
    using Fields = std::map<std::string, std::string>;

    Https(Target target, unsigned timeout_seconds);

    HttpAnswer ask(
        const std::string& method,
        const std::string& path,
        const Fields& fields,
        std::int64_t length = no_content
    );
    /// Length of a request without content; one that may have some says 0.
    static constexpr std::int64_t no_content = -1;
    /// The bytes of the file from `from` on, `count` of them. An answer that comes before all are
    /// sent ends it.
    HttpAnswer put(
        const std::string& path,
        const Fields& fields,
        int file,
        std::uint64_t from,
        std::uint64_t count,
        const std::function<void(std::uint64_t)>& on_sent
    );
    /// `head` is told of status and headers, and `take` gets the bytes of a body with status 200 or
    /// 206.
    HttpAnswer get(
        const std::string& path,
        const Fields& fields,
        const std::function<void(const HttpAnswer&)>& head,
        const std::function<void(std::string_view)>& take
    );

private:
    class Reader;
    void begin(
        const std::string& method,
        const std::string& path,
        const Fields& fields,
        std::int64_t length
    );
    void flush(std::string& bytes);
    /// Reads the answer to its end.
    HttpAnswer finish(Reader& reader);
    Clock::time_point deadline() const {
        return Clock::now() + std::chrono::seconds(timeout_seconds_);
    }

    std::string host_;   // of the header
    Link link_;
    unsigned timeout_seconds_;
};

/// "https://host:port/path", taken apart. Empty host: it is no such URL.
struct HttpsUrl {
    std::string host, port, path;
};
HttpsUrl parse_https_url(const std::string& url);

}   // namespace grid::gridctl::light
