// controller/controller_files.cpp: files that clients exchange: requests at their address.
#include "controller/controller.hpp"
#include "controller/gi/operation.hpp"
#include "controller/requests/file_requests.hpp"

namespace grid::controller {

std::optional<Result<pubsub::PreparedRequest, xml::StanzaError>> Controller::prepare_files(
    const pubsub::IqRequest& request
) const {
    if (gi::is_grid(*request.payload)) return prepare_bulk_query(request);
    if (!state_->configured.files.enabled) return std::nullopt;
    return requests::prepare_files(*state_, request);
}

/// Of the Grid protocol, bulk queries are answered here as at the controller.
std::optional<Result<pubsub::PreparedRequest, xml::StanzaError>> Controller::prepare_bulk_query(
    const pubsub::IqRequest& request
) const {
    const auto parsed = gi::parse_request(*request.payload);
    if (!parsed) return to_stanza_error(parsed.error());
    if (parsed->service != "BulkQuery") return to_stanza_error(gi::unsupported(*parsed));
    return prepare_grid(*request.payload);
}

void Controller::set_files_url(const std::string& url) {
    if (state_->settings.files.url.empty()) state_->settings.files.url = url;
}

}   // namespace grid::controller
