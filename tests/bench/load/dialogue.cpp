// tests/bench/load/dialogue.cpp: see dialogue.hpp.
#include "load/dialogue.hpp"

#include <stdexcept>

#include "load/bench.hpp"

namespace grid::bench {

void Dialogue::ask(const Next& next, std::size_t number, Client& client) {
    auto question = next(number);
    if (!question) return;
    asked_[number] = {question->kind, now_ns(), std::move(question->iq)};
    client.send(asked_[number].iq);
    ++under_way_;
}

void Dialogue::answered(std::size_t number, Client& client, std::string_view answer) {
    const Asked& asked = asked_[number];
    if (attribute(answer, "type") != "result")
        throw std::runtime_error(
            bench_.options.name + " refused " + client.jid() + " " + asked.iq + ": " +
            condition(answer)
        );
    --under_way_;
    if (on_answer) on_answer(asked.kind, now_ns() - asked.at_ns, answer.size());
}

void Dialogue::run(const Next& next, const std::string& doing) {
    asked_.assign(crowd_.size(), {});
    crowd_.on_other_stanza = [&](std::size_t number, Client& client, std::string_view stanza) {
        if (!stanza.starts_with("<iq")) return;   // an event
        answered(number, client, stanza);
        ask(next, number, client);
    };
    for (std::size_t i = 0; i < crowd_.size(); ++i) ask(next, i, crowd_[i]);
    bench_.doing(doing);
    while (under_way_ > 0) bench_.turn();
    crowd_.on_other_stanza = nullptr;
}

}   // namespace grid::bench
