//! What to tell a client that asked a volunteer for a target which it does not compile for.

use crate::targets::Target;

/// The first words of what a daemon of ours says to a client that asked the wrong service.
pub const SERVES: &str = "this distccd (port ";

/// What a daemon on `port`, which compiles for `served`, says to such a client; `advice` is
/// [`advice`]'s.
pub fn refusal(port: u16, served: &[&Target], advice: &str) -> String {
    let served: Vec<_> = served.iter().map(|target| target.name).collect();
    format!("{SERVES}{port}) compiles for {}; {advice}", served.join(", "))
}

/// Which service has `target`, and what to write where: `host` is the volunteer as the client
/// writes it, `port` the one that was asked. `is_native` says that the volunteer itself is a
/// machine of that target.
pub fn advice(target: &Target, host: &str, port: u16, is_native: bool) -> String {
    let unit = if is_native { "distccd".to_owned() } else { target.daemon() };
    let mut command = "distcc-setup volunteer".to_owned();
    if !is_native {
        command = format!("{command} --target {}", target.name);
    }
    if target.port == port {
        return format!(
            "for {name}, on the volunteer run {command}, or give this distccd the option \
             --toolchain {name}",
            name = target.name
        );
    }
    // An IPv6 address has colons of its own.
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    format!(
        "ask {unit}: write {host}:{} in DISTCC_HOSTS, and on the volunteer run {command}",
        target.port
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::targets::by_name;

    #[test]
    fn advice_names_service_port_and_command() {
        let armv7h = by_name("armv7h").unwrap();
        let x86_64 = by_name("x86_64").unwrap();
        insta::assert_snapshot!(
            advice(armv7h, "192.168.10.2", 3632, false),
            @"ask distccd-armv7h: write 192.168.10.2:3635 in DISTCC_HOSTS, and on the volunteer run distcc-setup volunteer --target armv7h"
        );
        insta::assert_snapshot!(
            advice(x86_64, "fd00::2", 3635, true),
            @"ask distccd: write [fd00::2]:3632 in DISTCC_HOSTS, and on the volunteer run distcc-setup volunteer"
        );
        insta::assert_snapshot!(
            advice(armv7h, "far", 3635, false),
            @"for armv7h, on the volunteer run distcc-setup volunteer --target armv7h, or give this distccd the option --toolchain armv7h"
        );
    }
}
