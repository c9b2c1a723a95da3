//! What `chroot enable` and `disable` say.

use std::path::{Path, PathBuf};

use crate::arch::evaluate::evaluate;
use crate::makepkg_conf::makeflags::{self, Jobs};
use crate::setup::apply::diff;
use crate::setup::chroot::client::ClientPlan;
use crate::setup::chroot::disable::Removal;
use crate::setup::chroot::hosts::Found;
use crate::setup::chroot::look::{Look, Standing};
use crate::setup::chroot::restore::Restore;
use crate::setup::configure::wanted::Wanted;
use crate::setup::subject::{Subject, SubjectOptions};

/// All is as wanted.
pub(super) fn nothing_to_do(look: &Look, found: &Found, client: &ClientPlan) -> String {
    let mut text = format!("Nothing to do in {}:\n", look.root.dir.display());
    text += &format!("  client  {}\n  hosts   {}\n", look.client.text(), found.hosts.text);
    if let ClientPlan::Keep(Some(note)) = client {
        text += &format!("{note}\n");
    }
    text + &stale(look)
}

/// What is about to be done, before the diff.
pub(super) fn before(look: &Look, found: &Found, client: &ClientPlan) -> String {
    let mut text = format!("In {}:\n", look.root.dir.display());
    match client {
        ClientPlan::Keep(Some(note)) => text += &format!("{note}\n"),
        plan => text.extend(plan.text().map(|text| format!("{text}\n"))),
    }
    text += &format!("Hosts from {}:\n", found.from);
    let addressed = &found.addressed;
    let written = |word: &String| addressed.resolved.iter().find(|(_, address)| address == word);
    let width = addressed.words.iter().map(|word| word.chars().count()).max().unwrap_or(0);
    for word in &addressed.words {
        text += &match written(word) {
            Some((name, _)) => format!("  {word:width$}  for {name}\n"),
            None => format!("  {word}\n"),
        };
    }
    text
}

/// What a person should know before the answer.
pub(super) fn notes(look: &Look, found: &Found, jobs: u32) -> String {
    let mut text = String::new();
    for note in found.addressed.notes.iter().chain(&found.hosts.list.notes) {
        text += &format!("Note: {note}.\n");
    }
    if !found.hosts.list.hosts.iter().any(|host| !host.is_local()) {
        text += "Note: no host but this machine; nothing will be distributed.\n";
    }
    if !look.makepkg.reads_drop_ins {
        text += &jobs_of_host(look, jobs);
    }
    if text.is_empty() { text } else { format!("\n{text}") }
}

/// Where the jobs come from if not from a drop-in.
fn jobs_of_host(look: &Look, jobs: u32) -> String {
    let version = look.makepkg.version.as_deref().unwrap_or_default();
    let now = match host_jobs() {
        Some(now) if now == jobs => return String::new(),
        Some(now) => format!("-j{now}"),
        None => "none".to_owned(),
    };
    format!(
        "Note: makepkg {version} of this chroot reads no makepkg.conf.d, so its jobs are\n\
         those of this machine's MAKEFLAGS, which makechrootpkg puts in (now: {now}).\n\
         For -j{jobs}, write MAKEFLAGS=\"-j{jobs}\" into /etc/makepkg.conf, or end the command\n\
         with: -- MAKEFLAGS=-j{jobs}\n\
         archbuild and pkgctl put their own makepkg.conf into such a chroot at each build.\n"
    )
}

/// The `-j` that makechrootpkg takes from this machine's configuration, or its caller's
/// environment.
pub(super) fn host_jobs() -> Option<u32> {
    let host = Subject::find(&SubjectOptions::default());
    let found = evaluate(&host.request()).ok()?;
    match makeflags::jobs(&found.text("MAKEFLAGS")?) {
        Jobs::Number(jobs) => Some(jobs),
        _ => None,
    }
}

/// What was done, and what is next.
pub(super) fn after(look: &Look, wanted: &Wanted) -> String {
    let root = quoted(&look.root.dir);
    let mut text = match look.lacks() {
        None => format!(
            "\nBuilds in {root} are now distributed:\n  client  {}\n  hosts   {}\n",
            look.client.text(),
            wanted.hosts
        ),
        Some(lacks) => format!("\nBuilds in {root} are not distributed yet: {lacks}.\n"),
    };
    if look.makepkg.reads_drop_ins {
        text += &format!("  jobs    -j{}\n", wanted.jobs);
    }
    text += &stale(look);
    let matrix = quoted(look.root.matrix());
    let jobs = match look.makepkg.reads_drop_ins || host_jobs() == Some(wanted.jobs) {
        true => String::new(),
        false => format!(" -- MAKEFLAGS=-j{}", wanted.jobs),
    };
    text += &format!("\nBuild:      makechrootpkg-distcc -c -r {matrix}{jobs}\n");
    text += &format!("Next:       distcc-setup chroot check {root}\n");
    text + &format!("Take back:  sudo distcc-setup chroot disable {root}\n")
}

/// What to do about copies that differ from the root.
pub(super) fn stale(look: &Look) -> String {
    let copies: Vec<_> = look.stale_copies().collect();
    if copies.is_empty() {
        return String::new();
    }
    let mut text =
        "\nThese copies are as before until makechrootpkg makes them anew (-c):\n".to_owned();
    let matrix = quoted(look.root.matrix());
    for copy in copies {
        let name = copy.dir.file_name().unwrap_or_default().to_string_lossy();
        text += &format!("  makechrootpkg -c -r {matrix} -l {}\n", shell_words::quote(&name));
    }
    text
}

/// There is nothing to take back.
pub(super) fn never_enabled(look: &Look) -> String {
    let dir = look.root.dir.display();
    match look.standing() {
        Standing::ByHand => format!(
            "Nothing to take back: {dir} distributes builds, and distcc-setup chroot did not have\n\
             it do so on this machine. Its configuration was written by hand, by distcc-setup\n\
             configure --chroot (distcc-setup undo --chroot takes that back), or was copied with\n\
             it from another chroot.\n"
        ),
        _ => format!("Nothing to take back: distcc-setup chroot has not enabled {dir}.\n"),
    }
}

/// Why a root is left as it is.
pub(super) fn refusal(restore: &Restore) -> String {
    let mut text = String::new();
    for conflict in &restore.conflicts {
        let (after, now) = (conflict.after.as_deref(), conflict.now.content.as_deref());
        let verb = if now.is_some() { "changed" } else { "removed" };
        text += &format!("{} was {verb} since:\n", conflict.name());
        text += &diff::unified(&conflict.now.path, after, now, false);
    }
    text + "So nothing was taken back, and the client stays.\n\
            Take the change out again, or use --force, which puts the old content back\n\
            and keeps what is there now beside it."
}

/// What is about to be done, behind the diff.
pub(super) fn before_disable(restore: &Restore, removal: &Removal) -> String {
    let mut text = String::new();
    for path in &restore.replaced {
        text += &format!(
            "{} has been replaced since, as archbuild does, and nothing of ours\nis in it: it \
             stays as it is.\n",
            path.display()
        );
    }
    text + &match removal {
        Removal::Stays => "The client was there before, and stays.\n".to_owned(),
        Removal::Gone => {
            "The client is not there any more: the chroot was made anew since.\n".to_owned()
        }
        Removal::Package(name) => format!("pacman will remove {name} from the chroot.\n"),
        Removal::Files => "The client's files will be removed from the chroot.\n".to_owned(),
    }
}

/// What was done.
pub(super) fn after_disable(
    restore: &Restore,
    kept: &[PathBuf],
    removal: &Removal,
    left: &[String],
) -> String {
    let mut text = "\n".to_owned();
    for path in kept {
        text += &format!("Kept what was there in {}.\n", path.display());
    }
    for change in &restore.set.changes {
        let verb = if change.new.is_some() { "Put back" } else { "Removed" };
        text += &format!("{verb} {}.\n", change.path().display());
    }
    text += &match removal {
        Removal::Package(name) => format!("Removed the package {name}.\n"),
        Removal::Files => "Removed the client's files.\n".to_owned(),
        Removal::Stays | Removal::Gone => String::new(),
    };
    for file in left {
        text += &format!("Left {file}, which was changed since.\n");
    }
    if text.trim().is_empty() {
        text = "Nothing had to be put back: all is as before.\n".to_owned();
    }
    text
}

/// A path as one types it.
pub(super) fn quoted(path: &Path) -> String {
    shell_words::quote(&path.to_string_lossy()).into_owned()
}
