//! Tests that drive the real programs against real peers, and tests of the source tree itself.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets what it did not expect has failed"
)]
#![expect(unreachable_pub, reason = "a test program exports nothing; `pub` tells what is for use")]
#![expect(
    clippy::disallowed_methods,
    reason = "tests write files and read the environment as they like"
)]

mod agent;
mod argv;
mod chroot_build;
mod chroot_life;
mod chroot_names;
mod client;
mod compilers;
mod corpus;
mod cross;
mod daemon;
mod daemon_life;
mod docs;
mod faults;
mod hostile;
mod hosts;
mod include;
mod interop;
mod layers;
mod literals;
mod lzo;
mod makechrootpkg;
mod makepkg;
mod makepkg_conf;
mod makepkg_conf_any;
mod monitor;
mod namespaces;
mod package;
mod package_targets;
mod projects;
mod pump;
mod pump_changes;
mod pump_command;
mod pump_daemon;
mod pump_faults;
mod pump_hostile;
mod pump_interop;
mod pump_warnings;
mod setup_check;
mod setup_chroot;
mod setup_client_of;
mod setup_completions;
mod setup_configure;
mod setup_discover;
mod setup_doctor;
mod setup_hosts;
mod setup_makepkg;
mod setup_march;
mod setup_report;
mod setup_volunteer;
mod setup_volunteer_target;
mod shell;
mod signals;
mod support;
mod toolchains;
mod tools;
mod try_command;
mod unexpanded;
mod volunteer;
mod wire;

#[test]
fn banner_names_the_port() {
    let banner = makepkg_distcc::base::version::banner("distcc");
    let line = banner.lines().nth(1).unwrap();
    assert!(line.contains("(default port 3632)"));
}
