// controller/rest/conditions.cpp: see controller/rest/conditions.hpp.
#include "controller/rest/conditions.hpp"

#include "controller/administration/settings_acts.hpp"
#include "controller/schemas/schemas.hpp"

namespace grid::controller::rest {

namespace {

constexpr std::size_t digits_of_tag = 24;

std::string as_tag(std::string_view text) { return '"' + std::string(text) + '"'; }

/// Of what a resource says.
std::string tag_of(const json::value& value) {
    return as_tag(digest_in_hex(json::serialize(value)).substr(0, digits_of_tag));
}

std::string_view blanks_off(std::string_view text) {
    while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
    while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
    return text;
}

bool says_true(const json::object& body, std::string_view name) {
    const json::value* value = body.if_contains(name);
    return value != nullptr && value->is_bool() && value->get_bool();
}

/// The body's own condition is as good (a version of the policy); a dry run changes nothing.
bool has_condition(const Request& request) {
    return !request.if_match.empty() || request.body.contains("expect_version") ||
           says_true(request.body, "dry_run");
}

std::string greeting_tag(const std::optional<Greeting>& greeting) {
    if (!greeting) return {};
    return tag_of(json::array{greeting->text, greeting->set});
}

}   // namespace

std::optional<bool> names_tag(std::string_view list, std::string_view tag, TagsAre compared) {
    list = blanks_off(list);
    if (list == "*") return !tag.empty();
    bool is_named = false;
    while (true) {
        list = blanks_off(list);
        const bool is_weak = list.starts_with("W/");
        if (is_weak) list.remove_prefix(2);
        const std::size_t end = list.starts_with('"') ? list.find('"', 1) : std::string_view::npos;
        if (end == std::string_view::npos) return std::nullopt;
        const std::string_view one = list.substr(0, end + 1);
        const bool counts = !is_weak || compared == TagsAre::Weak;
        is_named = is_named || (counts && !tag.empty() && one == tag);
        list = blanks_off(list.substr(end + 1));
        if (list.empty()) return is_named;
        if (!list.starts_with(',')) return std::nullopt;
        list.remove_prefix(1);
    }
}

std::optional<HttpResponse> check_condition(const Call& call, const Route& route) {
    if (route.method == "GET" || route.tag == nullptr) return std::nullopt;
    const std::string& wanted = call.request.if_match;
    if (route.needs_condition && !has_condition(call.request))
        return refuse(
            428, "condition-required",
            "this replaces what others replace, too: send the ETag of what you have read in "
            "If-Match, or If-Match: * to replace whatever is there"
        );
    if (wanted.empty()) return std::nullopt;
    const std::string now = route.tag(call);
    const auto is_named = names_tag(wanted, now);
    if (!is_named) return refuse(400, "malformed-request", "If-Match is * or a list of ETags");
    // RFC 9110 §13.2.1: what is not there is refused as such.
    if (*is_named || (now.empty() && route.method != "PUT")) return std::nullopt;
    return refuse(
        412, "changed-meanwhile",
        "this has changed since it was read with that ETag: read it again, then decide"
    );
}

HttpDecision with_tag(const Call& call, const Route& route, HttpDecision decision) {
    if (route.method != "GET" || route.tag == nullptr) return decision;
    auto* reply = std::get_if<1>(&decision.what);
    if (reply == nullptr || reply->status != 200) return decision;
    const std::string tag = route.tag(call);
    if (tag.empty()) return decision;
    reply->headers += "ETag: " + tag + "\r\n";
    // RFC 9110 §13.1.2: a list that is none names nothing.
    const std::string& known = call.request.if_none_match;
    if (!known.empty() && names_tag(known, tag, TagsAre::Weak).value_or(false)) {
        reply->status = 304;
        reply->body.clear();
    }
    return decision;
}

std::string account_tag(const Call& call) {
    const auto jid = bare_jid(call.request.in_path("jid"));
    const Account* account = jid ? call.state.accounts.find(jid->str()) : nullptr;
    return account == nullptr ? std::string() : as_tag("a" + std::to_string(account->revision));
}

std::string administrators_tag(const Call& call) {
    json::array names;
    if (const auto* members = call.state.accounts.members(administrators_group))
        for (const std::string_view name : *members) names.emplace_back(name);
    return tag_of(names);
}

std::string file_tag(const Call& call) {
    const bulk::File* file = call.state.files.find(call.request.in_path("id"));
    return file == nullptr ? std::string() : as_tag("f" + std::to_string(file->revision));
}

std::string group_tag(const Call& call) {
    const Group* group = call.state.groups.find(call.request.in_path("name"));
    return group == nullptr ? std::string() : tag_of(json::string(group->description));
}

std::string motd_tag(const Call& call) { return greeting_tag(call.state.greetings.motd); }

std::string policy_tag(const Call& call) {
    return as_tag("p" + std::to_string(call.state.policy.head().version));
}

std::string schema_tag(const Call& call) {
    const auto library = call.state.schemas.library();
    const auto found = library->documents().find(call.request.in_path("location"));
    if (found == library->documents().end()) return {};
    return tag_of(json::string(*found->second.text));
}

std::string settings_tag(const Call& call) {
    const auto settings = administration::live_settings(call.state.settings);
    return tag_of(json::array{settings.auto_approve, to_json(settings.default_groups)});
}

std::string topic_tag(const Call& call) {
    const std::string& name = call.request.in_path("name");
    const auto node = call.broker.node(name);
    const schemas::TopicSchema* schema = call.state.schemas.topic(name);
    if (!node && schema == nullptr) return {};
    json::array said;
    if (node)
        for (const std::string& text :
             {node->title, node->type, node->access_model, node->publish_model})
            said.emplace_back(text);
    if (node) said.emplace_back(node->uid);
    if (node) said.emplace_back(node->is_enabled);
    if (schema != nullptr) said.emplace_back(schemas::to_string(schema->mode));
    if (schema != nullptr) said.emplace_back(schema->location);
    return tag_of(said);
}

std::string welcome_tag(const Call& call) { return greeting_tag(call.state.greetings.welcome); }

}   // namespace grid::controller::rest
