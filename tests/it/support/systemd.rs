//! A real systemd, which sees only the units that it is given and can change nothing of this
//! machine.

use std::path::Path;

use nix::unistd::Uid;

use crate::support::archive::run;
use crate::support::package::fixture;

/// `lab.sh` says so where the machine does not allow it.
const NOT_HERE: i32 = 77;

/// Boots it with the files and units of `packages`, and gives what the script `name` of the
/// fixtures reports from inside; `None`, after saying so, where this machine cannot do that.
#[expect(clippy::print_stderr, clippy::print_stdout, reason = "a test's own output")]
#[track_caller]
pub fn report(name: &str, packages: &[&Path]) -> Option<String> {
    if !Uid::effective().is_root() || !Path::new("/lib/systemd/systemd").exists() {
        eprintln!("skipped: this needs root and systemd");
        return None;
    }
    let dir = tempfile::Builder::new().prefix("lab-").tempdir().unwrap();
    let lab = fixture("systemd/lab.sh");
    let mut words = vec![lab.as_path(), dir.path(), Path::new(name)];
    words.extend(packages);
    let words: Vec<_> = words.into_iter().map(|word| word.to_str().unwrap()).collect();
    let command = shell_words::join(words);
    let console = dir.path().join("console");
    // It wants a terminal to tell its troubles to.
    let words = ["-qefc", &command, console.to_str().unwrap()];
    let status = run("script", &words).status;
    if status == NOT_HERE {
        eprintln!("skipped: this machine allows no namespaces, overlays or control groups");
        return None;
    }
    let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap_or_default();
    let (report, details) = (read("out/report"), read("out/details"));
    let console = read("console");
    assert_eq!(status, 0, "{report}\n{details}\n{console}");
    println!("{details}");
    Some(report)
}
