//! `distcc-setup check`: what it says of configurations in roots of the tests' own, in each format.

use std::collections::BTreeSet;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use makepkg_distcc::setup::rules;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::farm::Farm;
use crate::support::output::Output;
use crate::support::ports;
use crate::support::volunteer::{Options, Side};

/// A configuration at which nothing is wrong in a build root.
const GOOD: &str = "\
CARCH=\"x86_64\"
CFLAGS=\"-march=x86-64 -mtune=generic -O2 -pipe\"
CXXFLAGS=\"$CFLAGS\"
LTOFLAGS=\"-flto=auto\"
BUILDENV=(distcc color !ccache check !sign)
DISTCC_HOSTS=\"192.168.10.2/9 localhost/5\"
OPTIONS=(strip docs !libtool !staticlibs emptydirs zipman purge !debug lto)
";

/// A system below a directory: a client, compilers, the masquerade directory.
struct Root {
    dir: TempDir,
}

impl Root {
    fn new(makepkg_conf: &str) -> Self {
        let root = Self { dir: TempDir::with_prefix("check-").unwrap() };
        for name in ["distcc", "gcc", "g++"] {
            root.write(&format!("usr/bin/{name}"), "#!/bin/sh\n");
            let mode = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(root.path(&format!("usr/bin/{name}")), mode).unwrap();
        }
        std::fs::create_dir_all(root.path("usr/lib/distcc/bin")).unwrap();
        for name in ["gcc", "g++"] {
            let link = root.path(&format!("usr/lib/distcc/bin/{name}"));
            symlink("../../../bin/distcc", link).unwrap();
        }
        root.write("etc/makepkg.conf", makepkg_conf);
        std::fs::create_dir_all(root.path("home")).unwrap();
        std::fs::create_dir_all(root.path("work")).unwrap();
        root
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// The program with a clean environment, in an empty directory.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_distcc-setup"));
        command.arg("check").args(arguments).env_clear();
        let path = format!("{}:/usr/bin:/bin", self.path("usr/bin").display());
        command.env("PATH", path).env("HOME", self.path("home"));
        command.current_dir(self.path("work"));
        command
    }

    /// Runs it for this root.
    fn check(&self, arguments: &[&str]) -> Output {
        let root = self.dir.path().to_str().unwrap();
        let mut all = vec!["--offline", "--chroot", root];
        all.extend(arguments);
        self.run(self.command(&all))
    }

    fn run(&self, mut command: Command) -> Output {
        let mut output: Output = command.output().unwrap().into();
        let root = self.dir.path().to_str().unwrap();
        output.stdout = output.stdout.replace(root, "ROOT");
        output.stderr = output.stderr.replace(root, "ROOT");
        output
    }
}

#[test]
fn a_good_configuration_has_nothing_to_mend() {
    let root = Root::new(GOOD);
    insta::assert_snapshot!(root.check(&[]), @"
    [exit status: 0]
    ------- stdout -------
    nothing to mend (volunteers were not asked)
    ");
    root.check(&["--format", "line"]).quiet_success();
}

#[test]
fn a_stock_configuration_is_told_what_it_lacks() {
    let stock = "CARCH=\"x86_64\"\n#MAKEFLAGS=\"-j2\"\nBUILDENV=(!distcc color !ccache check !sign)\n\
                 #DISTCC_HOSTS=\"\"\nOPTIONS=(strip !lto)\n";
    let root = Root::new(stock);
    // Long names of directories break lines elsewhere.
    insta::assert_snapshot!(root.check(&["--format", "line"]), @r#"
    [exit status: 2]
    ------- stdout -------
    ROOT/etc/makepkg.conf:3: distcc-banned: distcc is switched off, so makepkg compiles everything on this machine; write `distcc`, or run: sudo distcc-setup chroot enable ROOT
    ROOT/etc/makepkg.conf:4: hosts-unset: DISTCC_HOSTS is not set and there is no hosts file: nobody is there to send to, and everything is compiled on this machine; write `DISTCC_HOSTS="localhost/9 192.168.10.2/5"` with your own volunteers, or run: sudo distcc-setup chroot enable ROOT
    "#);
}

#[test]
fn warnings_only_count_if_asked_to() {
    let conf = GOOD.replace("BUILDENV=(distcc", "BUILDENV=(distcc colour");
    let root = Root::new(&conf);
    assert_eq!(root.check(&[]).status, 0);
    assert_eq!(root.check(&["--strict"]).status, 1);
    assert_eq!(Root::new(GOOD).check(&["--strict"]).status, 0);
    let conf = conf.replace("/9", "/nine");
    assert_eq!(Root::new(&conf).check(&["--strict"]).status, 2);
}

#[test]
fn notes_are_no_warnings() {
    let root = Root::new(&GOOD.replace("192.168.10.2/9", "192.168.10.2"));
    let output = root.check(&["--strict", "--format", "line"]);
    assert_eq!(output.status, 0);
    assert!(output.stdout.contains("hosts-no-limit"), "{output}");
}

#[test]
fn json_has_all_that_the_text_has() {
    let root = Root::new(&GOOD.replace("(distcc", "(!distcc").replace("-O2", "-march=native"));
    std::fs::remove_file(root.path("usr/lib/distcc/bin/g++")).unwrap();
    insta::assert_snapshot!(root.check(&["--format", "json"]), @r#"
    [exit status: 2]
    ------- stdout -------
    {
      "version": 1,
      "errors": 2,
      "warnings": 1,
      "notes": 0,
      "silenced": 0,
      "findings": [
        {
          "rule": "march-native",
          "severity": "error",
          "place": "ROOT/etc/makepkg.conf",
          "file": "ROOT/etc/makepkg.conf",
          "line": 2,
          "column": 38,
          "end_column": 51,
          "text": "CFLAGS=\"-march=x86-64 -mtune=generic -march=native -pipe\"",
          "message": "each volunteer would read -march=native as its own processor, so a build that distributes is rejected",
          "help": "write what it stands for here: distcc-setup march; or let it be replaced: distcc-setup configure --march=replace"
        },
        {
          "rule": "distcc-banned",
          "severity": "error",
          "place": "ROOT/etc/makepkg.conf",
          "file": "ROOT/etc/makepkg.conf",
          "line": 5,
          "column": 11,
          "end_column": 18,
          "text": "BUILDENV=(!distcc color !ccache check !sign)",
          "message": "distcc is switched off, so makepkg compiles everything on this machine",
          "help": "write `distcc`, or run: sudo distcc-setup chroot enable ROOT",
          "replacement": "distcc"
        },
        {
          "rule": "farm-incomplete",
          "severity": "warning",
          "place": "ROOT/usr/lib/distcc/bin",
          "message": "no link stands for g++, so what calls it compiles on this machine",
          "help": "run: sudo update-distcc-symlinks --root ROOT"
        }
      ]
    }
    "#);
}

#[test]
fn sarif_has_rules_places_and_fixes() {
    let root = Root::new(&GOOD.replace("(distcc", "(!distcc"));
    std::fs::remove_file(root.path("usr/lib/distcc/bin/g++")).unwrap();
    let output = root.check(&["--format", "sarif"]);
    let mut log: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(log["version"], "2.1.0");
    let run = &mut log["runs"][0];
    let listed = run["tool"]["driver"]["rules"].as_array().unwrap().clone();
    assert_eq!(listed.len(), rules::ALL.len());
    for rule in &listed {
        for key in ["shortDescription", "fullDescription", "help"] {
            assert!(!rule[key]["text"].as_str().unwrap().is_empty(), "{rule}");
        }
    }
    for result in run["results"].as_array_mut().unwrap() {
        // It grows with the list of rules.
        let index = result.as_object_mut().unwrap().remove("ruleIndex").unwrap();
        let index = usize::try_from(index.as_u64().unwrap()).unwrap();
        assert_eq!(listed[index]["id"], result["ruleId"]);
    }
    insta::assert_snapshot!(format!("{:#}", run["results"]), @r#"
    [
      {
        "fixes": [
          {
            "artifactChanges": [
              {
                "artifactLocation": {
                  "uri": "file://ROOT/etc/makepkg.conf"
                },
                "replacements": [
                  {
                    "deletedRegion": {
                      "endColumn": 18,
                      "startColumn": 11,
                      "startLine": 5
                    },
                    "insertedContent": {
                      "text": "distcc"
                    }
                  }
                ]
              }
            ],
            "description": {
              "text": "write `distcc`, or run: sudo distcc-setup chroot enable ROOT"
            }
          }
        ],
        "level": "error",
        "locations": [
          {
            "physicalLocation": {
              "artifactLocation": {
                "uri": "file://ROOT/etc/makepkg.conf"
              },
              "contextRegion": {
                "snippet": {
                  "text": "BUILDENV=(!distcc color !ccache check !sign)"
                },
                "startLine": 5
              },
              "region": {
                "endColumn": 18,
                "snippet": {
                  "text": "!distcc"
                },
                "startColumn": 11,
                "startLine": 5
              }
            }
          }
        ],
        "message": {
          "text": "distcc is switched off, so makepkg compiles everything on this machine; write `distcc`, or run: sudo distcc-setup chroot enable ROOT"
        },
        "ruleId": "distcc-banned"
      },
      {
        "fixes": [],
        "level": "warning",
        "locations": [
          {
            "physicalLocation": {
              "artifactLocation": {
                "uri": "file://ROOT/usr/lib/distcc/bin"
              }
            }
          }
        ],
        "message": {
          "text": "no link stands for g++, so what calls it compiles on this machine; run: sudo update-distcc-symlinks --root ROOT"
        },
        "ruleId": "farm-incomplete"
      }
    ]
    "#);
}

#[test]
fn rules_are_silenced_by_setting_and_by_comment() {
    let conf = GOOD.replace("(distcc", "(distcc fancy").replace("-O2", "-march=native");
    let root = Root::new(&conf);
    let shown = |root: &Root| root.check(&["--format", "line"]).stdout;
    assert_eq!(shown(&root).lines().count(), 2);
    let comment = "# distcc-setup: silence buildenv-unknown-word\nBUILDENV";
    root.write("etc/makepkg.conf", &conf.replace("BUILDENV", comment));
    assert!(!shown(&root).contains("fancy"), "{}", shown(&root));
    let behind = conf.replace("!sign)", "!sign) # distcc-setup: silence buildenv-unknown-word");
    root.write("etc/makepkg.conf", &behind);
    assert!(!shown(&root).contains("fancy"), "{}", shown(&root));
    root.write("etc/distcc/setup.toml", "silence = ['march-native']\n");
    root.check(&["--format", "line"]).quiet_success();
    assert!(root.check(&[]).stdout.contains("2 silenced"));
    // What is elsewhere is not meant.
    root.write(
        "etc/makepkg.conf",
        &format!("# distcc-setup: silence buildenv-unknown-word\n{conf}"),
    );
    assert_eq!(shown(&root).lines().count(), 1);
}

#[test]
fn the_users_settings_silence_too() {
    let root = Root::new(&GOOD.replace("(distcc", "(!distcc"));
    assert_eq!(root.check(&[]).status, 2);
    root.write("home/.config/distcc/setup.toml", "silence = ['distcc-banned']\n");
    assert_eq!(root.check(&[]).status, 0);
}

#[test]
fn only_the_rules_that_are_named_are_asked() {
    let root = Root::new("BUILDENV=(!distcc)\n");
    let output = root.check(&["--format", "line", "--only", "hosts-unset,march-native"]);
    assert_eq!(output.stdout.lines().count(), 1, "{output}");
    let output = root.check(&["--only", "march-nativ"]);
    assert_eq!(output.status, 2);
    assert!(output.stderr.contains("'march-native'"), "{output}");
}

#[test]
fn every_rule_is_listed_and_explained() {
    let root = Root::new(GOOD);
    let list = root.run(root.command(&["--list"])).success().stdout;
    for rule in rules::ALL {
        assert!(list.contains(&format!("\n  {} ", rule.id)), "{}", rule.id);
        let text = root.run(root.command(&["--explain", rule.id])).success().stdout;
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert!(text.contains(rule.example), "{text}");
    }
    insta::assert_snapshot!(root.run(root.command(&["--explain", "hosts-empty"])), @r#"
    [exit status: 0]
    ------- stdout -------
    hosts-empty (error): the host list has no host

    makepkg exports DISTCC_HOSTS also if it is empty, and then the client does not
    read its hosts files: everything is compiled on this machine.

    Name the volunteers, or take the line out so that /etc/distcc/hosts is read.

        DISTCC_HOSTS="localhost/9 192.168.10.2/5 192.168.10.3/5"

    To silence it, write `silence = ["hosts-empty"]` into /etc/distcc/setup.toml or
    ~/.config/distcc/setup.toml, or in the line with the fault, or in the one
    before, the comment

        # distcc-setup: silence hosts-empty
    "#);
}

#[test]
fn the_pkgbuild_is_looked_at_and_not_run() {
    let root = Root::new(GOOD);
    let text = "touch ran\npkgname=demo\noptions=(!distcc)\n";
    root.write("work/PKGBUILD", text);
    let output = root.check(&["--format", "line"]).success();
    assert!(output.stdout.starts_with("PKGBUILD:3: package-distcc-off: "), "{output}");
    assert!(!root.path("work/ran").exists());
    root.write("elsewhere", "options=(!makeflags)\n");
    let other = root.path("elsewhere");
    let output = root.check(&["--format", "line", "--pkgbuild", other.to_str().unwrap()]);
    assert!(output.stdout.starts_with("ROOT/elsewhere:1: package-makeflags: "), "{output}");
    let output = root.check(&["--pkgbuild", "gone"]);
    assert_eq!(output.status, 2);
    assert!(output.stderr.starts_with("distcc-setup: gone cannot be read"), "{output}");
}

/// Runs it as the hook does, for a file of a devtools root.
fn hook(root: &Root, environment: &[(&str, &str)]) -> Output {
    root.write(".arch-chroot", "v6\n");
    let conf = root.path("etc/makepkg.conf");
    let mut command = root.command(&["--hook", "--config", conf.to_str().unwrap()]);
    command.envs(environment.iter().copied());
    root.run(command)
}

#[test]
fn the_hook_is_quiet_where_all_is_well_or_distcc_is_off() {
    hook(&Root::new(GOOD), &[]).quiet_success();
    hook(&Root::new("BUILDENV=(!distcc)\nDISTCC_HOSTS=\"\"\n"), &[]).quiet_success();
    hook(&Root::new("DISTCC_HOSTS=\"\"\n"), &[]).quiet_success();
    // What makepkg could not read has stopped it before.
    hook(&Root::new("BUILDENV=(\n"), &[]).quiet_success();
}

#[test]
fn the_hook_says_in_lines_what_concerns_the_build() {
    let root = Root::new(&GOOD.replace("192.168.10.2/9", "desk/9 10.0.0.2/x"));
    root.write("work/PKGBUILD", "options=(!distcc)\n");
    std::fs::remove_file(root.path("usr/lib/distcc/bin/g++")).unwrap();
    insta::assert_snapshot!(hook(&root, &[]), @"
    [exit status: 0]
    ------- stdout -------
    ROOT/etc/makepkg.conf:6: hosts-malformed: host spec `10.0.0.2/x`: `x` is no number of slots; one such word makes the whole list useless; write 1 to 65535, as in `10.0.0.7/8`
    ROOT/usr/lib/distcc/bin: farm-incomplete: no link stands for g++, so what calls it compiles on this machine; run: sudo update-distcc-symlinks --root ROOT
    ");
}

/// What makepkg's hook hears of names that end a build: a line each.
fn names(root: &Root, pkgbuild: Option<&str>) -> Output {
    root.write(".arch-chroot", "v6\n");
    let mut command = Command::new(env!("CARGO_BIN_EXE_distcc-setup"));
    command.args(["__policy", "names"]).arg(root.path("etc/makepkg.conf")).args(pkgbuild);
    command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", root.path("home"));
    command.current_dir(root.path("work"));
    root.run(command)
}

#[test]
fn names_end_a_build_in_a_root_unless_it_compiles_nothing_with_distcc() {
    let root = Root::new(&GOOD.replace("192.168.10.2/9", "desk.invalid/9 127.0.0.1/4"));
    insta::assert_snapshot!(names(&root, None), @"
    [exit status: 0]
    ------- stdout -------
    ROOT/etc/makepkg.conf:6: hosts-by-name: `desk.invalid` is a name, and in a build root it may have no address: each unit is then compiled on this machine; write its address, which this prints: getent hosts desk.invalid, or run on the host: sudo distcc-setup chroot enable ROOT
    ");
    let compiles = "arch=(x86_64)\nbuild() {\n  make\n}\n";
    for (pkgbuild, ends) in [
        (compiles.to_owned(), true),
        (compiles.replace("x86_64", "any"), false),
        (format!("{compiles}options=(!distcc)\n"), false),
        ("arch=(x86_64)\npackage() { :; }\n".to_owned(), false),
    ] {
        root.write("work/PKGBUILD", &pkgbuild);
        let output = names(&root, Some("PKGBUILD")).success();
        assert_eq!(output.stdout.contains("hosts-by-name"), ends, "{pkgbuild}{output}");
    }
    names(&Root::new(GOOD), None).quiet_success();
    names(&Root::new("BUILDENV=(\n"), None).quiet_success();
    let silenced = GOOD.replace("192.168.10.2/9", "desk.invalid/9");
    let silenced =
        silenced.replace("DISTCC_HOSTS=", "# distcc-setup: silence hosts-by-name\nDISTCC_HOSTS=");
    names(&Root::new(&silenced), None).quiet_success();
}

#[test]
fn the_hook_takes_makepkgs_own_variables() {
    let root = Root::new(&(GOOD.to_owned() + "MAKEFLAGS=\"-j2\"\n"));
    let says = |jobs| hook(&root, &[("MAKEFLAGS", jobs)]).success().stdout;
    assert!(says("-j2").contains("etc/makepkg.conf:8: makeflags-low"), "{}", says("-j2"));
    assert!(says("-j99").contains("environment: makeflags-high"), "{}", says("-j99"));
    assert_eq!(says("-j28"), "");
}

#[test]
fn a_configuration_that_cannot_be_read_is_one_error() {
    let root = Root::new("CFLAGS=\"-O2\nBUILDENV=(distcc)\n");
    let output = root.check(&["--format", "line"]);
    assert_eq!(output.status, 2);
    assert_eq!(output.stdout.lines().count(), 1, "{output}");
    assert!(output.stdout.starts_with("ROOT/etc/makepkg.conf:1: config-syntax: "), "{output}");
    std::fs::remove_file(root.path("etc/makepkg.conf")).unwrap();
    let output = root.check(&["--format", "line"]);
    assert!(output.stdout.starts_with("ROOT/etc/makepkg.conf: config-missing: "), "{output}");
}

#[test]
fn drop_ins_and_the_file_that_set_a_value_last_are_named() {
    let root = Root::new(GOOD);
    root.write("etc/makepkg.conf.d/a.conf", "# first\nCFLAGS+=\" --coverage\"\n");
    root.write("etc/makepkg.conf.d/b.conf", "CXXFLAGS=\"$CFLAGS\"\n");
    let output = root.check(&["--format", "line"]);
    assert_eq!(output.stdout.lines().count(), 1, "{output}");
    assert!(
        output.stdout.starts_with("ROOT/etc/makepkg.conf.d/a.conf:2: flags-stay: "),
        "{output}"
    );
}

#[test]
fn a_drop_in_that_asks_for_the_client_is_judged_as_the_chroot_sees_it() {
    let root = Root::new(&GOOD.replace("(distcc", "(!distcc"));
    let guarded = "if type -p distcc >/dev/null; then BUILDENV+=(distcc); fi\n";
    root.write("etc/makepkg.conf.d/distcc.conf", guarded);
    let dir = root.dir.path().to_str().unwrap();
    let on_a_host_without = |arguments: &[&str]| {
        let mut command = root.command(arguments);
        command.env("PATH", root.path("empty"));
        root.run(command)
    };
    on_a_host_without(&["--offline", "--chroot", dir, "--format", "line"]).quiet_success();
    root.write("etc/makepkg.conf.d/distcc.conf", "BUILDENV+=(distcc)\n");
    let output = on_a_host_without(&["--offline", "--chroot", dir, "--format", "line"]);
    assert!(output.stdout.contains("client-missing-on-host"), "{output}");
}

#[test]
fn lint_is_another_name_for_it() {
    let root = Root::new(GOOD);
    let mut command = Command::new(env!("CARGO_BIN_EXE_distcc-setup"));
    command.args(["lint", "--explain", "march-native"]).env_clear();
    assert!(root.run(command).success().stdout.starts_with("march-native (error)"));
}

#[test]
fn the_man_page_lists_every_rule() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("man/distcc-setup-check.1");
    let page = std::fs::read_to_string(path).unwrap().replace("\\-", "-");
    let section = page.split("\n.SH RULES\n").nth(1).unwrap().split("\n.SH ").next().unwrap();
    let lines: Vec<&str> = section.lines().collect();
    let tags = lines.windows(3).filter(|lines| lines[0] == ".TP");
    let listed: BTreeSet<(String, String)> = tags
        .map(|lines| {
            let id = lines[1].strip_prefix(".B ").unwrap();
            (id.to_owned(), lines[2].trim_start_matches("\\&").to_owned())
        })
        .collect();
    let known: BTreeSet<(String, String)> = rules::ALL
        .iter()
        .map(|rule| (rule.id.to_owned(), format!("{} ({}).", rule.summary, rule.severity.word())))
        .collect();
    let differing: Vec<_> = listed.symmetric_difference(&known).collect();
    assert!(differing.is_empty(), "man/distcc-setup-check.1, RULES: {differing:#?}");
}

/// A host list in a root, with volunteers that are asked.
fn asked(hosts: &str) -> Output {
    let root = Root::new(&GOOD.replace("192.168.10.2/9 localhost/5", hosts));
    // The root's compilers are stand-ins: what volunteers have is compared with the real ones.
    for name in ["gcc", "g++"] {
        let link = root.path(&format!("usr/bin/{name}"));
        std::fs::remove_file(&link).unwrap();
        symlink(Path::new("/usr/bin").join(name), link).unwrap();
    }
    let dir = root.dir.path().to_str().unwrap();
    root.run(root.command(&["--chroot", dir, "--format", "line"]))
}

#[test]
fn volunteers_are_asked_and_their_faults_told_at_their_host_specs() {
    let farm = Farm::with(Side::Ours);
    let free = ports::free();
    let good = farm.volunteers[0].address();
    let output = asked(&format!("{good}/4 127.0.0.1:{free}/3 localhost/2"));
    let lines: Vec<&str> = output.stdout.lines().collect();
    assert_eq!(lines.len(), 1, "{output}");
    let begin = "ROOT/etc/makepkg.conf:6: volunteer-down: 127.0.0.1 is up";
    assert!(lines[0].starts_with(begin), "{output}");
    assert!(lines[0].ends_with("sudo systemctl enable --now distccd"), "{output}");
    assert_eq!(output.status, 0);
}

#[test]
fn a_volunteer_that_shuts_us_out_is_told_from_one_that_is_down() {
    let mut farm = Farm::new();
    farm.start(&Options::new(Side::Stock).allow("10.9.8.7"));
    let output = asked(&format!("{}/4 localhost/2", farm.volunteers[0].address()));
    assert!(output.stdout.contains("makepkg.conf:6: volunteer-refuses: "), "{output}");
}
