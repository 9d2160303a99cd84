# conf/package/package.cmake: the places of installed files, and the Debian package (`package`).
include(GNUInstallDirs)

set(GRIDD_MAINTAINER "gridd maintainers <gridd@localhost.localdomain>" CACHE STRING
    "Name and address in the package: of those who answer for it")

# Pages and completions are printed by the programs themselves, so that they say what those do.
set(pages ${CMAKE_BINARY_DIR}/pages)
set(page_files ${pages}/gridd.8.gz ${pages}/gridd.toml.5.gz ${pages}/gridctl.1.gz)
set(shell_files ${pages}/gridctl.bash ${pages}/_gridctl ${pages}/gridctl.fish)
add_custom_command(
    OUTPUT ${page_files} ${shell_files}
    COMMAND ${CMAKE_SOURCE_DIR}/conf/package/make-pages $<TARGET_FILE:gridd>
            $<TARGET_FILE:gridctl> ${CMAKE_SOURCE_DIR}/conf/gridd.toml ${pages}
    DEPENDS gridd gridctl ${CMAKE_SOURCE_DIR}/conf/gridd.toml
            ${CMAKE_SOURCE_DIR}/conf/package/make-pages
    COMMENT "Printing manual pages and completions" VERBATIM)
add_custom_target(pages ALL DEPENDS ${page_files} ${shell_files})

install(TARGETS gridd gridctl RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES ${pages}/gridd.8.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man8)
install(FILES ${pages}/gridd.toml.5.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man5)
install(FILES ${pages}/gridctl.1.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${pages}/gridctl.bash RENAME gridctl
        DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${pages}/_gridctl DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions)
install(FILES ${pages}/gridctl.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
install(DIRECTORY conf/monitoring DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/gridd/examples
        PATTERN make-dashboard EXCLUDE)
install(FILES README.md DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/gridd OPTIONAL)

# The unit names the programs where the package has them.
file(READ conf/gridd.service unit)
string(REPLACE "/usr/local/bin/" "/usr/bin/" unit "${unit}")
string(REPLACE file:/etc/gridd/gridd.toml "man:gridd(8) man:gridd.toml(5)" unit "${unit}")
string(REGEX REPLACE "^# .*\n\n\\[Unit\\]" "# gridd.service: gridd with as few rights \
as it needs.\n[Unit]" unit "${unit}")
file(WRITE ${CMAKE_BINARY_DIR}/package/gridd.service "${unit}")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS conf/gridd.service)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME gridd)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_FILE_NAME gridd)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "XMPP-Grid server: security events between platforms")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_SOURCE_DIR}/conf/package/stage.cmake)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_MAINTAINER "${GRIDD_MAINTAINER}")
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
# Expat's version is the first that can be told not to hold back a stanza that is split in a token.
set(CPACK_DEBIAN_PACKAGE_DEPENDS "adduser, libexpat1 (>= 2.5.0-1+deb12u5)")
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
"gridd serves an XMPP-Grid (RFC 8600): firewalls, identity servers, scanners
and SIEMs publish what they know on topics and subscribe to what they need,
under one policy.
.
It is an XMPP server with a publish-subscribe broker, accounts that are bound
to certificates, and an audit. gridctl administers it, and is a client.")
foreach(script postinst prerm postrm conffiles)
    list(APPEND CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${CMAKE_SOURCE_DIR}/conf/package/${script})
endforeach()
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
# For stage.cmake, which runs within cpack.
set(CPACK_GRIDD_SOURCE ${CMAKE_SOURCE_DIR})
set(CPACK_GRIDD_UNIT ${CMAKE_BINARY_DIR}/package/gridd.service)
include(CPack)
