// server/http/pages/console.hpp: the files of the console (controller/console) as answers.
#pragma once

#include <string_view>

#include "server/http/answer.hpp"

namespace grid::server::http {

/// For GET and HEAD of `/`, `/console` and what is below. `path` as in the request, without its
/// query; `known` is If-None-Match. Any thread.
Answer console(std::string_view path, std::string_view known);

}   // namespace grid::server::http
