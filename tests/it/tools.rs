//! `lsdistcc` against volunteers good and bad, with the C one as judge; `update-distcc-symlinks` on
//! trees of its own.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use makepkg_distcc::protocol::limits::Limits;
use makepkg_distcc::protocol::reply::{Reply, encode_reply};
use makepkg_distcc::protocol::request::{Request, RequestDecoder};
use makepkg_distcc::protocol::version::Version;

const LSDISTCC: &str = env!("CARGO_BIN_EXE_lsdistcc");
const THEIR_LSDISTCC: &str = "/usr/bin/lsdistcc";
const SYMLINKS: &str = env!("CARGO_BIN_EXE_update-distcc-symlinks");

/// Whoever the access list and the like would give a daemon no right to be.
const NOBODY: u32 = 65_534;

/// A volunteer on loopback that treats each connection as `serve` does; gives its port. It ends
/// with the test program.
fn volunteer(serve: fn(TcpStream)) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            serve(stream.unwrap());
        }
    });
    port
}

/// Reads a whole request; `None` if the client went away before.
fn request(stream: &mut TcpStream) -> Option<Request> {
    let limits = Limits { newest: Version::Pump, ..Limits::default() };
    let mut decoder = RequestDecoder::new(&limits);
    let mut bytes = [0; 4096];
    loop {
        let count = stream.read(&mut bytes).unwrap();
        if count == 0 {
            return None;
        }
        if let Some(request) = decoder.push(&bytes[..count]).unwrap() {
            return Some(request);
        }
    }
}

/// A volunteer as it should be: it has `gcc`, and nothing else.
fn good(mut stream: TcpStream) {
    let Some(request) = request(&mut stream) else { return };
    let reply = match request.argv[0].as_slice() {
        b"gcc" => Reply {
            object: b"an object".to_vec(),
            dependencies: b"hello.o: hello.c\n".to_vec(),
            ..Reply::default()
        },
        _ => Reply { status: 110 << 8, stderr: b"failed to exec".to_vec(), ..Reply::default() },
    };
    // The client may have had enough already.
    drop(stream.write_all(&encode_reply(request.version, request.echo, &reply)));
}

fn answers_in_the_wrong_version(mut stream: TcpStream) {
    if let Some(request) = request(&mut stream) {
        drop(stream.write_all(&encode_reply(Version::Lzo, 2 + request.echo, &Reply::default())));
    }
}

fn hangs_up(mut stream: TcpStream) {
    drop(request(&mut stream));
}

fn talks_nonsense(mut stream: TcpStream) {
    drop(request(&mut stream));
    drop(stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n"));
}

fn promises_the_moon(mut stream: TcpStream) {
    drop(request(&mut stream));
    drop(stream.write_all(b"DONE00000001STAT00000000SERR00000000SOUT00000000DOTOffffffff"));
}

fn says_nothing(mut stream: TcpStream) {
    drop(request(&mut stream));
    // Until the client gives up.
    drop(stream.read(&mut [0]));
}

fn refused_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn run(program: &str, port: u16, args: &str) -> Output {
    let mut command = Command::new(program);
    command.arg(format!("-r{port}")).args(args.split_whitespace());
    command.output().unwrap()
}

/// What a program prints, in order of the alphabet, without its port, and its exit code.
fn hosts(program: &str, port: u16, args: &str) -> (Vec<String>, Option<i32>) {
    let output = run(program, port, args);
    let text = String::from_utf8(output.stdout).unwrap().replace(&format!(":{port}"), ":PORT");
    let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
    lines.sort();
    (lines, output.status.code())
}

/// Asserts that both programs say `expected`.
fn assert_both(port: u16, args: &str, expected: &[&str]) {
    let ours = hosts(LSDISTCC, port, args);
    assert_eq!(ours, hosts(THEIR_LSDISTCC, port, args), "{args}");
    assert_eq!(ours.0, expected, "{args}");
}

#[test]
fn lsdistcc_lists_volunteers_as_the_c_program_does() {
    let port = volunteer(good);
    assert_both(port, "127.0.0.1", &["127.0.0.1:PORT"]);
    assert_both(port, "-x -n localhost 127.0.0.1", &["127.0.0.1:PORT", "127.0.0.1:PORT"]);
    assert_both(port, "-pgcc 127.0.0.1", &["127.0.0.1:PORT"]);
    assert_both(port, "-P2 -pgcc 127.0.0.1", &["127.0.0.1:PORT,lzo"]);
    assert_both(port, "-P3 -pgcc 127.0.0.1", &["127.0.0.1:PORT,lzo,cpp"]);
    assert_both(port, "-pnone 127.0.0.1", &[]);
    assert_both(port, "-x -P3 -pnone 127.0.0.1", &["127.0.0.1:PORT,lzo,cpp,down"]);
    assert_both(port, "-pnone -k0 127.0.0.1", &["127.0.0.1:PORT"]);
}

#[test]
fn lsdistcc_compares_addresses_with_the_first_hosts() {
    let port = volunteer(good);
    let list = "127.0.0.1 128.0.0.1 127.0.0.2";
    let expected = ["127.0.0.1:PORT", "127.0.0.2:PORT,down"].map(str::to_owned);
    assert_eq!(hosts(LSDISTCC, port, &format!("-x -m8 {list}")).0, expected);
    let expected = ["127.0.0.1:PORT".to_owned()];
    assert_eq!(hosts(LSDISTCC, port, &format!("-x -m31 {list}")).0, expected);
}

#[test]
fn lsdistcc_tells_hosts_that_refuse_from_names_that_do_not_exist() {
    let port = refused_port();
    assert_both(port, "127.0.0.1", &[]);
    assert_both(port, "-x 127.0.0.1 no-such-host.invalid", &["127.0.0.1:PORT,down"]);
    assert_both(port, "-c0 127.0.0.1", &["127.0.0.1:PORT"]);
    assert_both(port, "-x no-such-host.invalid", &[]);
    assert_both(port, "-x no-such-host%d.invalid", &[]);
    // No volunteer is up, yet this is what 3.4 does, and what scripts go by is the output.
    assert_eq!(hosts(LSDISTCC, port, "127.0.0.1").1, Some(0));
    assert_eq!(hosts(LSDISTCC, port, "no-such-host.invalid").1, Some(1));
}

#[test]
fn lsdistcc_takes_no_bad_volunteer_for_a_good_one() {
    let bad: [fn(TcpStream); 5] =
        [answers_in_the_wrong_version, hangs_up, talks_nonsense, promises_the_moon, says_nothing];
    for serve in bad {
        let port = volunteer(serve);
        let (lines, code) = hosts(LSDISTCC, port, "-x -pgcc -k200 127.0.0.1");
        assert_eq!((lines, code), (vec!["127.0.0.1:PORT,down".to_owned()], Some(0)));
    }
}

#[test]
fn lsdistcc_says_why_when_asked() {
    let port = volunteer(good);
    let output = run(LSDISTCC, port, "-v -pnone 127.0.0.1");
    let told = String::from_utf8(output.stderr).unwrap();
    let last = told.lines().last().unwrap();
    assert!(
        last.ends_with(": 127.0.0.1 does not answer: the compiler's exit code is 110"),
        "{told}"
    );
}

#[test]
fn lsdistcc_reaches_ipv6_hosts() {
    let Ok(listener) = TcpListener::bind("[::1]:0") else {
        eprintln!("this machine has no IPv6");
        return;
    };
    let port = listener.local_addr().unwrap().port();
    for name in ["::1", "[::1]"] {
        assert_eq!(hosts(LSDISTCC, port, name), (vec!["[::1]:PORT".to_owned()], Some(0)));
    }
}

#[test]
fn lsdistcc_prints_a_latency_behind_each_host() {
    let port = volunteer(good);
    let (lines, _) = hosts(LSDISTCC, port, "-l -pgcc 127.0.0.1");
    let (host, latency) = lines[0].split_once(' ').unwrap();
    assert_eq!(host, "127.0.0.1:PORT");
    latency.parse::<u32>().unwrap();
}

#[test]
fn lsdistcc_answers_what_it_does_not_understand_with_its_usage_on_stdout() {
    for bad in ["--help", "-p", "-m32", "-P4", "-z"] {
        let ours = Command::new(LSDISTCC).arg(bad).output().unwrap();
        let theirs = Command::new(THEIR_LSDISTCC).arg(bad).output().unwrap();
        assert_eq!(ours.status.code(), theirs.status.code(), "{bad}");
        for output in [ours, theirs] {
            assert!(String::from_utf8_lossy(&output.stdout).starts_with("Usage: lsdistcc ["));
            assert_eq!(output.stderr, b"");
        }
    }
    let help = Command::new(LSDISTCC).arg("--help").output().unwrap();
    insta::assert_snapshot!(String::from_utf8(help.stdout).unwrap(), @r"
    Usage: lsdistcc [OPTION]... [FORMAT | HOST...]

    Prints the hosts on which a distcc daemon answers, in the form of a host list.

    FORMAT names a series of hosts by the number in it: distcc%d (the default) is
    distcc1, distcc2 and so on, to the first name that does not exist. HOSTs are
    names or addresses, and only they are asked.

    Values are written right behind their letter. Numbers in [] are used without.

     Which hosts
      -d   put the domain of this machine behind FORMAT
      -gN  go on after N names of a series that do not exist [0]
      -mN  only addresses whose first N bits are those of the first host's [0]
      -oN  look up N names more than one at a time [1]
      -rN  TCP port [3632]

     What they must do
      -pC  compile a small program with the compiler C (else: take a connection)
      -PN  protocol: 1 plain, 2 lzo, 3 lzo,cpp [1]

     How long that may take
      -tN  all of it, in seconds; 0 is for ever [7]
      -hN  a look-up before it is asked again, in milliseconds [500]
      -cN  a connection, in milliseconds; 0: make none [900]
      -kN  the compile, in milliseconds; 0: make none [1500]

     What is printed
      -l   how many milliseconds each host took
      -n   addresses in place of names
      -v   what is being done, on stderr
      -x   hosts that exist but do not answer too, with ,down

    The exit status is 0 if any name exists, and 1 if none does.
    ");
}

/// A root directory with programs of these names in `usr/bin`.
fn tree(names: &[&str]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let bin = root.path().join("usr/bin");
    std::fs::create_dir_all(&bin).unwrap();
    for name in names {
        std::fs::File::create(bin.join(name)).unwrap();
        std::fs::set_permissions(bin.join(name), PermissionsExt::from_mode(0o755)).unwrap();
    }
    root
}

fn symlinks(root: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(SYMLINKS);
    command.arg("--root").arg(root).args(args);
    command
}

/// Status, stdout and stderr as one text, without what differs from run to run.
fn told(output: &Output, root: &Path) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr)
        .lines()
        .map(|line| match line.split_once("] ") {
            Some((_, text)) => format!("{text}\n"),
            None => format!("{line}\n"),
        })
        .collect::<String>();
    let code = output.status.code().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    format!("[{code}]\n{stdout}------- stderr -------\n{stderr}")
        .replace(root.to_str().unwrap(), "ROOT")
}

fn names_in(dir: PathBuf) -> BTreeSet<String> {
    let entries = std::fs::read_dir(dir).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn both_masquerade_directories_are_filled_and_every_link_works() {
    let root = tree(&["distcc", "gcc", "g++", "x86_64-pc-linux-gnu-gcc-15.2.1", "gcc-ar", "ls"]);
    let output = symlinks(root.path(), &[]).output().unwrap();
    insta::assert_snapshot!(told(&output, root.path()), @r"
    [0]
    g++
    gcc
    x86_64-pc-linux-gnu-gcc-15.2.1
    ------- stderr -------
    ");
    let distcc = root.path().join("usr/bin/distcc").canonicalize().unwrap();
    for farm in ["usr/lib/distcc", "usr/lib/distcc/bin"] {
        for name in ["gcc", "g++", "x86_64-pc-linux-gnu-gcc-15.2.1"] {
            let link = root.path().join(farm).join(name);
            assert_eq!(link.canonicalize().unwrap(), distcc, "{link:?}");
        }
    }
    assert_eq!(names_in(root.path().join("usr/lib/distcc/bin")).len(), 3);
}

#[test]
fn links_of_compilers_that_went_away_go_too_and_a_dry_run_says_so_first() {
    let root = tree(&["distcc", "gcc", "gcc-11"]);
    assert!(symlinks(root.path(), &[]).output().unwrap().status.success());
    std::fs::remove_file(root.path().join("usr/bin/gcc-11")).unwrap();
    std::fs::copy(root.path().join("usr/bin/gcc"), root.path().join("usr/bin/gcc-12")).unwrap();
    let dry = symlinks(root.path(), &["--dry-run"]).output().unwrap();
    insta::assert_snapshot!(told(&dry, root.path()), @r"
    [0]
    remove ROOT/usr/lib/distcc/gcc-11
    link ROOT/usr/lib/distcc/gcc-12 -> ../../bin/distcc
    remove ROOT/usr/lib/distcc/bin/gcc-11
    link ROOT/usr/lib/distcc/bin/gcc-12 -> ../../../bin/distcc
    ------- stderr -------
    ");
    let farm = root.path().join("usr/lib/distcc/bin");
    assert!(names_in(farm.clone()).contains("gcc-11"), "a dry run changes nothing");
    assert!(symlinks(root.path(), &[]).output().unwrap().status.success());
    assert_eq!(names_in(farm).into_iter().collect::<Vec<_>>(), ["gcc", "gcc-12"]);
}

#[test]
fn listing_changes_nothing_and_needs_no_distcc() {
    let root = tree(&["clang", "clang-14"]);
    let output = symlinks(root.path(), &["--list"]).output().unwrap();
    assert_eq!(told(&output, root.path()), "[0]\nclang\nclang-14\n------- stderr -------\n");
    assert!(!root.path().join("usr/lib").exists());
}

#[test]
fn another_prefix_has_its_own_directories() {
    let root = tree(&["gcc"]);
    std::fs::rename(root.path().join("usr"), root.path().join("opt")).unwrap();
    let output = symlinks(root.path(), &["--prefix", "/opt"]).output().unwrap();
    insta::assert_snapshot!(told(&output, root.path()), @r"
    [0]
    gcc
    ------- stderr -------
    Warning: /opt/bin/distcc is missing: the links lead nowhere
    ");
    assert!(root.path().join("opt/lib/distcc/bin/gcc").is_symlink());
}

#[test]
fn a_user_is_told_to_become_root() {
    let root = tree(&["distcc", "gcc"]);
    std::fs::set_permissions(root.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let lib = root.path().join("usr/lib/distcc");
    std::fs::create_dir_all(&lib).unwrap();
    std::fs::set_permissions(&lib, PermissionsExt::from_mode(0o555)).unwrap();
    // The build directory need not be open to others; a copy is.
    let program = root.path().join("program");
    std::fs::copy(SYMLINKS, &program).unwrap();
    let mut command = Command::new(&program);
    command.arg("--root").arg(root.path());
    if nix::unistd::geteuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    insta::assert_snapshot!(told(&command.output().unwrap(), root.path()), @r"
    [1]
    ------- stderr -------
    ERROR: cannot update ROOT/usr/lib/distcc: Permission denied (os error 13); run it as root: sudo update-distcc-symlinks
    ");
}

#[test]
fn the_help_of_update_distcc_symlinks() {
    let help = Command::new(SYMLINKS).arg("--help").output().unwrap();
    insta::assert_snapshot!(String::from_utf8(help.stdout).unwrap(), @r"
    Makes a link to distcc for each compiler in PREFIX/bin, in both masquerade
    directories: PREFIX/lib/distcc (compilers that distccd may run) and
    PREFIX/lib/distcc/bin (first in PATH, it makes a build use distcc). Links whose
    compiler is gone are removed; whatever else is there stays. Prints the names
    linked

    Usage: update-distcc-symlinks [OPTIONS]

    Options:
          --prefix <DIR>  Where compilers, distcc and the directories are [default:
                          /usr]
          --root <DIR>    Take DIR for the root directory (packaging, chroots)
                          [default: /]
          --dry-run       Print what would be linked and removed, and change nothing
          --list          Print the names of the compilers found, and change nothing
      -h, --help          Print help
      -V, --version       Print version
    ");
    let version = Command::new(SYMLINKS).arg("--version").output().unwrap();
    let version = String::from_utf8(version.stdout).unwrap();
    assert_eq!(version, makepkg_distcc::base::version::banner("update-distcc-symlinks"));
}
