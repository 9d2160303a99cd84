// pubsub/requests/personal.cpp: see pubsub/requests/personal.hpp.
#include "pubsub/requests/personal.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

namespace grid::pubsub {

namespace {

template <class Use, class... Uses>
constexpr bool is_any_of = (std::is_same_v<Use, Uses> || ...);

/// Requests about collections, archives and the service as a whole.
template <class Use>
constexpr bool is_of_broker = is_any_of<
    Use,
    DiscoverFeatures,
    QueryArchive,
    GetArchiveForm,
    GetArchiveMetadata,
    Associate,
    Approval,
    Command,
    DiscoverCommands,
    DiscoverCommand,
    Bounce>;

std::optional<xml::StanzaError> check_form(const std::optional<xml::Form>& form) {
    if (!form) return std::nullopt;
    constexpr std::array of_graph{
        "pubsub#collection", "pubsub#children", "pubsub#children_association_whitelist"
    };
    for (const xml::FormField& field : form->fields) {
        const bool is_of_graph = std::ranges::find(of_graph, field.var) != of_graph.end();
        for (const std::string& value : field.values)
            if ((is_of_graph && !value.empty()) ||
                (field.var == "pubsub#node_type" && value == "collection"))
                return unsupported("collections", "Nodes of an account are in no collection.");
    }
    return std::nullopt;
}

/// An account owns its nodes, and alone.
std::optional<xml::StanzaError> check_owners(
    const ModifyAffiliations& request, std::string_view owner
) {
    for (const Modification& change : request.changes)
        if (change.value == "owner" || change.jid.bare_view() == owner)
            return refuse(
                Errc::NotAllowed,
                "A node of an account has that account as its owner, and no other."
            );
    return std::nullopt;
}

class Placing {
public:
    explicit Placing(std::string_view owner) : owner_(owner) {}

    template <class Use>
    std::optional<xml::StanzaError> operator()(Use& use) const {
        if constexpr (is_of_broker<Use>) {
            return unsupported("collections", "Accounts have no such service.");
        } else {
            if constexpr (requires { use.which.node; }) place(use.which.node);
            if constexpr (requires { use.node; }) place(use.node);
            if constexpr (requires { use.account; }) use.account = owner_;
            if constexpr (std::is_same_v<Use, ModifyAffiliations>)
                if (auto error = check_owners(use, owner_)) return error;
            if constexpr (requires { use.configuration; }) return check_form(use.configuration);
            if constexpr (requires { use.preconditions; }) return check_form(use.preconditions);
            if constexpr (std::is_same_v<Use, Configure>) return check_form(use.form);
            return std::nullopt;
        }
    }

private:
    void place(std::string& node) const { node = personal_name(owner_, node); }
    void place(std::optional<std::string>& node) const {
        if (node) place(*node);
    }

    std::string_view owner_;
};

// The mark of an account's names stands in no other text (pubsub/ports/personal.hpp): the prefix is
// taken off wherever it is.

void show(std::string& text, const std::string& prefix) {
    for (auto at = text.find(personal_mark); at != std::string::npos;
         at = text.find(personal_mark, at))
        if (text.compare(at, prefix.size(), prefix) == 0)
            text.erase(at, prefix.size());
        else
            ++at;
}

void show(xml::Element& element, const std::string& prefix) {
    for (const xml::Attr& attr : xml::Attrs(element.attrs())) {
        if (attr.value.find(personal_mark) == std::string::npos) continue;
        std::string value = attr.value;
        show(value, prefix);
        element.set(attr.name, std::move(value));
    }
    for (xml::Element& node : element.mutable_nodes()) {
        if (!node.is_text()) {
            show(node, prefix);
        } else if (node.name().find(personal_mark) != std::string::npos) {
            std::string text = node.name();
            show(text, prefix);
            node = xml::Element::text_node(std::move(text));
        }
    }
}

void show(xml::StanzaError& error, const std::string& prefix) {
    show(error.text, prefix);
    show(error.condition_text, prefix);
    if (error.application) show(*error.application, prefix);
}

void show(Reply& reply, const std::string& prefix) {
    if (reply.payload) show(*reply.payload, prefix);
    if (reply.error) show(*reply.error, prefix);
    for (xml::Element& message : reply.messages) show(message, prefix);
}

using Answer = std::variant<xml::StanzaError, Reply>;

Answer as_shown(Answer answer, const std::string& prefix) {
    std::visit([&](auto& it) { show(it, prefix); }, answer);
    return answer;
}

}   // namespace

std::optional<xml::StanzaError> place_at_account(Request& request, std::string_view owner) {
    return std::visit(Placing(owner), request);
}

Decision shown_by_account(Decision decision, std::string_view owner) {
    std::string prefix = personal_prefix(owner);
    if (auto* error = std::get_if<0>(&decision.what)) {
        show(*error, prefix);
    } else if (auto* reply = std::get_if<1>(&decision.what)) {
        show(*reply, prefix);
    } else if (auto* change = decision.change()) {
        show(change->reply, prefix);
    } else if (auto* read = decision.read()) {
        read->finish = [finish = std::move(read->finish), prefix](auto values) {
            return as_shown(finish(std::move(values)), prefix);
        };
    } else if (auto* query = decision.query()) {
        query->run = [run = std::move(query->run), prefix](const storage::Snapshot& snapshot) {
            return as_shown(run(snapshot), prefix);
        };
    }
    return decision;
}

}   // namespace grid::pubsub
