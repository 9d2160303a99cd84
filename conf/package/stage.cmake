# conf/package/stage.cmake: run by cpack on the staged tree: files outside of /usr, and those that a
# Debian package must have.
if(NOT CPACK_GENERATOR STREQUAL "DEB")
    return()
endif()
set(root ${CPACK_TEMPORARY_INSTALL_DIRECTORY})
set(doc ${root}/usr/share/doc/gridd)

function(put file folder)   # put(FILE FOLDER [NAME]): readable by all, whatever the umask was
    file(COPY ${file} DESTINATION ${folder}
         FILE_PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
    if(ARGN)
        get_filename_component(name ${file} NAME)
        file(RENAME ${folder}/${name} ${folder}/${ARGN})
    endif()
endfunction()

put(${CPACK_GRIDD_SOURCE}/conf/gridd.toml ${root}/etc/gridd)
put(${CPACK_GRIDD_UNIT} ${root}/lib/systemd/system)
put(${CPACK_GRIDD_SOURCE}/conf/package/copyright ${doc})
put(${CPACK_GRIDD_SOURCE}/conf/package/lintian-overrides ${root}/usr/share/lintian/overrides gridd)
# The package's own changelog: changes of gridd stand in CHANGELOG.md.
string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC)
file(WRITE ${doc}/changelog "gridd (${CPACK_PACKAGE_VERSION}) stable; urgency=medium

  * gridd ${CPACK_PACKAGE_VERSION}; its changes stand in CHANGELOG.md.

 -- ${CPACK_DEBIAN_PACKAGE_MAINTAINER}  ${date}
")
execute_process(COMMAND gzip -9nf ${doc}/changelog)
if(EXISTS ${CPACK_GRIDD_SOURCE}/CHANGELOG.md)
    put(${CPACK_GRIDD_SOURCE}/CHANGELOG.md ${doc})
    execute_process(COMMAND gzip -9nf ${doc}/CHANGELOG.md)
endif()
