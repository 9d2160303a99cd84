// server/http/file_headers.hpp: the headers of requests and answers about files. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "controller/bulk/file.hpp"
#include "server/http/guard.hpp"
#include "xml/result.hpp"

namespace grid::server::http {

/// Id and name of a path such as /bulk/ID/NAME, or /bulk/ID. nullopt: it names no file.
struct FilePath {
    std::string id;
    std::optional<std::string> name;   // decoded
};
std::optional<FilePath> parse_file_path(std::string_view path);

/// The part of a file that an answer carries.
struct Part {
    std::uint64_t from = 0, count = 0;
    bool operator==(const Part&) const = default;
};

/// The outcome of a GET or HEAD (RFC 9110 §13, §14): the status, and the part with 200 and 206.
struct Selection {
    unsigned status = 200;   // 200, 206, 304, 412, 416
    Part part;
};
/// Several ranges, one that is malformed, and one whose If-Range does not fit are as none (§14.2):
/// the answer is the whole file, whatever their number.
Selection select(const Head& head, std::uint64_t size, std::string_view tag);

/// Whether the preconditions of a change hold (RFC 9110 §13.1): a slot that is not complete has no
/// representation yet. Null: there are none.
std::function<bool(const controller::bulk::File&)> precondition_of(const Head& head);

/// ETag of a file that is complete: its SHA-256 in quotes.
std::string file_tag(const controller::bulk::File& file);
/// The headers that GET and HEAD of a complete file have: ETag, Accept-Ranges, Repr-Digest (RFC
/// 9530), Content-Disposition, which makes a browser save it.
std::string file_headers_of(const controller::bulk::File& file);
/// Of one that is not: how much is there (draft-ietf-httpbis-resumable-upload §4). It is complete
/// when its record says so: all of its bytes may be there before that, and an empty PATCH at their
/// end completes it.
std::string upload_headers_of(const controller::bulk::File& file, std::uint64_t offset);

/// The place of a request's content in a file of that size.
struct UploadPart {
    std::uint64_t from = 0, count = 0;
    /// The client says that the file begins or goes on exactly here (PATCH): another offset is an
    /// error. Else what is there behind `from` is replaced.
    bool is_exact = false;
};
/// PUT: the whole file, or the part that Content-Range names. PATCH: from Upload-Offset on.
/// Refused: content whose length is not known before it is sent, any coding of it, and more or
/// other bytes than the slot is for.
Result<UploadPart, Refusal> upload_part(const Head& head, std::uint64_t size);
/// The same without the size: what a request has to be before it is known whether there is such a
/// file.
std::optional<Refusal> check_upload(const Head& head);

}   // namespace grid::server::http
