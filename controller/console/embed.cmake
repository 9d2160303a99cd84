# controller/console/embed.cmake: writes the console's files into a .cpp, as arrays of bytes.
#
#   cmake -DOUT=… "-DFILES=path=file;path=file" -P embed.cmake
#
# OUT is the file to write, `path` the asset's name below /console/. An ETag is the beginning of the
# file's SHA-256.

set(type_html "text/html; charset=utf-8")
set(type_css "text/css; charset=utf-8")
set(type_js "text/javascript; charset=utf-8")
set(type_svg "image/svg+xml")
set(type_md "text/markdown; charset=utf-8")
set(type_json "application/json")

set(arrays "")
set(rows "")
set(number 0)
foreach(pair ${FILES})
    string(REGEX MATCH "^([^=]+)=(.+)$" matched "${pair}")
    set(path "${CMAKE_MATCH_1}")
    set(file "${CMAKE_MATCH_2}")
    string(REGEX MATCH "[a-z]+$" ending "${path}")
    if(NOT DEFINED type_${ending})
        message(FATAL_ERROR "${path}: there is no type for files that end in .${ending}")
    endif()
    file(READ "${file}" bytes HEX)
    file(SHA256 "${file}" digest)
    string(SUBSTRING "${digest}" 0 24 tag)
    string(REGEX REPLACE "(..)" "\\\\x\\1" bytes "${bytes}")
    # Literals of a bounded length; a compiler is slow with an array of 200,000 numbers.
    string(REGEX REPLACE "(................................................................)"
           "\\1\"\n    \"" bytes "${bytes}")
    string(APPEND arrays "constexpr char file_${number}[] =\n    \"${bytes}\";\n")
    string(APPEND rows "    {\"${path}\", \"${type_${ending}}\", \"\\\"${tag}\\\"\", "
                       "{file_${number}, sizeof(file_${number}) - 1}},\n")
    math(EXPR number "${number} + 1")
endforeach()

file(WRITE "${OUT}" "// Written by controller/console/embed.cmake.
#include \"controller/console/assets.hpp\"

#pragma GCC diagnostic ignored \"-Woverlength-strings\"

namespace grid::controller {

namespace {

${arrays}
constexpr ConsoleAsset all_assets[] = {
${rows}};

}   // namespace

std::span<const ConsoleAsset> console_assets() { return all_assets; }

}   // namespace grid::controller
")
