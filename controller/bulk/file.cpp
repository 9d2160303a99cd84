// controller/bulk/file.cpp: see controller/bulk/file.hpp.
#include "controller/bulk/file.hpp"

#include <algorithm>

#include "storage/chain.hpp"
#include "storage/codec.hpp"
#include "storage/keys.hpp"
#include "xml/percent.hpp"

namespace grid::controller::bulk {

namespace {

constexpr std::uint8_t file_version = 1;
constexpr std::uint8_t complete_flag = 1;
constexpr std::uint8_t completed_mark = 1;   // before the id: no hex digit

std::uint8_t tag() { return static_cast<std::uint8_t>(storage::Tag::File); }

}   // namespace

bool is_file_id(std::string_view text) {
    return text.size() == file_id_bytes && std::ranges::all_of(text, [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
           });
}

std::string file_key(std::string_view id) {
    storage::Encoder out;
    return out.u8(tag()).raw(id).take();
}

std::string encode(const File& file) {
    storage::Encoder out;
    out.u8(file_version).u8(file.is_complete ? complete_flag : 0).text(file.owner);
    out.text(file.name).text(file.media_type).u64(file.size).text(file.hash);
    out.i64(file.created).i64(file.expires).texts(file.readers);
    return out.take();
}

std::optional<File> decode_file(std::string_view id, std::string_view value) {
    storage::Decoder in(value);
    if (in.u8() != file_version || !is_file_id(id)) return std::nullopt;
    File file;
    file.id = id;
    file.is_complete = (in.u8() & complete_flag) != 0;
    file.owner = in.text();
    file.name = in.text();
    file.media_type = in.text();
    file.size = in.u64();
    file.hash = in.text();
    file.created = in.i64();
    file.expires = in.i64();
    file.readers = in.texts();
    if (!in.ok()) return std::nullopt;
    return file;
}

std::string encode_removed(std::string_view id) {
    storage::Encoder out;
    return out.u8(tag()).raw(id).take();
}

std::optional<std::string> decode_removed(std::string_view event) {
    storage::Decoder in(event);
    if (in.u8() != tag()) return std::nullopt;
    const std::string_view id = in.raw();
    if (!is_file_id(id)) return std::nullopt;
    return std::string(id);
}

std::string encode_completed(std::string_view id) {
    storage::Encoder out;
    return out.u8(tag()).u8(completed_mark).raw(id).take();
}

std::optional<std::string> decode_completed(std::string_view event) {
    storage::Decoder in(event);
    if (in.u8() != tag() || in.u8() != completed_mark) return std::nullopt;
    const std::string_view id = in.raw();
    if (!is_file_id(id)) return std::nullopt;
    return std::string(id);
}

std::string url_of(const File& file, std::string_view base) {
    std::string url(base);
    return url.append("/bulk/").append(file.id).append("/").append(xml::percent_encoded(file.name));
}

}   // namespace grid::controller::bulk
