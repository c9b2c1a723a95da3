//! Where a toolchain for a target is to be had.

use crate::targets::Target;

/// Where archlinuxarm.org keeps its toolchains.
const ARCHIVES: &str = "https://archlinuxarm.org/builder/xtools/";

/// What to install, as the rest of a sentence that begins with "install".
///
/// Source: the packages of the AUR, archlinuxarm.org, Arch and Debian.
pub fn advice(target: &Target) -> String {
    let archive = |name: &str| format!("{name}.tar.xz of {ARCHIVES} unpacked in /opt");
    match target.name {
        "armv5" => format!(
            "distccd-alarm-armv5 from the AUR, or {}, or Debian's gcc- and g++-arm-linux-gnueabi",
            archive("x-tools")
        ),
        "armv6h" => {
            format!("distccd-alarm-armv6h from the AUR, or {}", archive("x-tools6h"))
        }
        "armv7h" => format!(
            "distccd-alarm-armv7h from the AUR, or {}, or Debian's gcc- and \
             g++-arm-linux-gnueabihf",
            archive("x-tools7h")
        ),
        "armv8" => format!(
            "distccd-alarm-armv8 from the AUR, or {}, or Arch's aarch64-linux-gnu-gcc, or \
             Debian's gcc- and g++-aarch64-linux-gnu",
            archive("x-tools8")
        ),
        _ => "distccd-x86_64 from the AUR, or Debian's gcc- and g++-x86-64-linux-gnu".to_owned(),
    }
}
