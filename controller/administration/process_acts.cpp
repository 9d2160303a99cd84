// controller/administration/process_acts.cpp: see controller/administration/process_acts.hpp.
#include "controller/administration/process_acts.hpp"

#include "controller/administration/act_event.hpp"
#include "controller/administration/session_acts.hpp"
#include "controller/audit/record.hpp"

namespace grid::controller::administration {

Outcome<storage::Batch> stop_server(const ActContext& call, const Stop& stop) {
    if (stop.delay_seconds > stop_delay_seconds_max)
        return malformed("the delay is at most a day: 86400 seconds");
    if (stop.announcement.size() > announcement_bytes_max)
        return malformed("an announcement has at most 16 KiB");
    const char* const operation = stop.restarts ? "restart" : "shutdown";
    storage::Batch batch;
    batch.event = encode(ActEvent{
        ActEvent::Kind::Stop, {operation, std::to_string(stop.delay_seconds), stop.announcement}
    });
    audit::Record record = audit::by(call.actor(), audit::Outcome::Allow, operation);
    record.detail = "in " + std::to_string(stop.delay_seconds) + " seconds";
    audit::append(batch, std::move(record));
    call.expect_right(batch);
    return batch;
}

std::function<ReloadReport()> reload_server(const ActContext& call) {
    return [process = call.state.process, by = call.actor()] {
        return process == nullptr ? ReloadReport{} : process->reload(by);
    };
}

}   // namespace grid::controller::administration
