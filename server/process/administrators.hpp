// server/process/administrators.hpp: DIR/administrators, by which the first administrator is made
// on the machine.
#pragma once

#include <boost/asio.hpp>
#include <filesystem>
#include <vector>

#include "server/core/core.hpp"
#include "server/log.hpp"
#include "xml/jid.hpp"

namespace grid::server {

/// The administrators of the configuration, which was checked.
std::vector<xml::Jid> configured_administrators(const Config& config);

/// Read at start and within two seconds of a change, so that `gridctl admin add` needs no restart.
/// An account that may write below the data directory controls the server anyway.
class AdministratorsFile {
public:
    AdministratorsFile(
        boost::asio::io_context& context,
        const std::filesystem::path& data,
        const std::string& domain,
        Core& core,
        Log& log
    );
    std::vector<xml::Jid> read();
    /// DIR/rebind, for accounts whose CA is gone so that no administrator could log in to move
    /// them.
    void look_for_rebinds();
    void watch();
    void stop();

private:
    std::filesystem::path file_, rebind_;
    std::string domain_;
    std::filesystem::file_time_type seen_{};
    Core& core_;
    Log& log_;
    boost::asio::strand<boost::asio::io_context::executor_type> strand_;
    boost::asio::steady_timer timer_;
    bool is_stopped_ = false;
};

}   // namespace grid::server
