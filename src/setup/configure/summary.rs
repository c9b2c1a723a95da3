//! What `configure` says: what there is, what a person should know, and what to do next.

use std::path::Path;

use crate::base::disk::{Disk, RealDisk};
use crate::base::env;
use crate::hosts::spec::DEFAULT_PORT;
use crate::setup::configure::Found;
use crate::setup::configure::plan::Plan;
use crate::setup::configure::target::Target;
use crate::setup::configure::wanted::{Setting, Wanted};
use crate::setup::ports::settle::volunteer_command;
use crate::toolchains;

/// The client's name.
const CLIENT: &str = "distcc";

/// What there is to say something about.
#[derive(Clone, Copy)]
pub(super) struct Summary<'a> {
    /// What is written.
    pub(super) target: &'a Target,
    /// The hosts.
    pub(super) found: &'a Found,
    /// The values.
    pub(super) wanted: &'a Wanted,
    /// What is changed.
    pub(super) plan: &'a Plan,
}

impl Summary<'_> {
    /// All values are there already.
    pub(super) fn nothing_to_do(&self) -> String {
        let mut text = "Nothing to do: makepkg has these values already.\n".to_owned();
        for setting in Setting::ALL {
            let place = self.plan.now.position(setting.variable());
            let place = place.map_or_else(String::new, |position| {
                format!("{}:{}: ", position.file.display(), position.line)
            });
            let (variable, value) = (setting.variable(), self.wanted.value(setting));
            text += &format!("  {place}{variable} has {value}\n");
        }
        text + &self.warnings()
    }

    /// What a person should know before the answer.
    pub(super) fn notes(&self) -> String {
        let mut text = String::new();
        for change in &self.plan.changes.changes {
            if change.path().is_symlink() {
                let target = crate::base::rewrite::destination(change.path());
                text += &format!(
                    "Note: {} is a link; {} is changed.\n",
                    change.path().display(),
                    target.display()
                );
            }
        }
        text += &self.overridden();
        text += &self.warnings();
        if text.is_empty() { text } else { format!("\n{text}") }
    }

    /// Values of files that will have no effect any more.
    fn overridden(&self) -> String {
        let changed =
            |path: &Path| self.plan.changes.changes.iter().any(|change| change.path() == path);
        let mut text = String::new();
        for variable in [Setting::Hosts, Setting::Jobs].map(Setting::variable) {
            let now = self.plan.now.position(variable);
            let then = self.plan.then.position(variable);
            if let (Some(now), Some(then)) = (now, then)
                && now.file != then.file
                && !changed(&now.file)
            {
                text += &format!(
                    "Note: {}:{} sets {variable}, too, which has no effect any more.\n",
                    now.file.display(),
                    now.line,
                );
            }
        }
        text
    }

    fn warnings(&self) -> String {
        let mut text = self.found.notes.concat();
        let remote = self.found.hosts.list.hosts.iter().any(|host| !host.is_local());
        if !remote && !self.found.hosts.list.zeroconf {
            text += "Note: no host but this machine; nothing will be distributed.\n";
        }
        if self.found.hosts.list.zeroconf {
            text += "Note: hosts that +zeroconf finds are not counted in -j (--jobs sets it).\n";
        }
        for note in &self.found.hosts.list.notes {
            text += &format!("Note: {note}.\n");
        }
        if self.target.subject.is_chroot() && self.is_in_place() {
            text += "Note: makechrootpkg puts this machine's MAKEFLAGS in the place of those of a \
                     chroot,\nand archbuild all of its makepkg.conf; a drop-in stays.\n";
        }
        if !self.has_client() {
            text += &match self.target.subject.is_chroot() {
                true => format!(
                    "Note: {CLIENT} is not installed in {}; builds there stay local until it is.\n",
                    self.target.subject.root.display()
                ),
                false => format!(
                    "Note: {CLIENT} is not on PATH; makepkg needs it for what is configured here.\n"
                ),
            };
        }
        text
    }

    fn is_in_place(&self) -> bool {
        let main = &self.target.subject.file;
        self.plan.changes.changes.iter().any(|change| change.path() == main)
    }

    fn has_client(&self) -> bool {
        if self.target.subject.is_chroot() {
            return RealDisk.is_executable(&self.target.subject.root.join("usr/bin").join(CLIENT));
        }
        let path = env::PATH.get_nonempty().unwrap_or_else(|| "/usr/bin".into());
        std::env::split_paths(&path).any(|dir| RealDisk.is_executable(&dir.join(CLIENT)))
    }

    /// What makes builds now, and what is next.
    pub(super) fn after(&self, run: &Path) -> String {
        let mut text = "\n".to_owned();
        for change in &self.plan.changes.changes {
            text += &format!("Wrote {}.\n", change.path().display());
        }
        let count = self.found.hosts.list.hosts.len();
        let hosts = if count == 1 { "host" } else { "hosts" };
        text += &format!(
            "\nmakepkg now runs up to {} jobs (-j{}) for {} slots of {count} {hosts}:\n  {}\n",
            self.wanted.jobs,
            self.wanted.jobs,
            self.found.hosts.slots(),
            self.wanted.hosts
        );
        text += "ninja, meson, cmake --build and cargo do not read MAKEFLAGS: a PKGBUILD\n\
                 gives them their own -j (for cmake, CMAKE_BUILD_PARALLEL_LEVEL does).\n";
        if self.target.subject.is_chroot() {
            text += "Copies of this root that makechrootpkg has made get it by makechrootpkg -c.\n";
        }
        let options = self.target_options();
        text += &self.service_for_others();
        text += &format!("\nNext:       distcc-setup check{}\n", self.check_options());
        text += &format!("Take back:  {}distcc-setup undo{options}\n", self.sudo());
        text + &format!("Old files:  {}\n", run.display())
    }

    /// How this machine does for others of its kind what they do for it, where that takes a distccd
    /// of another name and port than people know.
    fn service_for_others(&self) -> String {
        let own = self.found.target.filter(|target| target.port != DEFAULT_PORT);
        let own = own.filter(|target| toolchains::of_this_machine() == Some(*target));
        let own = own.filter(|_| !self.target.subject.is_chroot());
        own.map_or_else(String::new, |target| {
            format!(
                "\nTo compile for other {} machines, too: {}\n",
                target.name,
                volunteer_command(target)
            )
        })
    }

    fn sudo(&self) -> &'static str {
        match nix::unistd::geteuid().is_root() && self.target.subject.user.is_some() {
            true => "sudo ",
            false => "",
        }
    }

    /// The options that name the same target.
    fn target_options(&self) -> String {
        let subject = &self.target.subject;
        match &self.target.only {
            Some(file)
                if subject.request().user_files && Some(file) == subject.user_file().as_ref() =>
            {
                " --user".to_owned()
            }
            Some(file) => format!(" --file {}", quoted(file)),
            None => self.check_options(),
        }
    }

    fn check_options(&self) -> String {
        let subject = &self.target.subject;
        if subject.is_chroot() {
            return format!(" --chroot {}", quoted(&subject.root));
        }
        match subject.file == Path::new("/").join(crate::arch::makepkg::CONFIG) {
            true => String::new(),
            false => format!(" --config {}", quoted(&subject.file)),
        }
    }
}

fn quoted(path: &Path) -> String {
    shell_words::quote(&path.to_string_lossy()).into_owned()
}
