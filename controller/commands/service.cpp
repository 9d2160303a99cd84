// controller/commands/service.cpp: the stages of a command and their errors (XEP-0050 §2.4,
// §4.4).
#include "controller/commands/service.hpp"

#include <algorithm>
#include <array>

#include "controller/audit/refusals.hpp"
#include "controller/commands/command.hpp"
#include "controller/gi/chain.hpp"
#include "xml/namespaces.hpp"

namespace grid::controller::commands {

namespace {

using xml::Element;

struct Asked {
    std::string node, action, session;
    std::optional<xml::Form> form;
    std::optional<xml::RsmRequest> page;
    std::optional<gi::Request> question;   // of is-authorized
    std::shared_ptr<std::any> memo = std::make_shared<std::any>();
};

/// An explicit wish for another language on the command itself is refused; that of the stream or
/// the iq is a preference, and answered in English.
bool is_english(std::string_view tag) {
    return tag.size() >= 2 && (tag[0] == 'e' || tag[0] == 'E') &&
           (tag[1] == 'n' || tag[1] == 'N') && (tag.size() == 2 || tag[2] == '-');
}

Result<Asked, xml::StanzaError> parse(const Element& command) {
    constexpr std::array<std::string_view, 5> actions{
        "execute", "next", "prev", "complete", "cancel"
    };
    Asked asked;
    asked.node = command.attr_or("node", "");
    if (asked.node.empty()) return xml::bad_request("a command has a node");
    asked.action = command.attr_or("action", "execute");
    if (std::ranges::find(actions, asked.action) == actions.end())
        return bad_command("malformed-action", "'" + asked.action + "' is no action of XEP-0050");
    asked.session = command.attr_or("sessionid", "");
    if (command.attr("sessionid") && asked.session.empty())
        return bad_command("bad-sessionid", "an empty sessionid is none");
    if (const std::string* lang = command.attr("xml:lang"); lang && !is_english(*lang))
        return bad_command("bad-locale", "this controller speaks English (en)");
    for (const Element* child : command.children()) {
        if (child->ns() == xml::ns::rsm || child->ns() == xml::ns::commands) continue;
        if (!child->is("x", xml::ns::data)) return bad_payload("expected a data form (XEP-0004)");
        auto form = xml::Form::parse(*child);
        if (!form) return bad_payload(form.error().text);
        // XEP-0050 §3.5: cancel is to be read as submit.
        if (asked.form || (form->type != "submit" && form->type != "cancel"))
            return bad_payload("expected one form of type submit");
        asked.form = std::move(*form);
    }
    auto page = xml::RsmRequest::parse(command);
    if (!page) return page.error();
    asked.page = std::move(*page);
    return asked;
}

/// One request about one command.
class Execution {
public:
    Execution(
        const State& state,
        const pubsub::Context& context,
        const Command& command,
        const Asked& asked
    )
        : state_(state), context_(context), command_(command), asked_(asked) {}

    pubsub::Decision run() {
        if (asked_.session.empty()) return start();
        dialog_ = state_.dialogs.find(
            asked_.session, context_.actor.jid, command_.node, context_.fresh_id, context_.now
        );
        if (dialog_ != nullptr) return go_on();
        const bool is_foreign =
            state_.dialogs.is_foreign(asked_.session, context_.actor.jid, command_.node);
        if (is_foreign || !Dialogs::looks_like_id(asked_.session))
            return bad_command("bad-sessionid", "that is no session of yours for this command");
        xml::StanzaError expired =
            xml::not_allowed("this session is no longer active: execute the command again");
        expired.application = Element("session-expired", xml::ns::commands);
        return expired;
    }

private:
    pubsub::Decision start() {
        session_ = Dialogs::make_id(context_.fresh_id, context_.now);
        if (asked_.action == "cancel")
            return bad_command("bad-sessionid", "there is no session to cancel");
        if (asked_.action == "prev" || (!asked_.form && asked_.action != "execute"))
            return bad_command("bad-action", "execute the command first");
        std::vector<xml::Form> forms;
        if (asked_.form) forms.push_back(*asked_.form);
        return answer(forms, asked_.action == "next");
    }

    pubsub::Decision go_on() {
        session_ = asked_.session;
        if (asked_.action == "cancel") {
            dialog_->ended_by = context_.fresh_id;
            return pubsub::Reply(command("canceled"));
        }
        std::vector<xml::Form> forms = dialog_->answers;
        if (asked_.action == "prev") {
            if (forms.empty()) return bad_command("bad-action", "this is the first stage");
            state_.dialogs.back(*dialog_);
            forms.pop_back();
            return answer(forms, true, false);
        }
        if (asked_.action == "next" && !may_go_on(forms))
            return bad_command("bad-action", "no stage follows: complete the command");
        if (!asked_.form) return bad_payload("the submitted form is missing");
        forms.push_back(*asked_.form);
        return answer(forms, asked_.action == "next");
    }

    /// Only a present stage that offers "next" can be followed by another.
    bool may_go_on(const std::vector<xml::Form>& forms) const {
        const Step present = step(forms, true);
        const Ask* asking = std::get_if<Ask>(&present);
        return asking != nullptr && asking->has_next;
    }

    Step step(const std::vector<xml::Form>& forms, bool wants_next) const {
        const gi::Request* question = asked_.question ? &*asked_.question : nullptr;
        return command_.run(
            {{state_, context_}, forms, wants_next, asked_.page, question, asked_.memo}
        );
    }

    pubsub::Decision answer(
        const std::vector<xml::Form>& forms, bool wants_next, bool keeps_form = true
    ) {
        Step made = step(forms, wants_next);
        if (auto* error = std::get_if<xml::StanzaError>(&made)) return std::move(*error);
        if (auto* ask = std::get_if<Ask>(&made))
            return ask_more(std::move(*ask), forms, keeps_form);
        if (auto* first = std::get_if<First>(&made))
            return pubsub::Decision::Work{std::move(first->run)};
        if (dialog_ != nullptr) dialog_->ended_by = context_.fresh_id;
        if (auto* later = std::get_if<Later>(&made))
            return pubsub::Decision::Query{[head = command("completed"),
                                            run = std::move(later->run
                                            )](const storage::Snapshot& snapshot) {
                using Answer = std::variant<xml::StanzaError, pubsub::Reply>;
                auto done = run(snapshot);
                if (auto* error = std::get_if<0>(&done)) return Answer(std::move(*error));
                return Answer(pubsub::Reply(with(head, std::move(std::get<1>(done)))));
            }};
        Done& done = std::get<Done>(made);
        storage::Batch batch = std::move(done.batch);
        Element reply = with(command("completed"), std::move(done));
        if (batch.operations.empty()) return pubsub::Reply(std::move(reply));
        return pubsub::Decision::Change{std::move(batch), std::move(reply)};
    }

    pubsub::Decision ask_more(Ask ask, const std::vector<xml::Form>& forms, bool keeps_form) {
        auto& dialogs = state_.dialogs;
        if (dialog_ == nullptr)
            dialog_ = dialogs.open(
                session_, context_.actor.jid, command_.node, context_.now,
                state_.role_of(context_.actor) >= Role::Auditor ? Dialogs::dialogs_max
                                                                : Dialogs::members_dialogs_max
            );
        const bool is_full = dialog_ == nullptr ||
                             (keeps_form && asked_.form && !dialogs.answer(*dialog_, forms.back()));
        if (is_full) return xml::resource_constraint("too many commands are being filled in");
        Element reply = command("executing");
        Element actions("actions", {{"execute", "complete"}});
        if (!dialog_->answers.empty()) actions.add(Element("prev"));
        if (ask.has_next) actions.add(Element("next"));
        actions.add(Element("complete"));
        reply.add(std::move(actions));
        ask.form.type = "form";
        reply.add(ask.form.to_element());
        add_notes(reply, ask.notes);
        return pubsub::Reply(std::move(reply));
    }

    Element command(const char* status) const {
        return Element(
            "command", xml::ns::commands,
            {{"node", std::string(command_.node)},
             {"sessionid", session_},
             {"status", status},
             {"xml:lang", "en"}}
        );
    }
    static void add_notes(Element& reply, const std::vector<Note>& notes) {
        for (const Note& note : notes)
            reply.add(Element::with_text("note", note.text, {{"type", note.type}}));
    }
    static Element with(Element reply, Done done) {
        for (Element& payload : done.payloads) reply.add(std::move(payload));
        add_notes(reply, done.notes);
        return reply;
    }

    const State& state_;
    const pubsub::Context& context_;
    const Command& command_;
    const Asked& asked_;
    Dialog* dialog_ = nullptr;
    std::string session_;
};

}   // namespace

std::optional<Result<pubsub::PreparedRequest, xml::StanzaError>> prepare_command(
    const State& state, const pubsub::IqRequest& iq
) {
    if (!iq.payload->is("command", xml::ns::commands)) return std::nullopt;
    if (iq.type != xml::IqType::Set) return xml::bad_request("a command is executed by set");
    auto asked = parse(*iq.payload);
    if (!asked) return asked.error();
    // Signatures are checked here, on the connection's strand, where no other client waits for
    // them.
    if (asked->form && asked->node == authorized_node) {
        asked->question = authorization_request(*asked->form);
        if (auto failure = gi::verify_chain(state, *asked->question))
            return to_stanza_error(*failure);
    }
    pubsub::PreparedRequest prepared;
    prepared.decide = [&state, asked = std::move(*asked)](const pubsub::Context& context
                      ) -> pubsub::Decision {
        const Command* command = find_command(asked.node);
        if (command == nullptr) return xml::item_not_found("there is no command " + asked.node);
        if (auto error = refuse(state, context.actor, *command)) {
            if (least_role(command->act) >= Role::Auditor)
                note_refusal(state.audit, context.actor, command->act, {}, role_rule(command->act));
            return *error;
        }
        return Execution(state, context, *command, asked).run();
    };
    return prepared;
}

bool is_open_command(const xml::Element& payload) {
    if (!payload.is("command", xml::ns::commands)) return false;
    const Command* command = find_command(payload.attr_or("node", ""));
    return command != nullptr && least_role(command->act) == Role::Anybody;
}

}   // namespace grid::controller::commands
