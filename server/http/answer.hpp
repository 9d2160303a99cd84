// server/http/answer.hpp: an answer as bytes: status line, the headers that every answer has,
// JSON body.
#pragma once

#include <boost/system/error_code.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "server/http/guard.hpp"
#include "server/http/ports.hpp"
#include "storage/batch.hpp"

namespace grid::server::http {

struct Answer {
    unsigned status = 200;
    std::string body;   // empty: none
    std::string type = "application/json";
    std::string headers = {};   // further ones, as lines
    std::string allow;          // 405, OPTIONS
    bool is_head = false;       // the length of the body is told, the body is not sent
    bool keeps_alive = false;
    bool is_file =
        false;   // of a web application: a browser may run it, and ask whether it changed
    /// Of a body that is sent behind the head, or left out; `body` is empty then.
    std::optional<std::uint64_t> length = {};
    bool is_chunked = false;   // the body follows in chunks; `headers` says so
    std::string backup = {};   // whose archive is the body
};

Answer to_answer(const Refusal& refusal);
/// A file that a browser may keep: 304 where `known` (If-None-Match) names its tag.
Answer file_answer(
    std::string_view type, std::string_view bytes, std::string_view tag, std::string_view known
);
/// 200 or 503, `{"ready": …, "problems": […]}`
Answer to_answer(const Readiness& readiness);

/// HTTP/1.1. No header says what software or version this is.
std::string to_bytes(const Answer& answer, storage::Millis now);

/// RFC 9110 §5.6.7: `Sun, 06 Nov 1994 08:49:37 GMT`.
std::string to_http_date(storage::Millis time);

// The answers to requests that the parser did not take.

/// nullopt when there is no client left to answer: the connection failed or its time was over.
std::optional<Refusal> to_refusal(boost::system::error_code error);

}   // namespace grid::server::http
