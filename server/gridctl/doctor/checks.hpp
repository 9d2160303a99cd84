// server/gridctl/doctor/checks.hpp: the checks of `doctor`.
#pragma once

#include <string>

#include "server/gridctl/doctor/local.hpp"
#include "server/gridctl/doctor/report.hpp"
#include "server/gridctl/target.hpp"

namespace grid::gridctl {

// This machine, whether gridd runs or not (checks_machine.cpp).

/// The checks of a start, and whether the store can be read.
void check_configuration(const Local& local, Report& report);
void check_disk(const Local& local, Report& report);
/// The limit of open files of the process that runs.
void check_files_limit(const Local& local, const Ready& ready, Report& report);
/// Is the clock of this machine set by another one?
void check_own_clock(Report& report);
/// Dates and names of the server's certificate, dates of the clients' CAs and of our own.
void check_certificates(const Options& options, const Local& local, Report& report);

// The network (checks_network.cpp).

/// Does gridd run, and is it ready? By its socket, else by HTTPS.
bool check_running(const Options& options, const Ready& ready, Report& report);
/// Each listener answers, and shows the certificate of the file; empty: any.
void check_ports(const Ready& ready, const std::string& certificate, Report& report);
/// A server elsewhere: its certificate, its clock, our certificate, its ports, its own words.
void check_elsewhere(const Options& options, Report& report);
/// The words of the server about itself to an administrator: its store and its problems.
void check_status(const Options& options, Report& report);
// A cluster (checks_cluster.cpp).

/// Certificates and dates of the links' files and of etcd's; each etcd: whether it answers, its
/// version and room; whether they have a quorum. Without a cluster there is no line.
void check_cluster_files(const Local& local, Report& report);
/// The members as the one that is asked sees them: leader, lag, links, clocks, disks, and whether
/// their ports can be reached from here. Without a cluster there is no line.
void check_members(const Options& options, Report& report);

/// How clients find the domain: its addresses, SRV records (RFC 6120 §3.2.1, XEP-0368).
void check_names(const std::string& domain, unsigned timeout_seconds, Report& report);

}   // namespace grid::gridctl
