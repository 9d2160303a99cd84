// server/http/answer.cpp: writes answers.
#include "server/http/answer.hpp"

#include <array>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/status.hpp>
#include <boost/json.hpp>
#include <ctime>

#include "server/http/limits.hpp"

namespace grid::server::http {

namespace {

// Headers that forbid a browser to guess a type or to frame our answers, and to give them to pages
// of other sites.
constexpr std::string_view fixed_headers =
    "X-Content-Type-Options: nosniff\r\n"
    "X-Frame-Options: DENY\r\n"
    "Cross-Origin-Resource-Policy: same-origin\r\n"
    "Referrer-Policy: no-referrer\r\n";
// To keep or run them. A web application says itself what it may do (in its pages).
constexpr std::string_view data_headers =
    "Cache-Control: no-store\r\n"
    "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n";
constexpr std::string_view file_headers = "Cache-Control: no-cache\r\n";

/// RFC 9110 §13.1.2: weak comparison with any in the list.
bool names_tag(std::string_view list, std::string_view tag) {
    return list == "*" || list.find(tag) != std::string_view::npos;
}

}   // namespace

Answer to_answer(const Refusal& refusal) {
    Answer answer;
    answer.status = refusal.status;
    answer.allow = refusal.allow;
    answer.headers = refusal.headers;
    if (refusal.status == 204) return answer;
    auto problem =
        controller::http_error(static_cast<int>(refusal.status), refusal.code, refusal.text);
    answer.body = std::move(problem.body);
    answer.type = std::move(problem.type);
    return answer;
}

Answer file_answer(
    std::string_view type, std::string_view bytes, std::string_view tag, std::string_view known
) {
    Answer answer;
    answer.is_file = true;
    answer.headers = "ETag: " + std::string(tag) + "\r\n";
    answer.type = type;
    if (names_tag(known, tag))
        answer.status = 304;
    else
        answer.body = bytes;
    return answer;
}

Answer to_answer(const Readiness& readiness) {
    Answer answer;
    answer.status = readiness.is_ready ? 200 : 503;
    const boost::json::array problems(readiness.problems.begin(), readiness.problems.end());
    answer.body = boost::json::serialize(
        boost::json::object{{"ready", readiness.is_ready}, {"problems", problems}}
    );
    return answer;
}

std::string to_bytes(const Answer& answer, storage::Millis now) {
    const auto reason =
        boost::beast::http::obsolete_reason(static_cast<boost::beast::http::status>(answer.status));
    std::string out = "HTTP/1.1 " + std::to_string(answer.status) + " ";
    out.append(reason.data(), reason.size()).append("\r\nDate: ").append(to_http_date(now));
    out.append("\r\n").append(fixed_headers);
    out.append(answer.is_file ? file_headers : data_headers).append(answer.headers);
    if (!answer.allow.empty()) out.append("Allow: ").append(answer.allow).append("\r\n");
    if (!answer.body.empty() || answer.length || answer.is_chunked)
        out.append("Content-Type: ").append(answer.type).append("\r\n");
    // RFC 9110 §8.6: not with 204; with 304 it would be that of the file.
    if (answer.status != 204 && answer.status != 304 && !answer.is_chunked)
        out.append("Content-Length: ")
            .append(std::to_string(answer.length.value_or(answer.body.size())))
            .append("\r\n");
    // RFC 9110 §11.6.1: with each 401. The certificate is asked for in the handshake.
    if (answer.status == 401) out.append("WWW-Authenticate: TLS-Client-Certificate\r\n");
    if (!answer.keeps_alive) out.append("Connection: close\r\n");
    out.append("\r\n");
    if (!answer.is_head) out.append(answer.body);
    return out;
}

std::string to_http_date(storage::Millis time) {
    static constexpr std::array days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr std::array months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const auto seconds = static_cast<std::time_t>(time / 1000);
    std::tm t{};
    gmtime_r(&seconds, &t);
    const auto two = [](int number) {
        return std::string(number < 10 ? "0" : "") + std::to_string(number);
    };
    return std::string(days.at(static_cast<std::size_t>(t.tm_wday))) + ", " + two(t.tm_mday) + " " +
           months.at(static_cast<std::size_t>(t.tm_mon)) + " " + std::to_string(t.tm_year + 1900) +
           " " + two(t.tm_hour) + ":" + two(t.tm_min) + ":" + two(t.tm_sec) + " GMT";
}

// Parser errors as HTTP errors.

std::optional<Refusal> to_refusal(boost::system::error_code error) {
    using E = boost::beast::http::error;
    if (error == E::end_of_stream || error == E::partial_message) return std::nullopt;
    if (error == E::header_limit || error == E::buffer_overflow)
        return Refusal{
            431,
            "headers-too-large",
            "the head of a request may have " + std::to_string(header_bytes_max) + " bytes",
            {}
        };
    if (error == E::body_limit)
        return Refusal{
            413, "body-too-large", "the body is larger than limits.http_body_bytes_max", {}
        };
    if (error == E::bad_version)
        return Refusal{505, "version-not-supported", "HTTP/1.1 is spoken here", {}};
    if (error.category() == make_error_code(E::bad_method).category())
        return Refusal{400, "bad-request", "not a well-formed request: " + error.message(), {}};
    return std::nullopt;
}

}   // namespace grid::server::http
