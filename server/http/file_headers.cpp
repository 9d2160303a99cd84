// server/http/file_headers.cpp: see server/http/file_headers.hpp.
#include "server/http/file_headers.hpp"

#include <algorithm>
#include <boost/beast/http/rfc7230.hpp>
#include <charconv>
#include <memory>

#include "server/http/request_form.hpp"
#include "storage/chain.hpp"
#include "xml/base64.hpp"
#include "xml/percent.hpp"

namespace grid::server::http {

namespace {

namespace beast = boost::beast;
using FileField = beast::http::field;
using Verb = beast::http::verb;

constexpr std::string_view file_prefix = "/bulk/";

std::string_view seen(beast::string_view text) { return {text.data(), text.size()}; }

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

/// Digits alone, within 63 bits.
std::optional<std::uint64_t> parse_number(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc() || end != text.data() + text.size() ||
        value > INT64_MAX)
        return std::nullopt;
    return value;
}

/// As a bound of bytes, and a number that is larger stands behind all of them.
std::optional<std::uint64_t> parse_bound(std::string_view text) {
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    if (text.empty() || !std::ranges::all_of(text, is_digit)) return std::nullopt;
    return parse_number(text).value_or(INT64_MAX);
}

std::string_view only(const Head& head, FileField field) {
    return head.count(field) == 1 ? trimmed(seen(head[field])) : std::string_view();
}

/// One range of bytes; nullopt: none, several, or malformed.
struct Range {
    std::optional<std::uint64_t> first, last;   // one of them at least
};
std::optional<Range> parse_range(std::string_view text) {
    const auto equals = text.find('=');
    if (equals == std::string_view::npos || !beast::iequals(text.substr(0, equals), "bytes"))
        return std::nullopt;
    text = trimmed(text.substr(equals + 1));
    const auto dash = text.find('-');
    if (dash == std::string_view::npos || text.find(',') != std::string_view::npos)
        return std::nullopt;
    const std::string_view first = trimmed(text.substr(0, dash)),
                           last = trimmed(text.substr(dash + 1));
    Range range{parse_bound(first), parse_bound(last)};
    const bool is_good = (first.empty() || range.first) && (last.empty() || range.last) &&
                         (range.first || range.last) &&
                         !(range.first && range.last && *range.first > *range.last);
    if (!is_good) return std::nullopt;
    return range;
}

/// nullopt: nothing of the file is in it.
std::optional<Part> part_of(const Range& range, std::uint64_t size) {
    if (!range.first) {
        const std::uint64_t count = std::min(*range.last, size);
        if (count == 0) return std::nullopt;
        return Part{size - count, count};
    }
    if (*range.first >= size) return std::nullopt;
    const std::uint64_t last = std::min(range.last.value_or(size - 1), size - 1);
    return Part{*range.first, last - *range.first + 1};
}

/// RFC 9110 §8.8.3.2; `weakly`: a weak tag of that value is the same.
bool names_tag_of(const Head& head, FileField field, std::string_view tag, bool weakly) {
    const auto [first, last] = head.equal_range(field);
    for (auto at = first; at != last; ++at) {
        std::string_view list = trimmed(seen(at->value()));
        if (list == "*") return true;
        while (!list.empty()) {
            const auto comma = list.find(',');   // a tag of ours has none
            std::string_view one = trimmed(list.substr(0, comma));
            list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
            if (weakly && one.starts_with("W/")) one.remove_prefix(2);
            if (one == tag) return true;
        }
    }
    return false;
}

Refusal bad_upload(std::string text) { return {400, "bad-request", std::move(text), {}, true}; }

/// `bytes 10-99/100`.
struct ContentRange {
    std::uint64_t first = 0, last = 0, size = 0;
};
std::optional<ContentRange> parse_content_range(std::string_view text) {
    constexpr std::string_view unit = "bytes ";
    if (!beast::iequals(text.substr(0, unit.size()), unit)) return std::nullopt;
    text = trimmed(text.substr(unit.size()));
    const auto dash = text.find('-'), slash = text.find('/');
    if (dash == std::string_view::npos || slash == std::string_view::npos || dash > slash)
        return std::nullopt;
    const auto first = parse_number(text.substr(0, dash));
    const auto last = parse_number(text.substr(dash + 1, slash - dash - 1));
    const auto size = parse_number(text.substr(slash + 1));
    if (!first || !last || !size || *first > *last || *last >= *size) return std::nullopt;
    return ContentRange{*first, *last, *size};
}

std::uint64_t length_of(const Head& head) {
    return parse_number(only(head, FileField::content_length)).value_or(0);
}

}   // namespace

std::optional<FilePath> parse_file_path(std::string_view path) {
    if (!path.starts_with(file_prefix)) return std::nullopt;
    path.remove_prefix(file_prefix.size());
    const auto slash = path.find('/');
    FilePath parsed{std::string(path.substr(0, slash)), {}};
    if (!controller::bulk::is_file_id(parsed.id)) return std::nullopt;
    if (slash == std::string_view::npos) return parsed;
    parsed.name = xml::percent_decoded(path.substr(slash + 1));
    if (!parsed.name) return std::nullopt;
    return parsed;
}

Selection select(const Head& head, std::uint64_t size, std::string_view tag) {
    if (head.count(FileField::if_match) != 0 &&
        !names_tag_of(head, FileField::if_match, tag, false))
        return {412, {}};
    if (names_tag_of(head, FileField::if_none_match, tag, true)) return {304, {}};
    const Selection whole{200, {0, size}};
    const auto range = parse_range(only(head, FileField::range));
    if (!range) return whole;
    // A date in it is of no use: answers have none.
    if (head.count(FileField::if_range) != 0 && only(head, FileField::if_range) != tag)
        return whole;
    const auto part = part_of(*range, size);
    if (!part) return {416, {}};
    return {206, *part};
}

std::function<bool(const controller::bulk::File&)> precondition_of(const Head& head) {
    if (head.count(FileField::if_match) == 0 && head.count(FileField::if_none_match) == 0)
        return nullptr;
    return [kept = std::make_shared<const Head>(head)](const controller::bulk::File& file) {
        const std::string tag = file_tag(file);
        const auto names = [&](FileField field, bool weakly) {
            return file.is_complete && names_tag_of(*kept, field, tag, weakly);
        };
        if (kept->count(FileField::if_match) != 0 && !names(FileField::if_match, false))
            return false;
        return !names(FileField::if_none_match, true);
    };
}

std::string file_tag(const controller::bulk::File& file) { return "\"" + file.hash + "\""; }

std::string file_headers_of(const controller::bulk::File& file) {
    std::string headers = "ETag: " + file_tag(file) + "\r\nAccept-Ranges: bytes\r\n";
    if (const auto bytes = storage::from_hex(file.hash))
        headers += "Repr-Digest: sha-256=:" + xml::to_base64(*bytes) + ":\r\n";
    return headers + "Content-Disposition: attachment; filename*=UTF-8''" +
           xml::percent_encoded(file.name) + "\r\n";
}

std::string upload_headers_of(const controller::bulk::File& file, std::uint64_t offset) {
    return "Upload-Offset: " + std::to_string(offset) +
           "\r\nUpload-Length: " + std::to_string(file.size) +
           "\r\nUpload-Complete: " + (file.is_complete ? "?1" : "?0") + "\r\n";
}

std::optional<Refusal> check_upload(const Head& head) {
    if (head.count(FileField::transfer_encoding) != 0 || head.count(FileField::content_length) != 1)
        return Refusal{
            411,
            "length-required",
            "the length of the content is needed: Content-Length, without Transfer-Encoding",
            {},
            true
        };
    if (!parse_number(only(head, FileField::content_length)))
        return bad_upload("Content-Length is a whole number of bytes");
    if (head.count(FileField::content_encoding) != 0 &&
        !beast::iequals(only(head, FileField::content_encoding), "identity")) {
        Refusal refusal{
            415, "unsupported-media-type", "content is taken as it is, without any coding", {}, true
        };
        refusal.headers = "Accept-Encoding: identity\r\n";
        return refusal;
    }
    if (expects_more(head))
        return Refusal{417, "expectation-failed", "only 100-continue can be expected", {}, true};
    return std::nullopt;
}

Result<UploadPart, Refusal> upload_part(const Head& head, std::uint64_t size) {
    UploadPart part{0, length_of(head), false};
    const Refusal too_much{
        413, "body-too-large", "the slot is for " + std::to_string(size) + " bytes", {}, true
    };
    if (head.method() == Verb::patch) {
        const auto offset = head.count("Upload-Offset") == 1
                                ? parse_number(trimmed(seen(head["Upload-Offset"])))
                                : std::nullopt;
        if (!offset) return bad_upload("PATCH needs Upload-Offset, a number of bytes");
        part.from = *offset;
        part.is_exact = true;
        if (part.from > size || part.count > size - part.from) return too_much;
        return part;
    }
    if (head.count(FileField::content_range) == 0) {
        if (part.count > size) return too_much;
        if (part.count < size)
            return bad_upload(
                "the slot is for " + std::to_string(size) + " bytes; Content-Length says " +
                std::to_string(part.count) + ". A part of them has a Content-Range"
            );
        return part;
    }
    const auto range = parse_content_range(only(head, FileField::content_range));
    if (!range) return bad_upload("Content-Range is written: bytes FIRST-LAST/SIZE");
    if (range->size != size)
        return bad_upload(
            "the slot is for " + std::to_string(size) + " bytes; Content-Range says " +
            std::to_string(range->size)
        );
    if (range->last - range->first + 1 != part.count)
        return bad_upload("Content-Range and Content-Length do not agree");
    part.from = range->first;
    return part;
}

}   // namespace grid::server::http
