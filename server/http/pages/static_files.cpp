// server/http/pages/static_files.cpp: see static_files.hpp.
#include "server/http/pages/static_files.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <boost/url/decode_view.hpp>
#include <boost/url/pct_string_view.hpp>
#include <fstream>
#include <iterator>
#include <utility>

#include "xml/base64.hpp"

namespace grid::server::http {

namespace fs = std::filesystem;

namespace {

const char* type_of(std::string_view name) {
    static constexpr std::array types{
        std::pair(".html", "text/html; charset=utf-8"),
        std::pair(".htm", "text/html; charset=utf-8"),
        std::pair(".js", "text/javascript; charset=utf-8"),
        std::pair(".mjs", "text/javascript; charset=utf-8"),
        std::pair(".css", "text/css; charset=utf-8"),
        std::pair(".json", "application/json"),
        std::pair(".map", "application/json"),
        std::pair(".svg", "image/svg+xml"),
        std::pair(".png", "image/png"),
        std::pair(".jpg", "image/jpeg"),
        std::pair(".jpeg", "image/jpeg"),
        std::pair(".gif", "image/gif"),
        std::pair(".webp", "image/webp"),
        std::pair(".ico", "image/x-icon"),
        std::pair(".woff", "font/woff"),
        std::pair(".woff2", "font/woff2"),
        std::pair(".ttf", "font/ttf"),
        std::pair(".wasm", "application/wasm"),
        std::pair(".xml", "application/xml"),
        std::pair(".txt", "text/plain; charset=utf-8"),
        std::pair(".webmanifest", "application/manifest+json"),
    };
    for (const auto& [ending, type] : types)
        if (name.ends_with(ending)) return type;
    return "application/octet-stream";
}

std::string tag_of(const std::string& bytes) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr);
    constexpr std::size_t tag_bytes = 18;
    return '"' + xml::to_base64({reinterpret_cast<const char*>(digest.data()), tag_bytes}) + '"';
}

bool is_hidden(const fs::path& relative) {
    return std::any_of(relative.begin(), relative.end(), [](const fs::path& part) {
        return part.string().starts_with('.');
    });
}

/// Empty when the text is no path.
std::string decoded(std::string_view path) {
    const auto text = boost::urls::make_pct_string_view(path);
    if (!text) return "";
    const boost::urls::decode_view view = **text;
    return {view.begin(), view.end()};
}

bool is_within(const fs::path& file, const fs::path& directory) {
    const auto relative = file.lexically_relative(directory);
    return !relative.empty() && *relative.begin() != "..";
}

}   // namespace

Result<StaticFiles, std::string> StaticFiles::read(const fs::path& directory) {
    std::error_code error;
    const fs::path top = fs::canonical(directory, error);
    if (error) return directory.string() + ": " + error.message();
    StaticFiles read;
    std::size_t bytes = 0;
    fs::recursive_directory_iterator at(top, error);
    for (; !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
        const fs::path relative = at->path().lexically_relative(top);
        const fs::path target = fs::canonical(at->path(), error);
        if (error) break;
        if (is_hidden(relative) || !fs::is_regular_file(target, error)) continue;
        if (!is_within(target, top))
            return at->path().string() + " is a link to a file outside of the directory";
        std::ifstream file(target, std::ios::binary);
        File kept{{std::istreambuf_iterator<char>(file), {}}, type_of(relative.string()), {}};
        if (!file) return at->path().string() + " cannot be read";
        bytes += kept.bytes.size();
        if (read.files_.size() >= files_max || bytes > bytes_max)
            return directory.string() + " has more than 10000 files, or more than 64 MiB";
        kept.tag = tag_of(kept.bytes);
        read.files_.emplace("/" + relative.generic_string(), std::move(kept));
    }
    if (error) return directory.string() + ": " + error.message();
    return read;
}

Answer StaticFiles::answer(std::string_view path, std::string_view known) const {
    std::string name = decoded(path);
    if (name.ends_with('/')) name += "index.html";
    const auto found = files_.find(name);
    if (found == files_.end()) return to_answer(Refusal{404, "not-found", "no such file", {}});
    const File& file = found->second;
    return file_answer(file.type, file.bytes, file.tag, known);
}

}   // namespace grid::server::http
