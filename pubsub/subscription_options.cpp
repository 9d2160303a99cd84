// pubsub/subscription_options.cpp: subscription options as a record; the fields are in
// pubsub/subscription_fields.cpp.
#include "pubsub/subscription_options.hpp"

#include "pubsub/subscription_fields.hpp"
#include "storage/codec.hpp"

namespace grid::pubsub {

SharedOptions share(const SubscriptionOptions& options) {
    if (options == SubscriptionOptions{}) return nullptr;
    return std::make_shared<const SubscriptionOptions>(options);
}

bool same_but_for_lease(SubscriptionOptions a, SubscriptionOptions b) {
    if ((a.expire == 0) != (b.expire == 0)) return false;
    a.expire = b.expire = 0;
    return a == b;
}

std::string encode_options(const SubscriptionOptions& options) {
    const SubscriptionOptions defaults;
    storage::Encoder out;
    for (const OptionField& field : option_fields()) {
        const OptionField::Values values = field.get(options);
        if (values == field.get(defaults)) continue;
        out.u8(field.id).varint(values.size());
        for (const std::string& value : values) out.text(value);
    }
    return out.take();
}

SubscriptionOptions decode_options(std::string_view bytes) {
    SubscriptionOptions options;
    storage::Decoder in(bytes);
    while (in.ok() && !in.at_end()) {
        const std::uint8_t id = in.u8();
        const std::uint64_t count = in.varint();
        OptionField::Values values;
        for (std::uint64_t i = 0; i < count && in.ok(); ++i) values.emplace_back(in.text());
        for (const OptionField& field : option_fields())
            if (field.id == id) (void)field.set(options, values);
    }
    return options;
}

}   // namespace grid::pubsub
