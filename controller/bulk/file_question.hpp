// controller/bulk/file_question.hpp: a question of HTTPS about a file, and its answers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "controller/bulk/file.hpp"
#include "controller/identity.hpp"
#include "pubsub/principal.hpp"

namespace grid::controller::bulk {

/// An account that the certificate of a request by HTTPS names, one of them.
struct FileClient {
    pubsub::Principal principal;
    Identity identity;
};
enum class FileWish { Read, Write, Remove };
struct FileQuestion {
    FileWish wish = FileWish::Read;
    std::string id;                    // as the URL has it
    std::optional<std::string> name;   // decoded; none: the URL ends with the id
    std::vector<FileClient> clients;
    /// Of a change: whether the file is as the client expects it. Null: it expects nothing.
    std::function<bool(const File&)> precondition = nullptr;
};
/// A refusal in HTTP's terms.
struct FileRefusal {
    unsigned status = 404;
    std::string code, text;
    std::uint64_t retry_seconds = 30;   // with 429 and 503
};
/// The file as it is, and the client that may.
struct FileGrant {
    File file;
    std::size_t client = 0;   // of FileQuestion::clients
    std::string rule;         // that allows it
};
}   // namespace grid::controller::bulk
