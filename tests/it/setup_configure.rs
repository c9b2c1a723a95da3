//! `distcc-setup configure` and `undo` on files of the test's own: what they write, what they leave
//! alone, and that a configuration is never half of one thing and half of another.

use std::fs::Permissions;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::farm::{Farm, SYSTEM_PATH};
use crate::support::output::Output;
use crate::support::sources;
use crate::support::volunteer::Side;

const SETUP: &str = env!("CARGO_BIN_EXE_distcc-setup");
/// The article's hosts: twice 9 + 5 + 5 + 3 slots are 44 jobs.
const HOSTS: &str = "localhost/9 192.168.10.2/5 192.168.10.3/5 192.168.10.4/3";
/// Longest that a prompt may take to come; only a test that fails waits so long.
const PATIENCE: Duration = Duration::from_secs(60);
/// A user who may not write what root owns.
const NOBODY: u32 = 65534;

/// A directory with `makepkg.conf`, a home, and a chroot, all of them anyone's to reach.
struct Place {
    top: tempfile::TempDir,
}

impl Place {
    fn new(config: &[u8]) -> Self {
        let place = Self { top: tempfile::tempdir().unwrap() };
        std::fs::set_permissions(place.top.path(), Permissions::from_mode(0o755)).unwrap();
        for dir in ["home", "tmp", "root/etc"] {
            std::fs::create_dir_all(place.path(dir)).unwrap();
        }
        std::fs::set_permissions(place.path("tmp"), Permissions::from_mode(0o1777)).unwrap();
        copy_program(&place.path("distcc-setup"));
        place.write("makepkg.conf", config);
        place
    }

    fn stock(name: &str) -> Self {
        Self::new(&stock(name))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.top.path().join(name)
    }

    fn write(&self, name: &str, content: &[u8]) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    fn text(&self, name: &str) -> String {
        String::from_utf8(self.read(name)).unwrap()
    }

    /// `distcc-setup` with `words`, not run yet.
    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(self.path("distcc-setup"));
        command.args(words).current_dir(self.top.path()).env_clear();
        command.env("PATH", SYSTEM_PATH).env("HOME", self.path("home")).env("LC_ALL", "C");
        command.env("TMPDIR", self.path("tmp")).stdin(Stdio::null());
        command
    }

    /// Runs it; the place's own name is `TOP` in what it printed.
    fn run(&self, words: &[&str]) -> Output {
        self.tidy(self.command(words).output().unwrap().into())
    }

    fn tidy(&self, output: Output) -> Output {
        let top = self.top.path().to_str().unwrap();
        let tidy = |text: String| text.replace(top, "TOP");
        Output { stdout: tidy(output.stdout), stderr: tidy(output.stderr), ..output }
    }

    /// `configure` of `makepkg.conf` with the article's hosts.
    fn configure(&self, words: &[&str]) -> Output {
        self.run(&[&["configure", "--config", "makepkg.conf", "--hosts", HOSTS], words].concat())
    }

    fn undo(&self, words: &[&str]) -> Output {
        self.run(&[&["undo", "--config", "makepkg.conf"], words].concat())
    }

    /// What bash has after the files were read.
    fn values(&self, files: &[&str]) -> String {
        let mut script = String::new();
        for file in files {
            script += &format!("source ./{file} || exit; ");
        }
        script += "printf '%s\\n' \"${BUILDENV[*]}\" \"$DISTCC_HOSTS\" \"$MAKEFLAGS\"";
        let mut bash = Command::new("bash");
        let output: Output = bash
            .args(["--norc", "-c", &script])
            .current_dir(self.top.path())
            .env_clear()
            .env("PATH", SYSTEM_PATH)
            .output()
            .unwrap()
            .into();
        output.success().stdout
    }

    /// Runs of `configure` that are kept for the files of this home.
    fn runs(&self) -> Vec<PathBuf> {
        let dir = self.path("home/.local/state/distcc-setup");
        let entries = std::fs::read_dir(dir).into_iter().flatten();
        let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.retain(|path| !path.ends_with("lock"));
        paths.sort();
        paths
    }

    fn assert_no_litter(&self, dir: &str) {
        let entries = std::fs::read_dir(self.path(dir)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let litter: Vec<_> = names.filter(|name| name.starts_with(".distcc-")).collect();
        assert!(litter.is_empty(), "{litter:?}");
    }
}

/// A copy of the program that anyone can reach. Another process makes it: a descriptor of ours, open
/// for writing while another test forks, would be in the way of running it.
fn copy_program(to: &Path) {
    assert!(Command::new("cp").arg(SETUP).arg(to).status().unwrap().success());
}

fn stock(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/makepkg_conf");
    let path = path.join(name);
    std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display())).unwrap()
}

const STOCKS: [&str; 2] = ["arch-pacman-6.conf", "arch-pacman-7.conf"];

/// A terminal with `command` in it.
struct Terminal {
    child: Child,
    master: std::fs::File,
    seen: String,
}

impl Terminal {
    fn start(mut command: Command) -> Self {
        let pty = nix::pty::openpty(None, None).unwrap();
        let stream = || Stdio::from(pty.slave.try_clone().unwrap());
        command.stdin(stream()).stdout(stream()).stderr(stream());
        let child = command.spawn().unwrap();
        drop((command, pty.slave));
        nix::fcntl::fcntl(
            &pty.master,
            nix::fcntl::FcntlArg::F_SETFL(nix::fcntl::OFlag::O_NONBLOCK),
        )
        .unwrap();
        Self { child, master: OwnedFd::into(pty.master), seen: String::new() }
    }

    /// Reads until `text` has been shown.
    #[track_caller]
    fn until(&mut self, text: &str) -> &mut Self {
        let deadline = Instant::now() + PATIENCE;
        while !self.seen.contains(text) {
            assert!(Instant::now() < deadline, "`{text}` did not come:\n{}", self.seen);
            self.read();
        }
        self
    }

    /// Reads what there is, and says whether there may be more.
    fn read(&mut self) -> bool {
        let mut buffer = [0; 4096];
        match self.master.read(&mut buffer) {
            Ok(0) => false,
            Ok(count) => {
                self.seen += &String::from_utf8_lossy(&buffer[..count]);
                true
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                std::thread::sleep(Duration::from_millis(5));
                true
            }
            // The other end is closed.
            Err(_) => false,
        }
    }

    fn answer(&mut self, line: &str) -> &mut Self {
        self.master.write_all(format!("{line}\n").as_bytes()).unwrap();
        self
    }

    /// Its exit code, and all that was shown.
    fn end(mut self) -> (i32, String) {
        while self.read() {}
        assert!(self.master.as_raw_fd() > 0);
        (self.child.wait().unwrap().code().unwrap(), self.seen.replace('\r', ""))
    }
}

#[test]
fn the_stock_files_get_the_articles_values_and_their_bytes_back() {
    for name in STOCKS {
        let place = Place::stock(name);
        place.configure(&["--in-place", "--yes"]).success();
        let values = place.values(&["makepkg.conf"]);
        let expected = format!("distcc color !ccache check !sign\n{HOSTS}\n-j44\n");
        assert_eq!(values, expected, "{name}");
        place.undo(&[]).success();
        assert_eq!(place.read("makepkg.conf"), stock(name), "{name}");
        assert_eq!(place.runs(), Vec::<PathBuf>::new());
    }
}

#[test]
fn the_diff_shows_three_lines_and_writes_nothing() {
    for name in STOCKS {
        let place = Place::stock(name);
        let output = place.configure(&["--in-place", "--dry-run"]).success();
        insta::assert_snapshot!(format!("in_place_{name}"), output);
        assert_eq!(place.read("makepkg.conf"), stock(name));
        assert!(!place.path("home/.local").exists());
    }
}

#[test]
fn what_is_said_after_writing_tells_what_comes_next() {
    let place = Place::stock(STOCKS[0]);
    let output = place.configure(&["--in-place", "--yes"]).success();
    let said = output.stdout.split_once("\nWrote ").unwrap().1;
    insta::assert_snapshot!(said, @"
    makepkg.conf.

    makepkg now runs up to 44 jobs (-j44) for 22 slots of 4 hosts:
      localhost/9 192.168.10.2/5 192.168.10.3/5 192.168.10.4/3
    ninja, meson, cmake --build and cargo do not read MAKEFLAGS: a PKGBUILD
    gives them their own -j (for cmake, CMAKE_BUILD_PARALLEL_LEVEL does).

    Next:       distcc-setup check --config makepkg.conf
    Take back:  distcc-setup undo --config makepkg.conf
    Old files:  TOP/home/.local/state/distcc-setup/000001
    ");
}

#[test]
fn a_second_run_changes_nothing_and_says_so() {
    let place = Place::stock(STOCKS[1]);
    place.configure(&["--in-place", "--yes"]).success();
    let once = place.read("makepkg.conf");
    let again = place.configure(&["--in-place", "--yes"]).success();
    insta::assert_snapshot!(again, @"
    [exit status: 0]
    ------- stdout -------
    Nothing to do: makepkg has these values already.
      makepkg.conf:48: MAKEFLAGS has -j44
      makepkg.conf:66: BUILDENV has distcc
      makepkg.conf:70: DISTCC_HOSTS has localhost/9 192.168.10.2/5 192.168.10.3/5 192.168.10.4/3
    ");
    assert_eq!(place.read("makepkg.conf"), once);
    assert_eq!(place.runs().len(), 1);
    place.undo(&[]).success();
    assert_eq!(place.read("makepkg.conf"), stock(STOCKS[1]));
}

#[test]
fn runs_are_taken_back_one_by_one_or_all_at_once() {
    let place = Place::stock(STOCKS[0]);
    let more = |hosts: &str| {
        place.run(&["configure", "--file", "makepkg.conf", "--hosts", hosts, "--yes"]).success();
        place.read("makepkg.conf")
    };
    let states = [more("10.0.0.1/1"), more("10.0.0.1/2"), more("10.0.0.1/3")];
    let list = place.undo(&["--list"]).success().stdout;
    assert_eq!(list.matches("(changed since)").count(), 2, "{list}");
    assert_eq!(list.matches("(changed by it)").count(), 1, "{list}");
    place.undo(&[]).success();
    assert_eq!(place.read("makepkg.conf"), states[1]);
    let preview = place.undo(&["--all", "--dry-run"]).success().stdout;
    assert!(preview.contains("+#DISTCC_HOSTS=\"\""), "{preview}");
    assert_eq!(place.read("makepkg.conf"), states[1]);
    place.undo(&["--all"]).success();
    assert_eq!(place.read("makepkg.conf"), stock(STOCKS[0]));
    let nothing = place.undo(&[]).success();
    insta::assert_snapshot!(nothing.stdout, @"Nothing to take back: distcc-setup has not changed makepkg.conf or its drop-ins.");
}

#[test]
fn a_file_that_was_changed_since_is_not_put_back() {
    let place = Place::stock(STOCKS[0]);
    place.configure(&["--in-place", "--yes"]).success();
    let mut changed = place.read("makepkg.conf");
    changed.extend(b"PACKAGER='me'\n");
    place.write("makepkg.conf", &changed);
    let refused = place.undo(&[]);
    insta::assert_snapshot!(refused, @"
    [exit status: 2]
    ------- stderr -------
    distcc-setup: TOP/makepkg.conf was changed since:
    --- TOP/makepkg.conf
    +++ TOP/makepkg.conf
    @@ -110,3 +110,4 @@
     SRCEXT='.src.tar.gz'
     
     #PACMAN_AUTH=()
    +PACKAGER='me'
    So nothing was put back of: distcc-setup configure --config makepkg.conf --hosts 'localhost/9 192.168.10.2/5 192.168.10.3/5 192.168.10.4/3' --in-place --yes
    Take your change out again, or use --force, which puts the old content back
    and keeps what is there now beside it.
    ");
    assert_eq!(place.read("makepkg.conf"), changed);
    place.undo(&["--force"]).success();
    assert_eq!(place.read("makepkg.conf"), stock(STOCKS[0]));
    assert_eq!(place.read("makepkg.conf.before-undo"), changed);
}

#[test]
fn a_file_that_is_gone_comes_back_only_by_force() {
    let place = Place::stock(STOCKS[0]);
    std::fs::set_permissions(place.path("makepkg.conf"), Permissions::from_mode(0o640)).unwrap();
    place.configure(&["--in-place", "--yes"]).success();
    std::fs::remove_file(place.path("makepkg.conf")).unwrap();
    let refused = place.undo(&[]);
    assert_eq!(refused.status, 2);
    let refused = refused.says("was removed since:");
    assert!(refused.stderr.lines().count() > 50, "{refused}");
    place.undo(&["--force"]).success();
    assert_eq!(place.read("makepkg.conf"), stock(STOCKS[0]));
    let mode = std::fs::metadata(place.path("makepkg.conf")).unwrap().mode();
    assert_eq!(mode & 0o7777, 0o640);
}

#[test]
fn the_drop_in_of_a_chroot_comes_and_goes_with_its_directory() {
    let place = Place::stock(STOCKS[0]);
    place.write("root/etc/makepkg.conf", &stock(STOCKS[1]));
    let words = ["configure", "--chroot", "root", "--hosts", HOSTS];
    let dry = place.run(&[&words[..], &["-n"]].concat()).success();
    insta::assert_snapshot!(dry.stdout, @r#"
    --- /dev/null
    +++ root/etc/makepkg.conf.d/distcc.conf
    @@ -0,0 +1,13 @@
    +#!/hint/bash
    +#
    +# distcc.conf: makepkg builds with distcc
    +#
    +# Written by `distcc-setup configure`; `distcc-setup undo` takes it back.
    +# makepkg reads this after makepkg.conf and before a user's own file. It has no
    +# effect where distcc is not installed, such as in a chroot.
    +
    +if type -p distcc >/dev/null; then
    +	BUILDENV+=(distcc)
    +	DISTCC_HOSTS="localhost/9 192.168.10.2/5 192.168.10.3/5 192.168.10.4/3"
    +	MAKEFLAGS="-j44"
    +fi

    Note: distcc is not installed in root; builds there stay local until it is.
    "#);
    let done = place.run(&[&words[..], &["-y"]].concat()).success();
    assert!(done.stdout.contains("distcc-setup undo --chroot root"), "{done}");
    assert_eq!(place.read("root/etc/makepkg.conf"), stock(STOCKS[1]));
    let values = place.values(&["root/etc/makepkg.conf", "root/etc/makepkg.conf.d/distcc.conf"]);
    let expected = format!("!distcc color !ccache check !sign distcc\n{HOSTS}\n-j44\n");
    assert_eq!(values, expected);
    let again = place.run(&[&words[..], &["-y"]].concat()).success();
    assert!(again.stdout.starts_with("Nothing to do"), "{again}");
    place.run(&["undo", "--chroot", "root"]).success();
    assert!(!place.path("root/etc/makepkg.conf.d").exists());
}

#[test]
fn the_shipped_drop_in_is_filled_in_and_comes_back() {
    let shipped =
        std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("makepkg.d/distcc.conf")).unwrap();
    let place = Place::stock(STOCKS[1]);
    place.write("root/etc/makepkg.conf", b"BUILDENV=(!distcc)\nMAKEFLAGS='-l7 -j3'\nCFLAGS=\n");
    place.write("root/etc/makepkg.conf.d/distcc.conf", &shipped);
    place.run(&["configure", "--chroot", "root", "--hosts", "10.0.0.1/8", "-y"]).success();
    let files = ["root/etc/makepkg.conf", "root/etc/makepkg.conf.d/distcc.conf"];
    assert_eq!(place.values(&files), "!distcc distcc\n10.0.0.1/8\n-l7 -j16\n");
    place.run(&["configure", "--chroot", "root", "--hosts", "10.0.0.1/9", "-y"]).success();
    assert_eq!(place.values(&files), "!distcc distcc\n10.0.0.1/9\n-l7 -j18\n");
    place.run(&["undo", "--chroot", "root", "--all"]).success();
    assert_eq!(place.read("root/etc/makepkg.conf.d/distcc.conf"), shipped);
}

#[test]
fn a_drop_in_that_somebody_wrote_keeps_what_else_is_in_it() {
    let place = Place::stock(STOCKS[1]);
    let text = "# mine\nif type -p distcc >/dev/null; then\n  BUILDENV+=(distcc color) # on\n  \
                DISTCC_HOSTS='10.0.0.1'\n  MAKEFLAGS=\"-j8 -l20\"\nfi\nexport DISTCC_DIR=/x\n";
    place.write("root/etc/makepkg.conf", &stock(STOCKS[1]));
    place.write("root/etc/makepkg.conf.d/distcc.conf", text.as_bytes());
    place
        .run(&["configure", "--chroot", "root", "--hosts", "10.0.0.1/8 10.0.0.2/4", "-y"])
        .success();
    insta::assert_snapshot!(place.text("root/etc/makepkg.conf.d/distcc.conf"), @r#"
    # mine
    if type -p distcc >/dev/null; then
      BUILDENV+=(distcc color) # on
      DISTCC_HOSTS='10.0.0.1/8 10.0.0.2/4'
      MAKEFLAGS="-j24 -l20"
    fi
    export DISTCC_DIR=/x
    "#);
}

#[test]
fn a_drop_in_does_nothing_where_the_client_is_missing() {
    let place = Place::stock(STOCKS[1]);
    place.write("root/etc/makepkg.conf", &stock(STOCKS[1]));
    let done = place.run(&["configure", "--chroot", "root", "--hosts", HOSTS, "-y"]).success();
    assert!(done.stdout.contains("Note: distcc is not installed in root"), "{done}");
    let script = "source root/etc/makepkg.conf && source root/etc/makepkg.conf.d/distcc.conf && \
                  echo \"${BUILDENV[*]}$MAKEFLAGS\"";
    let mut bash = Command::new("/bin/bash");
    bash.args(["--norc", "-c", script]).current_dir(place.top.path()).env_clear();
    let output: Output = bash.env("PATH", "/nonexistent").output().unwrap().into();
    assert_eq!(output.success().stdout, "!distcc color !ccache check !sign\n");
}

#[test]
fn a_later_drop_in_that_sets_another_value_is_named_or_changed() {
    let place = Place::stock(STOCKS[1]);
    place.write("root/etc/makepkg.conf", &stock(STOCKS[1]));
    let text = b"# site\nMAKEFLAGS=\"-j3 --silent\"\n";
    place.write("root/etc/makepkg.conf.d/site.conf", text);
    let words = ["configure", "--chroot", "root", "--hosts", HOSTS, "--yes"];
    let refused = place.run(&words);
    insta::assert_snapshot!(refused, @r#"
    [exit status: 2]
    ------- stderr -------
    distcc-setup: root/etc/makepkg.conf.d/site.conf:2: this is read later, and sets MAKEFLAGS, too
        MAKEFLAGS="-j3 --silent"
    so nothing was written: write `MAKEFLAGS="-j44 --silent"` there,
    or use --overrides to have it changed as well
    "#);
    assert!(!place.path("root/etc/makepkg.conf.d/distcc.conf").exists());
    place.run(&[&words[..], &["--overrides"]].concat()).success();
    let files = ["makepkg.conf", "makepkg.conf.d/distcc.conf", "makepkg.conf.d/site.conf"];
    let files = files.map(|file| format!("root/etc/{file}"));
    let values = place.values(&files.each_ref().map(String::as_str));
    assert!(values.ends_with("\n-j44 --silent\n"), "{values}");
    place.run(&["undo", "--chroot", "root"]).success();
    assert_eq!(place.read("root/etc/makepkg.conf.d/site.conf"), text);
    assert!(!place.path("root/etc/makepkg.conf.d/distcc.conf").exists());
}

#[test]
fn a_directory_that_is_no_chroot_is_refused() {
    let place = Place::stock(STOCKS[0]);
    let output = place.run(&["configure", "--chroot", "home", "--hosts", HOSTS, "-y"]);
    assert_eq!(output.status, 2);
    insta::assert_snapshot!(output.stderr, @"distcc-setup: home is no chroot: it has no etc/makepkg.conf (name the directory that mkarchroot made, as in `--chroot /var/lib/archbuild/extra-x86_64/root`)");
}

#[test]
fn names_become_addresses_in_a_chroot() {
    let place = Place::stock(STOCKS[1]);
    place.write("root/etc/makepkg.conf", &stock(STOCKS[1]));
    let hosts = "localhost/2 LOCALHOST:3633/5,lzo";
    place.run(&["configure", "--chroot", "root", "--hosts", hosts, "-y"]).success();
    let text = place.text("root/etc/makepkg.conf.d/distcc.conf");
    let v4 = text.contains("DISTCC_HOSTS=\"localhost/2 127.0.0.1:3633/5,lzo\"");
    assert!(v4 || text.contains("DISTCC_HOSTS=\"localhost/2 [::1]:3633/5,lzo\""), "{text}");
    for hosts in ["+zeroconf", "@desk/4", "no-such-host.invalid/4"] {
        let refused = place.run(&["configure", "--chroot", "root", "--hosts", hosts, "-y"]);
        assert_eq!(refused.status, 2, "{refused}");
    }
}

#[test]
fn hosts_come_from_the_settings_and_from_what_is_there() {
    let place = Place::new(b"BUILDENV=(!distcc)\nDISTCC_HOSTS='10.0.0.9/3'\nCFLAGS=\n");
    let output = place.run(&["configure", "--config", "makepkg.conf", "--in-place", "--yes"]);
    output.success();
    assert_eq!(place.values(&["makepkg.conf"]), "distcc\n10.0.0.9/3\n-j6\n");
    let settings = "job_factor = 3\n[[volunteer]]\naddress = '10.0.0.1'\nslots = 8\n\
                    [[volunteer]]\naddress = 'fd00::7'\nport = 3633\n";
    place.write("home/.config/distcc/setup.toml", settings.as_bytes());
    place.run(&["configure", "--config", "makepkg.conf", "--in-place", "--yes"]).success();
    let expected = "distcc\n10.0.0.1/8 [fd00::7]:3633\n-j36\n";
    assert_eq!(place.values(&["makepkg.conf"]), expected);
    place.run(&["configure", "--config", "makepkg.conf", "--yes", "--jobs", "5"]).success();
    assert!(place.values(&["makepkg.conf"]).ends_with("-j5\n"));
}

#[test]
fn without_hosts_the_error_says_what_to_write() {
    let place = Place::stock(STOCKS[0]);
    let output = place.run(&["configure", "--config", "makepkg.conf", "--in-place", "--yes"]);
    assert_eq!(output.status, 2);
    insta::assert_snapshot!(output.stderr, @r#"distcc-setup: no hosts are known: name them from the most to the least powerful, each with its slots, as in --hosts "localhost/9 192.168.10.2/5", or write [[volunteer]] entries into /etc/distcc/setup.toml"#);
    for hosts in ["", "10.0.0.1/x", "--randomize", "10.0.0.1/0"] {
        let words = ["configure", "--config", "makepkg.conf", "--yes", "--hosts", hosts];
        assert_eq!(place.run(&words).status, 2, "{hosts}");
    }
    assert_eq!(place.read("makepkg.conf"), stock(STOCKS[0]));
}

#[test]
fn a_file_that_is_not_there_is_an_error_with_its_name() {
    let place = Place::new(b"");
    for words in [["--config", "none/x.conf"], ["--file", "none.conf"]] {
        let output = place.run(&["configure", words[0], words[1], "--yes", "--hosts", HOSTS]);
        assert_eq!(output.status, 2);
        assert!(output.stderr.contains(&format!("{} cannot be read", words[1])), "{output}");
    }
}

#[test]
fn hosts_that_are_there_are_not_taken_without_a_word() {
    let place = Place::new(b"DISTCC_HOSTS=10.0.0.1\n");
    let output = place.run(&["configure", "--config", "makepkg.conf"]);
    assert_eq!(output.status, 2);
    insta::assert_snapshot!(output.stderr, @"distcc-setup: no hosts are named, and stdin is no terminal, so nobody can be asked for them (--hosts names them, --yes takes those of DISTCC_HOSTS); nothing was written");
}

#[test]
fn nobody_to_ask_is_an_error_that_says_so() {
    let place = Place::stock(STOCKS[0]);
    let output = place.configure(&["--in-place"]);
    assert_eq!(output.status, 2);
    insta::assert_snapshot!(output.stderr, @"distcc-setup: stdin is no terminal, so nobody can be asked; nothing was written (--yes writes without asking, --dry-run only shows)");
    assert_eq!(place.read("makepkg.conf"), stock(STOCKS[0]));
}

/// `configure` of `makepkg.conf` at a terminal.
fn at_terminal(place: &Place, words: &[&str]) -> Terminal {
    let words = [&["configure", "--config", "makepkg.conf", "--in-place"], words].concat();
    Terminal::start(place.command(&words))
}

#[test]
fn the_answer_no_writes_nothing() {
    let place = Place::stock(STOCKS[0]);
    for answer in ["n", "no", "\u{4}"] {
        let mut terminal = at_terminal(&place, &["--hosts", HOSTS]);
        terminal.until("Write this? [Y/n] ").answer(answer);
        let (code, seen) = terminal.end();
        assert_eq!(code, 1, "{seen}");
        assert!(seen.ends_with("Nothing was written.\n"), "{seen}");
        assert!(seen.contains("\x1b[32m+MAKEFLAGS=\"-j44\"\x1b[m\n"), "{seen:?}");
    }
    assert_eq!(place.read("makepkg.conf"), stock(STOCKS[0]));
    assert_eq!(place.runs(), Vec::<PathBuf>::new());
}

#[test]
fn enter_is_a_yes_and_what_is_unclear_is_asked_again() {
    let place = Place::stock(STOCKS[0]);
    let mut terminal = at_terminal(&place, &["--hosts", HOSTS]);
    terminal.until("Write this? [Y/n] ").answer("what");
    terminal.until("Answer y or n.").answer("");
    let (code, seen) = terminal.end();
    assert_eq!(code, 0, "{seen}");
    assert!(place.values(&["makepkg.conf"]).ends_with("-j44\n"));
}

#[test]
fn hosts_are_asked_for_until_they_can_be_read() {
    let place = Place::stock(STOCKS[0]);
    place.write("root/etc/makepkg.conf", &stock(STOCKS[1]));
    let words = ["configure", "--chroot", "root", "--in-place"];
    let mut terminal = Terminal::start(place.command(&words));
    terminal.until("192.168.10.3/5: ").answer("10.0.0.1/x");
    terminal.until("is no number of slots").answer("10.0.0.1/6");
    terminal.until("Write this? [Y/n] ").answer("y");
    assert_eq!(terminal.end().0, 0);
    assert!(place.values(&["root/etc/makepkg.conf"]).ends_with("\n10.0.0.1/6\n-j12\n"));
    let mut terminal = Terminal::start(place.command(&[&words[..], &["--jobs", "7"]].concat()));
    terminal.until("[10.0.0.1/6]: ").answer("");
    terminal.until("Write this? [Y/n] ").answer("y");
    assert_eq!(terminal.end().0, 0);
    assert!(place.values(&["root/etc/makepkg.conf"]).ends_with("\n10.0.0.1/6\n-j7\n"));
}

#[test]
fn a_file_that_changes_while_we_ask_is_left_alone() {
    let place = Place::stock(STOCKS[0]);
    let mut terminal = at_terminal(&place, &["--hosts", HOSTS]);
    terminal.until("Write this? [Y/n] ");
    place.write("makepkg.conf", b"CFLAGS=\n");
    terminal.answer("y");
    let (code, seen) = terminal.end();
    assert_eq!(code, 2, "{seen}");
    assert!(seen.contains("was changed by somebody else since it was read"), "{seen}");
    assert_eq!(place.read("makepkg.conf"), b"CFLAGS=\n");
}

#[test]
fn no_color_takes_the_colours_away() {
    let place = Place::stock(STOCKS[0]);
    let words = ["configure", "--config", "makepkg.conf", "--in-place", "-n", "--hosts", HOSTS];
    let mut command = place.command(&words);
    command.env("NO_COLOR", "1");
    let (code, seen) = Terminal::start(command).end();
    assert_eq!(code, 0);
    assert!(seen.contains("\n+MAKEFLAGS=\"-j44\"\n") && !seen.contains('\x1b'), "{seen:?}");
}

fn access_list(path: &Path) -> String {
    let output = Command::new("getfacl").arg("-cp").arg(path).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_link_stays_one_and_its_file_keeps_owner_mode_and_access_list() {
    let place = Place::stock(STOCKS[0]);
    std::fs::rename(place.path("makepkg.conf"), place.path("root/real.conf")).unwrap();
    symlink("root/real.conf", place.path("makepkg.conf")).unwrap();
    let real = place.path("root/real.conf");
    std::fs::set_permissions(&real, Permissions::from_mode(0o604)).unwrap();
    if nix::unistd::geteuid().is_root() {
        std::os::unix::fs::chown(&real, Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let mut setfacl = Command::new("setfacl");
    let has_lists = setfacl.args(["-m", "u:1234:r"]).arg(&real).status().unwrap().success();
    let facts = || {
        let meta = std::fs::metadata(&real).unwrap();
        (meta.mode(), meta.uid(), meta.gid(), has_lists.then(|| access_list(&real)))
    };
    let before = facts();
    let done = place.configure(&["--in-place", "--yes"]).success();
    assert!(done.stdout.contains("makepkg.conf is a link; TOP/root/real.conf"), "{done}");
    assert_eq!(
        std::fs::read_link(place.path("makepkg.conf")).unwrap(),
        Path::new("root/real.conf")
    );
    assert_eq!(facts(), before);
    assert!(place.values(&["makepkg.conf"]).ends_with("-j44\n"));
    place.undo(&[]).success();
    assert_eq!((facts(), place.read("makepkg.conf")), (before, stock(STOCKS[0])));
}

#[test]
fn bytes_that_are_no_text_stay() {
    let mut config = b"# caf\xe9 \xff\xfe\r\nPACKAGER='J\xf6rg'\n".to_vec();
    config.extend(stock(STOCKS[0]));
    let place = Place::new(&config);
    let dry = place.configure(&["--in-place", "--dry-run"]).success();
    assert!(!dry.stdout.contains('\u{fffd}'), "{dry}");
    place.configure(&["--in-place", "--yes"]).success();
    let now = place.read("makepkg.conf");
    assert!(now.starts_with(&config[..30]));
    place.undo(&[]).success();
    assert_eq!(place.read("makepkg.conf"), config);
}

#[test]
fn a_configuration_that_makepkg_cannot_read_is_not_touched() {
    let place = Place::new(b"BUILDENV=(!distcc\n");
    let output = place.configure(&["--in-place", "--yes"]);
    assert_eq!(output.status, 2);
    insta::assert_snapshot!(output.stderr, @"distcc-setup: makepkg.conf:1: unexpected EOF while looking for matching `)'");
}

#[test]
fn a_value_that_no_edit_reaches_is_an_error_and_nothing_is_written() {
    let place = Place::new(b"");
    place.write("other.conf", b"readonly MAKEFLAGS='-j1'\n");
    let other = place.path("other.conf");
    let config = format!("BUILDENV=(!distcc)\nsource {}\nCFLAGS=\n", other.display());
    place.write("makepkg.conf", config.as_bytes());
    let output = place.configure(&["--in-place", "--yes"]);
    assert_eq!(output.status, 2);
    insta::assert_snapshot!(output.stderr, @"distcc-setup: MAKEFLAGS would still be `-j1` and not have -j44: TOP/other.conf:1 has the last word, and it cannot be edited for that by a program; nothing was written");
    assert_eq!(place.text("makepkg.conf"), config);
}

#[test]
fn a_return_before_what_would_be_written_is_named_with_its_line() {
    let config = "BUILDENV=(!distcc)\n[[ -d /nonexistent ]] ||\n  return 0\n#MAKEFLAGS=\"-j2\"\n";
    let place = Place::new(config.as_bytes());
    let output = place.configure(&["--in-place", "--yes"]);
    assert_eq!(output.status, 2);
    insta::assert_snapshot!(output.stderr, @r#"
    distcc-setup: makepkg.conf:3: makepkg stops reading this file here
        return 0
    so what would be written behind it has no effect, and nothing was written:
    take it out, or write this above it, and try again
        MAKEFLAGS="-j44"
        DISTCC_HOSTS="localhost/9 192.168.10.2/5 192.168.10.3/5 192.168.10.4/3"
    "#);
    assert_eq!(place.text("makepkg.conf"), config);
    // Only one that runs is in the way.
    let config = config.replace("-d /nonexistent", "-d /");
    place.write("makepkg.conf", config.as_bytes());
    place.configure(&["--in-place", "--yes"]).success();
}

#[test]
fn a_value_that_another_file_gives_is_overridden_at_the_end() {
    let place = Place::new(b"");
    place.write("other.conf", b"BUILDENV=(color !distcc)\nMAKEFLAGS='-l3'\n");
    let config =
        format!("BUILDENV=(distcc)\nsource {}\nCFLAGS=\n", place.path("other.conf").display());
    place.write("makepkg.conf", config.as_bytes());
    place.configure(&["--in-place", "--yes"]).success();
    insta::assert_snapshot!(place.values(&["makepkg.conf"]), @"
    color !distcc distcc
    localhost/9 192.168.10.2/5 192.168.10.3/5 192.168.10.4/3
    -j44 -l3
    ");
    assert!(place.text("makepkg.conf").starts_with(&config));
}

#[test]
fn a_file_finds_what_is_beside_it() {
    let place = Place::new(b"");
    place.write("etc/base.conf", b"MAKEFLAGS='-l3'\n");
    place.write("etc/own", b"BUILDENV=(color !distcc)\n");
    let config = b"set -e\n. \"${BASH_SOURCE[0]%/*}/base.conf\"\n. \"${MAKEPKG_CONF%/*}/own\"\n";
    place.write("etc/makepkg.conf", config);
    let words = ["configure", "--config", "etc/makepkg.conf", "--hosts", HOSTS, "--yes"];
    place.run(&words).success();
    insta::assert_snapshot!(place.text("etc/makepkg.conf"), @r#"
    set -e
    . "${BASH_SOURCE[0]%/*}/base.conf"
    . "${MAKEPKG_CONF%/*}/own"
    MAKEFLAGS="-j44 -l3"
    BUILDENV=(distcc)
    DISTCC_HOSTS="localhost/9 192.168.10.2/5 192.168.10.3/5 192.168.10.4/3"
    "#);
}

#[test]
fn a_directory_that_depends_on_where_one_is_keeps_nothing() {
    let place = Place::stock(STOCKS[0]);
    for (home, state) in [("home", "state"), ("", ""), ("", "state")] {
        let mut command = place.command(&["configure", "--config", "makepkg.conf", "--in-place"]);
        command.args(["--yes", "--hosts", HOSTS]).env("HOME", home).env("XDG_STATE_HOME", state);
        let output = place.tidy(command.output().unwrap().into());
        assert_eq!(output.status, 2);
        insta::allow_duplicates! {
            insta::assert_snapshot!(output.stderr, @"distcc-setup: HOME is not set, so what `distcc-setup undo` needs cannot be kept; nothing was changed (set HOME or XDG_STATE_HOME to an absolute path)");
        }
        assert!(!place.path("home/.local").exists() && !place.path("state").exists());
    }
    assert_eq!(place.read("makepkg.conf"), stock(STOCKS[0]));
}

#[test]
fn output_that_is_lost_is_an_error() {
    let place = Place::new(b"");
    for (words, full, status) in [
        (vec!["completions", "bash"], true, 2),
        (vec!["configure", "--config", "makepkg.conf", "--hosts", HOSTS, "-n"], true, 2),
        (vec!["completions", "bash"], false, 0),
    ] {
        let mut command = place.command(&words);
        let (read, write) = std::io::pipe().unwrap();
        drop(read);
        let full_disk = std::fs::File::options().write(true).open("/dev/full").unwrap();
        command.stdout(if full { Stdio::from(full_disk) } else { Stdio::from(write) });
        let output: Output = command.output().unwrap().into();
        assert_eq!(output.status, status, "{words:?}: {output}");
        assert_eq!(output.stderr.contains("not all of the output"), full, "{output}");
    }
}

#[test]
fn what_would_command_a_terminal_is_not_passed_on_in_errors() {
    let place = Place::new(b"");
    let name = "\u{1b}[2J.conf";
    for words in [["--config", name], ["--file", name], ["--chroot", name]] {
        let output = place.run(&["configure", words[0], words[1], "--yes", "--hosts", HOSTS]);
        assert_eq!(output.status, 2);
        assert!(output.stderr.contains("\\u{1b}[2J.conf"), "{output}");
        assert!(!output.stderr.contains('\u{1b}'), "{output}");
    }
}

/// As a user who owns nothing here.
fn as_nobody(mut command: Command) -> Command {
    if nix::unistd::geteuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

#[test]
fn what_may_not_be_written_is_an_error_with_the_command_to_run() {
    let place = Place::stock(STOCKS[0]);
    let mut state = place.command(&["configure", "--config", "makepkg.conf", "--in-place"]);
    state.args(["--yes", "--hosts", HOSTS]).env("XDG_STATE_HOME", place.path("tmp"));
    std::fs::set_permissions(place.top.path(), Permissions::from_mode(0o555)).unwrap();
    let output: Output = as_nobody(state).output().unwrap().into();
    std::fs::set_permissions(place.top.path(), Permissions::from_mode(0o755)).unwrap();
    let output = place.tidy(output);
    assert_eq!(output.status, 2);
    insta::assert_snapshot!(output.stderr, @"
    distcc-setup: makepkg.conf cannot be written: Permission denied (os error 13)
    distcc-setup: run it as root: sudo distcc-setup configure --config makepkg.conf --in-place --yes --hosts 'localhost/9 192.168.10.2/5 192.168.10.3/5 192.168.10.4/3'
    ");
    assert_eq!(place.read("makepkg.conf"), stock(STOCKS[0]));
}

#[test]
fn nothing_is_written_where_undo_could_not_be_kept() {
    let place = Place::stock(STOCKS[0]);
    place.write("home/.local/state", b"a file");
    let output = place.configure(&["--in-place", "--yes"]);
    assert_eq!(output.status, 2);
    insta::assert_snapshot!(output.stderr, @"distcc-setup: TOP/home/.local/state/distcc-setup cannot be written: Not a directory (os error 20); what `distcc-setup undo` needs is kept there, so nothing was changed");
    assert_eq!(place.read("makepkg.conf"), stock(STOCKS[0]));
}

#[test]
fn twenty_at_once_are_as_one() {
    let place = Place::stock(STOCKS[0]);
    let words = ["configure", "--config", "makepkg.conf", "--in-place", "--yes", "--hosts", HOSTS];
    let start = |_| place.command(&words).stdout(Stdio::piped()).spawn().unwrap();
    let children: Vec<Child> = (0..20).map(start).collect();
    let outputs = children.into_iter().map(|child| child.wait_with_output().unwrap().into());
    let outputs: Vec<Output> = outputs.map(Output::success).collect();
    let wrote = outputs.iter().filter(|output| output.stdout.contains("\nWrote ")).count();
    assert_eq!(wrote, 1);
    assert_eq!(place.runs().len(), 1);
    place.undo(&[]).success();
    assert_eq!(place.read("makepkg.conf"), stock(STOCKS[0]));
}

#[test]
fn twenty_at_once_with_hosts_of_their_own_are_one_after_the_other() {
    let place = Place::stock(STOCKS[0]);
    let start = |number: usize| {
        let hosts = format!("10.0.0.1/{}", number + 1);
        let words =
            ["configure", "--config", "makepkg.conf", "--in-place", "-y", "--hosts", &hosts];
        place.command(&words).stdout(Stdio::null()).spawn().unwrap()
    };
    let children: Vec<Child> = (0..20).map(start).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let values = place.values(&["makepkg.conf"]);
    let mut lines = values.lines().skip(1);
    let slots: u32 = lines.next().unwrap().strip_prefix("10.0.0.1/").unwrap().parse().unwrap();
    assert_eq!(lines.next().unwrap(), format!("-j{}", 2 * slots));
    assert_eq!(place.runs().len(), 20);
    place.undo(&["--all"]).success();
    assert_eq!(place.read("makepkg.conf"), stock(STOCKS[0]));
    place.assert_no_litter("");
}

#[test]
fn killed_at_any_moment_it_leaves_the_old_file_or_the_new_one() {
    let place = Place::stock(STOCKS[0]);
    place.configure(&["--in-place", "--yes"]).success();
    let (old, new) = (stock(STOCKS[0]), place.read("makepkg.conf"));
    place.undo(&[]).success();
    let words = ["configure", "--config", "makepkg.conf", "--in-place", "--yes", "--hosts", HOSTS];
    let mut both = [0, 0];
    for round in 0..60 {
        let began = Instant::now();
        let mut child = place.command(&words).stdout(Stdio::null()).spawn().unwrap();
        // Each round a little later, until one comes to its end; then from the start again.
        let wait = Duration::from_micros(2500 * (round % 30));
        while began.elapsed() < wait {
            std::thread::sleep(Duration::from_micros(100));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let now = place.read("makepkg.conf");
        assert!(now == old || now == new, "{}", String::from_utf8_lossy(&now));
        both[usize::from(now == new)] += 1;
        place.undo(&[]).success();
        assert_eq!(place.read("makepkg.conf"), old, "round {round}");
    }
    // The last one is let live, whatever the others left.
    place.configure(&["--in-place", "--yes"]).success();
    assert_eq!(place.read("makepkg.conf"), new);
    assert_eq!(place.runs().len(), 1);
    assert!(both[0] > 0, "{both:?}");
}

#[test]
fn undo_killed_at_any_moment_can_be_called_again() {
    let place = Place::stock(STOCKS[0]);
    for round in 0..20 {
        place.configure(&["--in-place", "--yes"]).success();
        let words = ["undo", "--config", "makepkg.conf"];
        let mut child = place.command(&words).stdout(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_micros(500 * round));
        child.kill().unwrap();
        child.wait().unwrap();
        place.undo(&[]).success();
        assert_eq!(place.read("makepkg.conf"), stock(STOCKS[0]), "round {round}");
    }
}

#[test]
fn a_state_that_is_half_there_stops_nobody() {
    let place = Place::stock(STOCKS[0]);
    let state = "home/.local/state/distcc-setup";
    place.write(&format!("{state}/new-99/0.before"), b"half");
    place.write(&format!("{state}/old-000001/run.json"), b"{");
    place.configure(&["--in-place", "--yes"]).success();
    assert_eq!(place.runs().len(), 1);
    place.write(&format!("{state}/000001/run.json"), b"{\"format\": 1, \"when\"");
    let output = place.undo(&[]);
    assert_eq!(output.status, 2);
    insta::assert_snapshot!(output.stderr, @"distcc-setup: TOP/home/.local/state/distcc-setup/000001 cannot be used: run.json: EOF while parsing an object at line 1 column 20");
}

#[test]
fn the_users_own_file_is_made_and_removed() {
    let place = Place::new(b"");
    let words = ["configure", "--user", "--hosts", HOSTS, "--yes"];
    place.run(&words).success();
    let file = "home/.config/pacman/makepkg.conf";
    insta::assert_snapshot!(place.text(file), @r#"
    MAKEFLAGS="-j44"
    BUILDENV+=(distcc)
    DISTCC_HOSTS="localhost/9 192.168.10.2/5 192.168.10.3/5 192.168.10.4/3"
    "#);
    let again = place.run(&words).success();
    assert!(again.stdout.starts_with("Nothing to do"), "{again}");
    place.run(&["undo", "--user"]).success();
    assert!(!place.path("home/.config").exists());
    place.write("home/.makepkg.conf", b"PACKAGER=me\n");
    place.run(&words).success();
    let text = place.text("home/.makepkg.conf");
    assert!(text.starts_with("PACKAGER=me\n") && text.contains("-j44"), "{text}");
    place.run(&["undo", "--user"]).success();
    assert_eq!(place.text("home/.makepkg.conf"), "PACKAGER=me\n");
}

/// The machine's `/etc` and `/var/lib` replaced by directories of the place, in a mount namespace.
struct Machine {
    place: Place,
}

impl Machine {
    /// With Debian's makepkg 6.0, or, if `version` says so, with what a later one reads its
    /// configuration by.
    fn new(config: &[u8], version: Option<&str>) -> Self {
        let place = Place::new(b"");
        place.write("etc/makepkg.conf", config);
        for file in ["group", "nsswitch.conf", "ld.so.cache"] {
            std::fs::copy(Path::new("/etc").join(file), place.path("etc").join(file)).unwrap();
        }
        let home = place.path("home").display().to_string();
        let passwd =
            format!("root:x:0:0::{home}:/bin/sh\nmaker:x:{NOBODY}:{NOBODY}::{home}:/bin/sh\n");
        place.write("etc/passwd", passwd.as_bytes());
        std::fs::create_dir(place.path("lib")).unwrap();
        if let Some(version) = version {
            let text = format!("declare -r makepkg_version='{version}'\n");
            place.write("makepkg", text.as_bytes());
            let text = b"for c in \"$MAKEPKG_CONF.d\"/*.conf; do source_safe \"$c\"; done\n";
            place.write("library/util/config.sh", text);
        }
        Self { place }
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut script = String::from("set -e; cd \"$1\"; shift\n");
        let mounts = [
            ("etc", "/etc"),
            ("lib", "/var/lib"),
            ("makepkg", "/usr/bin/makepkg"),
            ("library", "/usr/share/makepkg"),
        ];
        for (own, real) in mounts.iter().filter(|(own, _)| self.place.path(own).exists()) {
            script += &format!("mount --bind {own} {real}\n");
        }
        script += "exec ./distcc-setup \"$@\"\n";
        let mut command = self.place.command(&[]);
        let mut unshare = Command::new("unshare");
        unshare.args(["--map-root-user", "--mount"]);
        if nix::unistd::geteuid().is_root() {
            unshare = Command::new("unshare");
            unshare.arg("--mount");
        }
        unshare.args(["sh", "-c", &script, "sh"]).arg(self.place.top.path()).args(words);
        unshare.current_dir(self.place.top.path()).env_clear().stdin(Stdio::null());
        unshare.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command = unshare;
        command
    }

    fn run(&self, words: &[&str]) -> Output {
        self.place.tidy(self.command(words).output().unwrap().into())
    }
}

const MAIN: &[u8] = b"MAKEFLAGS='-j2 -l9'\nBUILDENV=(!distcc color)\n#DISTCC_HOSTS=\"\"\n";
const OWN: &[u8] = b"# mine\nPACKAGER=me\nexport MAKEFLAGS=\"-j3\"\n";

#[test]
fn the_users_own_file_that_overrides_is_named_with_its_line() {
    let machine = Machine::new(MAIN, None);
    machine.place.write("home/.makepkg.conf", OWN);
    let refused = machine.run(&["configure", "--hosts", HOSTS, "--yes"]);
    insta::assert_snapshot!(refused, @r#"
    [exit status: 2]
    ------- stderr -------
    distcc-setup: TOP/home/.makepkg.conf:3: this is read later, and sets MAKEFLAGS, too
        export MAKEFLAGS="-j3"
    so nothing was written: write `MAKEFLAGS="-j44"` there,
    or use --overrides to have it changed as well
    "#);
    assert_eq!(machine.place.read("etc/makepkg.conf"), MAIN);
    assert_eq!(machine.place.read("home/.makepkg.conf"), OWN);
}

#[test]
fn the_users_own_file_that_overrides_is_edited_after_a_yes() {
    let machine = Machine::new(MAIN, None);
    machine.place.write("home/.makepkg.conf", OWN);
    for (answer, code) in [("n", 1), ("y", 0)] {
        let mut terminal = Terminal::start(machine.command(&["configure", "--hosts", HOSTS]));
        terminal.until("Change it there, too? [Y/n] ").answer(answer);
        if code == 0 {
            terminal.until("Write this? [Y/n] ").answer("y");
        }
        let (ended, seen) = terminal.end();
        assert_eq!(ended, code, "{seen}");
        assert!(
            seen.contains("TOP") || seen.contains("home/.makepkg.conf:3 is read later"),
            "{seen}"
        );
    }
    let own = machine.place.text("home/.makepkg.conf");
    assert_eq!(own, "# mine\nPACKAGER=me\nexport MAKEFLAGS=\"-j44\"\n");
    // What has no effect is left alone.
    let main = machine.place.text("etc/makepkg.conf");
    assert!(main.starts_with("MAKEFLAGS='-j2 -l9'\nBUILDENV=(distcc color)\n"), "{main}");
    machine.run(&["undo"]).success();
    assert_eq!(machine.place.read("etc/makepkg.conf"), MAIN);
    assert_eq!(machine.place.read("home/.makepkg.conf"), OWN);
}

#[test]
fn with_pacman_7_a_drop_in_is_written_and_no_empty_directory_left() {
    for version in ["6.1.0", "7.0.0", "7.1.0"] {
        let machine = Machine::new(MAIN, Some(version));
        let done = machine.run(&["configure", "--hosts", HOSTS, "--yes"]).success();
        assert!(done.stdout.contains("/etc/makepkg.conf:1 sets MAKEFLAGS, too"), "{done}");
        assert!(done.stdout.contains("Take back:  distcc-setup undo\n"), "{done}");
        let drop_in = machine.place.text("etc/makepkg.conf.d/distcc.conf");
        assert!(drop_in.contains("\tMAKEFLAGS=\"-j44 -l9\"\n"), "{drop_in}");
        assert_eq!(machine.place.read("etc/makepkg.conf"), MAIN);
        machine.run(&["undo"]).success();
        assert!(!machine.place.path("etc/makepkg.conf.d").exists());
        let dir = machine.place.path("lib/distcc-setup");
        assert_eq!(std::fs::metadata(dir).unwrap().mode() & 0o7777, 0o755);
    }
}

#[test]
fn a_directory_that_others_use_stays() {
    let machine = Machine::new(MAIN, Some("7.0.0"));
    machine.place.write("etc/makepkg.conf.d/rust.conf", b"RUSTFLAGS=x\n");
    machine.run(&["configure", "--hosts", HOSTS, "--yes"]).success();
    machine.run(&["undo"]).success();
    let entries: Vec<_> =
        std::fs::read_dir(machine.place.path("etc/makepkg.conf.d")).unwrap().collect();
    assert_eq!(entries.len(), 1, "{entries:?}");
}

#[test]
fn a_drop_in_is_refused_where_makepkg_reads_none() {
    let machine = Machine::new(MAIN, None);
    let refused = machine.run(&["configure", "--hosts", HOSTS, "--yes", "--drop-in"]);
    insta::assert_snapshot!(refused.stderr, @"distcc-setup: makepkg 6.0.2 reads no drop-ins, which came with pacman 6.1 (leave --drop-in away: /etc/makepkg.conf is edited then)");
    assert_eq!(refused.status, 2);
}

#[test]
fn sudo_keeps_what_undo_needs_where_only_root_writes() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let machine = Machine::new(MAIN, None);
    let sudo = |words: &[&str]| -> Output {
        let output = machine.command(words).env("SUDO_USER", "maker").output().unwrap();
        machine.place.tidy(output.into())
    };
    machine.place.write("my.conf", MAIN);
    let words = ["configure", "--file", "my.conf", "--hosts", HOSTS, "--yes"];
    let done = sudo(&words).success();
    assert!(done.stdout.contains("Take back:  sudo distcc-setup undo --file my.conf\n"), "{done}");
    assert!(machine.place.path("lib/distcc-setup/000001").is_dir());
    sudo(&["undo", "--file", "my.conf"]).success();
    assert_eq!(machine.place.read("my.conf"), MAIN);
    for words in [["configure", "--user"], ["undo", "--user"]] {
        let refused = sudo(&words);
        assert_eq!(refused.status, 2);
        assert!(
            refused.stderr.ends_with("about your own file: run it without sudo\n"),
            "{refused}"
        );
    }
    assert!(!machine.place.path("home/.local").exists());
}

#[test]
fn a_read_only_file_system_is_told_from_missing_rights() {
    let machine = Machine::new(MAIN, None);
    let mut command = machine.command(&["configure", "--hosts", HOSTS, "--yes"]);
    let script = command.get_args().nth(3).unwrap().to_str().unwrap().to_owned();
    let args: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
    let read_only = script.replace("exec ", "mount -o remount,bind,ro /etc\nexec ");
    let is_script = |one: &std::ffi::OsString| one.to_str() == Some(&script);
    let mut changed = Command::new(command.get_program());
    changed.args(
        args.iter().map(|one| if is_script(one) { read_only.as_ref() } else { one.as_os_str() }),
    );
    changed.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command = changed;
    let output: Output = command.current_dir(machine.place.top.path()).output().unwrap().into();
    assert_eq!(output.status, 2, "{output}");
    insta::assert_snapshot!(output.stderr, @"
    distcc-setup: /etc/makepkg.conf cannot be written: Read-only file system (os error 30)
    distcc-setup: its file system is mounted read-only: see `findmnt -T /etc/makepkg.conf`
    ");
}

#[test]
fn sudo_reads_and_writes_nothing_that_is_not_the_users() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let machine = Machine::new(MAIN, None);
    machine.place.write("etc/secret", b"MAKEFLAGS=-j3\n");
    let secret = machine.place.path("etc/secret");
    symlink("/etc/secret", machine.place.path("home/.makepkg.conf")).unwrap();
    for mode in [0o600, 0o644] {
        std::fs::set_permissions(&secret, Permissions::from_mode(mode)).unwrap();
        let words = ["configure", "--hosts", HOSTS, "--yes", "--overrides"];
        let output = machine.command(&words).env("SUDO_USER", "maker").output().unwrap();
        let output: Output = output.into();
        assert_eq!(output.status, 2, "{output}");
        assert!(output.stderr.contains("does not belong to maker"), "{output}");
        assert_eq!(machine.place.text("etc/secret"), "MAKEFLAGS=-j3\n");
    }
}

#[test]
fn every_style_of_file_gets_the_values_and_its_bytes_back() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/makepkg_conf");
    let mut files = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut count = 0;
    let mut failures = String::new();
    for file in files.by_ref().filter(|file| file.extension().is_some_and(|end| end == "conf")) {
        let text = std::fs::read(&file).unwrap();
        let place = Place::new(&text);
        place.write("root/etc/makepkg.conf", &text);
        let name = file.file_name().unwrap().to_string_lossy();
        let here = place.configure(&["--in-place", "--yes", "--offline"]);
        let chroot = ["configure", "--chroot", "root", "--hosts", HOSTS, "--yes", "--offline"];
        let there = place.run(&chroot);
        for output in [&here, &there] {
            // What is read-only can only be changed where it is made so.
            let read_only = name == "readonly.conf" && output.stderr.contains("use --in-place");
            if output.status != 0 && !read_only {
                failures += &format!("{name}: {}\n", output.stderr);
            }
        }
        let values = place.values(&["makepkg.conf"]);
        let lines: Vec<_> = values.lines().rev().collect();
        let [makeflags, hosts, buildenv, ..] = lines[..] else { panic!("{name}: {values}") };
        // For ARM they have the port of their target's distccd.
        let ports = [":3633", ":3634", ":3635", ":3636"];
        let plain = ports.iter().fold(hosts.to_owned(), |hosts, port| hosts.replace(port, ""));
        assert!(makeflags.contains("44") && plain == HOSTS, "{name}: {values}");
        assert_eq!(plain != hosts, name.starts_with("archarm"), "{name}: {values}");
        let distcc = buildenv.split(' ').rfind(|word| word.ends_with("distcc"));
        assert_eq!(distcc, Some("distcc"), "{name}: {values}");
        place.undo(&[]).success();
        assert_eq!(place.read("makepkg.conf"), text, "{name}");
        assert_eq!(place.read("root/etc/makepkg.conf"), text, "{name}");
        count += 1;
    }
    assert!(count >= 40, "{count}");
    assert_eq!(failures, "");
}

#[test]
fn native_is_replaced_by_what_it_stands_for_if_asked() {
    let config = "CFLAGS=\"-march=native -O2 \\\n  -pipe\"\nCXXFLAGS=\"$CFLAGS -DX\"\n";
    let place = Place::new(config.as_bytes());
    place.configure(&["--in-place", "--yes"]).success();
    assert!(place.text("makepkg.conf").starts_with(config));
    place.configure(&["--in-place", "--yes", "--march", "replace"]).success();
    let text = place.text("makepkg.conf");
    assert!(text.starts_with("CFLAGS=\"-march=") && !text.contains("=native"), "{text}");
    assert!(text.contains(" -O2 \\\n  -pipe\"\nCXXFLAGS=\"$CFLAGS -DX\"\n"), "{text}");
    let again = place.configure(&["--in-place", "--yes", "--march=replace"]).success();
    assert!(again.stdout.starts_with("Nothing to do"), "{again}");
    place.undo(&["--all"]).success();
    assert_eq!(place.text("makepkg.conf"), config);
}

#[test]
fn makepkg_distributes_with_what_was_written() {
    let farm = Farm::with(Side::Ours);
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/makepkg");
    let config = std::fs::read_to_string(fixtures.join("makepkg.conf")).unwrap();
    let more = "BUILDENV=(!distcc !color !ccache check !sign)\n#DISTCC_HOSTS=\"\"\n\
                OPTIONS=(!strip !debug !lto)\n";
    farm.write("makepkg.conf", &(config + more));
    std::fs::copy(fixtures.join("bzip2/PKGBUILD"), farm.work().join("PKGBUILD")).unwrap();
    sources::unpack("bzip2", &farm.work().join("bzip2"));
    let setup = farm.path("tmp").join("distcc-setup");
    copy_program(&setup);
    if nix::unistd::geteuid().is_root() {
        let file = farm.work().join("makepkg.conf");
        std::os::unix::fs::chown(file, Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let command = format!(
        "{} configure --config makepkg.conf --in-place --yes --hosts '{}'",
        setup.display(),
        farm.hosts("/4")
    );
    farm.unprivileged(&command).output().success();
    assert!(String::from_utf8(farm.read("makepkg.conf")).unwrap().contains("MAKEFLAGS=\"-j8\""));
    let masquerade = farm.public_masquerade(Side::Ours);
    let build = farm.unprivileged("makepkg --config makepkg.conf --force --nodeps --nocheck");
    let build = build.env("PATH", &format!("{}:{SYSTEM_PATH}", masquerade.display()));
    build.env("DISTCC_DIR", farm.path("distcc").to_str().unwrap()).output().success();
    let jobs = farm.volunteers[0].settled_jobs();
    assert!(jobs.iter().filter(|job| job.result == "COMPILE_OK").count() > 2, "{jobs:#?}");
}
