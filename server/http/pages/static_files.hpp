// server/http/pages/static_files.hpp: the files of a web application, from memory.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "server/http/answer.hpp"
#include "xml/result.hpp"

namespace grid::server::http {

/// The files that a directory has when it is read, and no more: no path of a request reaches the
/// file system. Constant afterwards; any thread.
class StaticFiles {
public:
    static constexpr std::size_t files_max = 10'000, bytes_max = 64UL * 1024 * 1024;

    StaticFiles() = default;
    /// Regular files, links to files within the directory included; names that begin with a dot
    /// are left out. The error names the file.
    static Result<StaticFiles, std::string> read(const std::filesystem::path& directory);

    /// For GET and HEAD. `path` as in the request, without its query; `known` is If-None-Match.
    Answer answer(std::string_view path, std::string_view known) const;
    std::size_t size() const { return files_.size(); }

private:
    struct File {
        std::string bytes, type, tag;   // tag: for ETag
    };
    std::map<std::string, File, std::less<>> files_;   // by path: "/app/index.html"
};

}   // namespace grid::server::http
