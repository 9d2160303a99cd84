// server/process/ready_file.cpp: the ready file as JSON, written beside and renamed.
#include "server/process/ready_file.hpp"

#include <unistd.h>

#include <boost/json.hpp>
#include <fstream>
#include <stdexcept>

namespace grid::server {

namespace fs = std::filesystem;

namespace {

fs::path own_file(const fs::path& data) { return data / "run" / "ready.json"; }

void write_whole(const fs::path& file, const std::string& text) {
    fs::path beside = file;
    beside += ".new";
    std::ofstream out(beside, std::ios::binary | std::ios::trunc);
    out << text << '\n';
    out.close();
    if (!out) throw std::runtime_error("cannot write " + file.string());
    fs::rename(beside, file);
}

}   // namespace

void write_ready_files(
    const fs::path& data, const std::string& also, const controller::ServerFacts& facts
) {
    boost::json::object listen;
    for (const auto& [name, address] : facts.listeners) listen[name] = address;
    auto text = boost::json::serialize(boost::json::object{
        {"domain", facts.domain},
        {"pid", ::getpid()},
        {"version", facts.version},
        {"listen", listen}
    });
    fs::create_directories(data / "run");
    write_whole(own_file(data), text);
    if (!also.empty()) write_whole(also, text);
}

void remove_ready_files(const fs::path& data, const std::string& also) {
    std::error_code ignored;
    fs::remove(own_file(data), ignored);
    if (!also.empty()) fs::remove(also, ignored);
}

}   // namespace grid::server
