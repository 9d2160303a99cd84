// server/reload/file_names.cpp: see file_names.hpp.
#include "server/reload/file_names.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <deque>

namespace grid::server {

namespace fs = std::filesystem;

namespace {

/// As the kernel's own.
constexpr int links_max = 40;
/// Of a folder that stands for its files; more of them are one.
constexpr std::size_t entries_max = 1'000;

void add_folder(std::vector<fs::path>& folders, const fs::path& folder) {
    if (std::ranges::find(folders, folder) == folders.end()) folders.push_back(folder);
}

/// The name's steps in the order of the walk, without empty ones.
void put_in_front(std::deque<fs::path>& steps, const fs::path& path) {
    std::deque<fs::path> front;
    for (const fs::path& step : path.relative_path())
        if (!step.empty() && step != ".") front.push_back(step);
    steps.insert(steps.begin(), front.begin(), front.end());
}

void walk(const std::string& name, std::vector<fs::path>& folders) {
    std::error_code failed;
    fs::path at = "/";
    std::deque<fs::path> steps;
    put_in_front(steps, fs::absolute(name, failed));
    for (int links = 0; !steps.empty();) {
        const fs::path step = steps.front();
        steps.pop_front();
        if (step == "..") {   // `at` has no links left in it
            at = at.parent_path();
            continue;
        }
        const fs::path next = at / step;
        const auto about = fs::symlink_status(next, failed);
        const bool is_link = about.type() == fs::file_type::symlink;
        if (steps.empty() || is_link || !fs::exists(about)) add_folder(folders, at);
        if (!fs::exists(about)) return;
        if (!is_link) {
            at = next;
            continue;
        }
        const fs::path target = fs::read_symlink(next, failed);
        if (failed || ++links > links_max) return;
        if (target.is_absolute()) at = "/";
        put_in_front(steps, target);
    }
    if (fs::is_directory(at, failed)) add_folder(folders, at);
}

std::string stamp_of_file(const fs::path& path) {
    struct stat about{};
    if (::stat(path.c_str(), &about) != 0) return "none";
    const auto number = [](auto value) { return std::to_string(value) + ":"; };
    // The time of the inode: what is done to its rights counts, too.
    return number(about.st_dev) + number(about.st_ino) + number(about.st_size) +
           number(about.st_mtim.tv_sec) + number(about.st_mtim.tv_nsec) +
           number(about.st_ctim.tv_sec) + number(about.st_ctim.tv_nsec);
}

/// Hidden files are in the making, or bookkeeping.
std::string stamp_of(const std::string& name) {
    std::error_code failed;
    if (!fs::is_directory(name, failed)) return stamp_of_file(name);
    std::vector<std::string> entries;
    for (fs::directory_iterator entry(name, failed), end; !failed && entry != end;
         entry.increment(failed)) {
        const fs::path& path = entry->path();
        if (path.filename().string().starts_with('.')) continue;
        if (entries.size() == entries_max) break;
        entries.push_back(path.filename().string() + "=" + stamp_of_file(path));
    }
    std::ranges::sort(entries);
    std::string all = "folder:";
    for (const std::string& entry : entries) all += entry + "/";
    return all;
}

}   // namespace

std::vector<fs::path> folders_of(const std::vector<std::string>& names) {
    std::vector<fs::path> folders;
    for (const std::string& name : names) walk(name, folders);
    return folders;
}

FileStamps stamps_of(const std::vector<std::string>& names) {
    FileStamps stamps;
    for (const std::string& name : names) stamps.try_emplace(name, stamp_of(name));
    return stamps;
}

std::vector<std::string> changed_since(const FileStamps& before, const FileStamps& now) {
    std::vector<std::string> changed;
    for (const auto& [name, stamp] : now) {
        const auto found = before.find(name);
        if (found == before.end() || found->second != stamp) changed.push_back(name);
    }
    return changed;
}

}   // namespace grid::server
