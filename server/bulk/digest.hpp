// server/bulk/digest.hpp: SHA-256 of what goes by.
#pragma once

#include <memory>
#include <string>
#include <string_view>

struct evp_md_ctx_st;

namespace grid::server::bulk {

class Digest {
public:
    Digest();
    void add(std::string_view bytes);
    /// Lower-case hex; begins anew.
    std::string take();

private:
    struct Freed {
        void operator()(evp_md_ctx_st* context) const;
    };
    std::unique_ptr<evp_md_ctx_st, Freed> context_;
};

}   // namespace grid::server::bulk
