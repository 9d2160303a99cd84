// controller/controller_files.cpp: files that clients exchange: requests at their address.
#include "controller/controller.hpp"
#include "controller/requests/file_requests.hpp"

namespace grid::controller {

std::optional<Result<pubsub::PreparedRequest, xml::StanzaError>> Controller::prepare_files(
    const pubsub::IqRequest& request
) const {
    if (!state_->configured.files.enabled) return std::nullopt;
    return requests::prepare_files(*state_, request);
}

void Controller::set_files_url(const std::string& url) {
    if (state_->settings.files.url.empty()) state_->settings.files.url = url;
}

}   // namespace grid::controller
