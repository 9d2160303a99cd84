// server/version.hpp: the version of this program; CMakeLists.txt sets it.
#pragma once

namespace grid::server {

#ifdef GRIDD_VERSION
inline constexpr const char* version = GRIDD_VERSION;
#else
inline constexpr const char* version = "0.0.0";
#endif

}   // namespace grid::server
