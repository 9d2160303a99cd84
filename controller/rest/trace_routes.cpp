// controller/rest/trace_routes.cpp: why an account did or did not get an item, by REST.
#include <array>

#include "controller/administration/tracing/trace.hpp"
#include "controller/rest/call.hpp"

namespace grid::controller::rest {

namespace {

using administration::Trace;
using administration::TraceStep;

json::value answer_json(TraceStep::Answer answer) {
    if (answer == TraceStep::Answer::Unknown) return nullptr;
    return answer == TraceStep::Answer::Yes;
}

HttpResponse to_response(const Trace& trace, const std::string& account, const std::string& topic) {
    json::array steps;
    for (const TraceStep& step : trace.steps)
        steps.push_back(json::object{
            {"step", step.name}, {"ok", answer_json(step.answer)}, {"reason", step.reason}
        });
    json::value item;
    if (trace.item)
        item = json::object{
            {"id", trace.item->at.id},
            {"revision", trace.item->revision},
            {"time", time_text(trace.item->time)},
            {"publisher", trace.item->publisher},
            {"payload_bytes", trace.item->payload_bytes}
        };
    return ok(
        {{"account", account},
         {"topic", topic},
         {"verdict", administration::to_string(trace.verdict)},
         {"because", trace.because()},
         {"steps", std::move(steps)},
         {"item", std::move(item)}}
    );
}

HttpDecision trace_item(const Call& call) {
    const auto jid = bare_jid(call.request.in_path("jid"));
    if (!jid) return refuse(jid.error());
    const std::string& topic = call.request.in_path("name");
    Trace trace =
        administration::trace_item(call, call.broker, *jid, topic, call.request.in_query("item"));
    if (!trace.needs_payload) return to_response(trace, jid->str(), topic);
    HttpDecision::Query query;
    query.run = [trace = std::move(trace), account = jid->str(), topic,
                 &faults = call.broker.payload_faults()](const storage::Snapshot& snapshot) {
        Trace whole = trace;
        administration::finish_trace(whole, snapshot, faults);
        return std::variant<HttpResponse, HttpResponse>(
            std::in_place_index<1>, to_response(whole, account, topic)
        );
    };
    return query;
}

}   // namespace

std::span<const Route> trace_routes() {
    static const std::array routes{
        Route{"GET", "trace/{jid}/{name...}", {"item"}, {}, trace_item, Act::TraceItems},
    };
    return routes;
}

}   // namespace grid::controller::rest
