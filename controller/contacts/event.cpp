// controller/contacts/event.cpp: see event.hpp.
#include "controller/contacts/event.hpp"

#include "storage/codec.hpp"
#include "storage/keys.hpp"

namespace grid::controller::contacts {

std::string encode(const std::vector<Effect>& effects) {
    storage::Encoder out;
    out.u8(static_cast<std::uint8_t>(storage::Tag::Contact)).varint(effects.size());
    for (const Effect& effect : effects)
        out.u8(static_cast<std::uint8_t>(effect.act))
            .text(effect.owner)
            .text(effect.contact)
            .text(effect.stanza);
    return out.take();
}

std::optional<std::vector<Effect>> decode_effects(std::string_view event) {
    storage::Decoder in(event);
    if (in.u8() != static_cast<std::uint8_t>(storage::Tag::Contact)) return std::nullopt;
    std::vector<Effect> effects;
    const std::uint64_t count = in.varint();
    for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
        Effect effect;
        const std::uint8_t act = in.u8();
        if (act > static_cast<std::uint8_t>(Effect::Act::Absent)) return std::nullopt;
        effect.act = static_cast<Effect::Act>(act);
        effect.owner = in.text();
        effect.contact = in.text();
        effect.stanza = in.text();
        effects.push_back(std::move(effect));
    }
    if (!in.ok() || !in.at_end()) return std::nullopt;
    return effects;
}

}   // namespace grid::controller::contacts
