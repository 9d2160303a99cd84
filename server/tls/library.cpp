// server/tls/library.cpp: OpenSSL's default provider, less what handshakes do not use.
#include "server/tls/library.hpp"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>
#include <vector>

namespace grid::server::tls {
namespace {

/// Of certificates' keys.
constexpr std::array<std::string_view, 5> decoded_kinds{"RSA", "RSA-PSS", "EC", "ED25519", "ED448"};
/// Modes of the ciphers of TLS 1.2 and 1.3.
constexpr std::array<std::string_view, 4> cipher_modes{"-CBC", "-GCM", "-CCM", "-Poly1305"};

/// The last has no name, as OpenSSL's lists end.
using Algorithms = std::vector<OSSL_ALGORITHM>;

/// OpenSSL's default provider, from which the lean one takes its algorithms.
struct Original {
    OSSL_PROVIDER* provider = nullptr;
    Algorithms decoders, ciphers;
};
Original& original() {
    static Original one;
    return one;
}

/// "EC:id-ecPublicKey:1.2.840.10045.2.1" is "EC".
std::string_view kind_of(const OSSL_ALGORITHM& algorithm) {
    const std::string_view names(algorithm.algorithm_names);
    return names.substr(0, names.find(':'));
}

/// For keys in certificates, which are DER.
bool is_for_certificates(const OSSL_ALGORITHM& decoder) {
    const std::string_view properties(decoder.property_definition);
    return std::ranges::find(decoded_kinds, kind_of(decoder)) != decoded_kinds.end() &&
           properties.find("input=der") != std::string_view::npos &&
           properties.find("structure=SubjectPublicKeyInfo") != std::string_view::npos;
}

bool is_for_records(const OSSL_ALGORITHM& cipher) {
    return std::ranges::any_of(cipher_modes, [&cipher](std::string_view mode) {
        return kind_of(cipher).find(mode) != std::string_view::npos;
    });
}

Algorithms choose(
    OSSL_PROVIDER* provider, int operation, bool (*is_chosen)(const OSSL_ALGORITHM&)
) {
    Algorithms chosen;
    int unused = 0;
    const auto* all = OSSL_PROVIDER_query_operation(provider, operation, &unused);
    for (; all != nullptr && all->algorithm_names != nullptr; ++all)
        if (is_chosen(*all)) chosen.push_back(*all);
    chosen.push_back({nullptr, nullptr, nullptr, nullptr});
    return chosen;
}

const OSSL_PARAM* gettable_params(void*) {
    return OSSL_PROVIDER_gettable_params(original().provider);
}

int get_params(void*, OSSL_PARAM* params) {
    return OSSL_PROVIDER_get_params(original().provider, params);
}

int get_capabilities(void*, const char* capability, OSSL_CALLBACK* use, void* argument) {
    return OSSL_PROVIDER_get_capabilities(original().provider, capability, use, argument);
}

const OSSL_ALGORITHM* query(void*, int operation, int* no_store) {
    const auto* all = OSSL_PROVIDER_query_operation(original().provider, operation, no_store);
    if (operation == OSSL_OP_DECODER) return original().decoders.data();
    return operation == OSSL_OP_CIPHER ? original().ciphers.data() : all;
}

/// The algorithms run with the context of the provider that they come from.
int start_lean(
    const OSSL_CORE_HANDLE*, const OSSL_DISPATCH*, const OSSL_DISPATCH** out, void** context
) {
    using Function = void (*)();
    static const OSSL_DISPATCH functions[] = {
        {OSSL_FUNC_PROVIDER_GETTABLE_PARAMS, reinterpret_cast<Function>(gettable_params)},
        {OSSL_FUNC_PROVIDER_GET_PARAMS, reinterpret_cast<Function>(get_params)},
        {OSSL_FUNC_PROVIDER_QUERY_OPERATION, reinterpret_cast<Function>(query)},
        {OSSL_FUNC_PROVIDER_GET_CAPABILITIES, reinterpret_cast<Function>(get_capabilities)},
        {0, nullptr},
    };
    *out = functions;
    *context = OSSL_PROVIDER_get0_provider_ctx(original().provider);
    return 1;
}

/// Whether OpenSSL runs as it comes: with its default provider and no other one.
bool is_unconfigured() {
    const auto note = [](OSSL_PROVIDER* provider, void* only_default) {
        if (std::string_view(OSSL_PROVIDER_get0_name(provider)) != "default")
            *static_cast<bool*>(only_default) = false;
        return 1;
    };
    bool only_default = true;
    OSSL_PROVIDER_do_all(nullptr, note, &only_default);
    return only_default && EVP_default_properties_is_fips_enabled(nullptr) == 0;
}

OSSL_LIB_CTX* make_library() {
    constexpr auto name = "default-with-few-decoders";
    if (OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, nullptr) != 1 || !is_unconfigured())
        return nullptr;
    OSSL_PROVIDER* provider = OSSL_PROVIDER_load(nullptr, "default");
    if (provider == nullptr) return nullptr;
    original() = {
        provider, choose(provider, OSSL_OP_DECODER, is_for_certificates),
        choose(provider, OSSL_OP_CIPHER, is_for_records)
    };
    if (original().decoders.size() != decoded_kinds.size() + 1) return nullptr;
    OSSL_LIB_CTX* library = OSSL_LIB_CTX_new();
    if (library != nullptr && OSSL_PROVIDER_add_builtin(library, name, start_lean) == 1 &&
        OSSL_PROVIDER_load(library, name) != nullptr)
        return library;
    OSSL_LIB_CTX_free(library);
    return nullptr;
}

}   // namespace

OSSL_LIB_CTX* handshake_library() {
    static OSSL_LIB_CTX* const library = [] {
        OSSL_LIB_CTX* made = make_library();
        ERR_clear_error();
        return made;
    }();
    return library;
}

}   // namespace grid::server::tls
