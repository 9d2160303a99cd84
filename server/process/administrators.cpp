// server/process/administrators.cpp: looks at the file's time, reads it when that moved.
#include "server/process/administrators.hpp"

#include "server/guarded_run.hpp"
#include "server/pki/administrators.hpp"
#include "server/pki/layout.hpp"
#include "server/regular_file.hpp"

namespace grid::server {

namespace asio = boost::asio;

namespace {
constexpr auto file_look_every = std::chrono::seconds(1);
}

std::vector<xml::Jid> configured_administrators(const Config& config) {
    std::vector<xml::Jid> jids;
    for (const auto& text : config.accounts.administrators)
        jids.push_back(xml::Jid::from_canonical(text));
    return jids;
}

AdministratorsFile::AdministratorsFile(
    asio::io_context& context,
    const std::filesystem::path& data,
    const std::string& domain,
    Core& core,
    Log& log
)
    : file_(pki::Layout{data}.administrators()),
      rebind_(pki::Layout{data}.rebind()),
      domain_(domain),
      core_(core),
      log_(log),
      strand_(asio::make_strand(context)),
      timer_(strand_) {}

std::vector<xml::Jid> AdministratorsFile::read() {
    std::error_code missing;
    auto time = std::filesystem::last_write_time(file_, missing);
    if (missing || time == seen_) return {};
    seen_ = time;
    const auto text = read_regular_file(file_.string());
    if (!text) {
        log_.warn("administrators_file", {{"file", file_.string()}, {"problem", text.error()}});
        return {};
    }
    auto parsed = pki::parse_administrators(*text, domain_);
    for (const auto& problem : parsed.problems)
        log_.warn("administrators_file", {{"file", file_.string()}, {"problem", problem}});
    return parsed.jids;
}

void AdministratorsFile::watch() {
    timer_.expires_after(file_look_every);
    timer_.async_wait([this](boost::system::error_code error) {
        if (error || is_stopped_) return;
        guarded(log_, "administrators", [this] {
            if (auto jids = read(); !jids.empty()) core_.add_administrators(std::move(jids));
            look_for_rebinds();
        });
        watch();
    });
}

void AdministratorsFile::look_for_rebinds() {
    std::error_code failed;
    if (!std::filesystem::exists(rebind_, failed)) return;
    const auto text = read_regular_file(rebind_.string());
    if (!text) return;   // a pipe or a device, or in the making
    auto read = pki::parse_rebind(*text);
    core_.rebind(std::move(read.wanted), [this, problems = std::move(read.problems)] {
        for (const auto& problem : problems)
            log_.warn("rebind_file", {{"file", rebind_.string()}, {"problem", problem}});
        std::error_code ignored;
        std::filesystem::remove(rebind_, ignored);
    });
}

void AdministratorsFile::stop() {
    asio::post(strand_, [this] {
        is_stopped_ = true;
        timer_.cancel();
    });
}

}   // namespace grid::server
