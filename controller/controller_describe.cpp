// controller/controller_describe.cpp: the directory's facts about a topic, in its meta-data at
// the broker, for stock clients.
#include "controller/controller.hpp"
#include "controller/state.hpp"
#include "xml/form.hpp"

namespace grid::controller {

namespace {

void add_list(xml::Form& form, const char* var, const std::vector<std::string>& values) {
    if (values.empty()) return;
    form.fields.push_back({var, "text-multi", {}, values, {}});
}

}   // namespace

/// XEP-0068 §3.4 wants `x-` for fields that are not registered for the form type.
void Controller::describe(std::string_view node, xml::Form& meta_data) const {
    const CapabilityName name = split_topic(node);
    if (!name.version.empty())
        meta_data.add("x-grid#version", "text-single", std::string(name.version));
    const auto view = state_->directory.node(node);
    if (view && !view->is_enabled) meta_data.add("x-grid#enabled", "boolean", "0");
    if (const schemas::TopicSchema* checked = state_->schemas.topic(node))
        meta_data.add("x-grid#validation", "text-single", std::string(to_string(checked->mode)));
    const Topic* declared = state_->directory.topic(node);
    if (declared == nullptr) return;
    if (!declared->schema_namespace.empty() || !declared->schema_location.empty()) {
        const std::string& location = declared->schema_location;
        meta_data.add(
            "x-grid#schema", "text-single", location.empty() ? declared->schema_namespace : location
        );
    }
    add_list(meta_data, "x-grid#queries", declared->queries);
    add_list(meta_data, "x-grid#notifications", declared->notifications);
    if (!declared->filters.is_offered()) return;
    std::vector<std::string> offered, paths;
    for (const filters::Attribute& attribute : declared->filters.attributes) {
        offered.push_back(filters::to_line(attribute));
        paths.push_back(attribute.name + " " + attribute.path);
    }
    add_list(meta_data, "x-grid#filters", offered);
    const bool is_server_side = declared->filters.is_server_side;
    meta_data.add("x-grid#server_filter", "boolean", is_server_side ? "1" : "0");
    if (is_server_side) add_list(meta_data, "x-grid#filter_path", paths);
}

}   // namespace grid::controller
