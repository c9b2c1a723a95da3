//! For which target packages are built here.

use crate::arch::configuration::Configuration;
use crate::targets::{self, TARGETS, Target};
use crate::toolchains;

/// The target: the one that was `asked` for, else the one that makepkg's configuration says, else,
/// unless a chroot is meant, this machine's. `None` for one that has no port of its own.
pub fn of(
    asked: Option<&'static Target>,
    configuration: Option<&Configuration>,
    is_chroot: bool,
) -> Option<&'static Target> {
    let machine = if is_chroot { None } else { toolchains::of_this_machine() };
    decide(asked, configuration, machine)
}

/// The same for a machine of this target.
pub fn decide(
    asked: Option<&'static Target>,
    configuration: Option<&Configuration>,
    machine: Option<&'static Target>,
) -> Option<&'static Target> {
    if asked.is_some() {
        return asked;
    }
    let text = |name| configuration?.text(name).filter(|text| !text.trim().is_empty());
    let carch = text("CARCH");
    let known = carch.as_deref().and_then(|carch| {
        targets::by_carch(carch.trim()).or_else(|| targets::by_name(carch.trim()))
    });
    let chost = || text("CHOST").map(|chost| targets::of_triple(chost.trim()));
    match (known, chost()) {
        (Some(known), _) => Some(known),
        (None, Some(likely)) => likely.first().copied(),
        (None, None) if carch.is_some() => None,
        (None, None) => machine,
    }
}

/// Reads the name of a target on a command line.
///
/// # Errors
///
/// A sentence with all names.
pub fn read(name: &str) -> Result<&'static Target, String> {
    targets::by_name(name).ok_or_else(|| {
        let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
        format!("no target is called so (write one of {})", names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::configuration::{Origin, Value, Variable};

    fn configuration(values: &[(&str, &str)]) -> Configuration {
        let mut configuration = Configuration::default();
        for (name, value) in values {
            let value = Value::Scalar((*value).to_owned());
            let variable = Variable { value, origin: Origin::Environment, exported: false };
            configuration.variables.insert((*name).to_owned(), variable);
        }
        configuration
    }

    #[test]
    fn the_configuration_goes_before_the_machine_and_a_wish_before_both() {
        let machine = targets::by_name("x86_64");
        let of = |values: &[(&str, &str)]| {
            decide(None, Some(&configuration(values)), machine).map(|target| target.name)
        };
        assert_eq!(of(&[]), Some("x86_64"));
        for (carch, target) in
            [("arm", "armv5"), ("armv6h", "armv6h"), ("armv7h", "armv7h"), ("aarch64", "armv8")]
        {
            assert_eq!(of(&[("CARCH", carch)]), Some(target));
        }
        assert_eq!(of(&[("CHOST", "armv7l-unknown-linux-gnueabihf")]), Some("armv7h"));
        assert_eq!(of(&[("CARCH", "x86_64_v3"), ("CHOST", "x86_64-pc-linux-gnu")]), Some("x86_64"));
        assert_eq!(of(&[("CARCH", "riscv64")]), None);
        assert_eq!(of(&[("CARCH", "i686"), ("CHOST", "i686-pc-linux-gnu")]), None);
        assert_eq!(of(&[("CARCH", "")]), Some("x86_64"));
        let asked = targets::by_name("armv8");
        let other = configuration(&[("CARCH", "armv7h")]);
        assert_eq!(decide(asked, Some(&other), machine), asked);
        assert_eq!(decide(None, None, None), None);
    }

    #[test]
    fn a_name_that_is_none_is_told_with_those_that_are() {
        assert_eq!(read("distccd-armv7h").unwrap().name, "armv7h");
        let expected = "no target is called so (write one of x86_64, armv5, armv6h, armv7h, armv8)";
        assert_eq!(read("mips").unwrap_err(), expected);
    }
}
