//! Host lists: samples on file, the C client's answers, and any text.

use std::fmt::Write as _;
use std::process::{Command, Stdio};

use makepkg_distcc::hosts::list::{HostList, parse};
use makepkg_distcc::hosts::spec::{HostSpec, ProtocolWish, Transport};
use proptest::prelude::*;

fn describe(list: &HostList) -> String {
    let mut text = String::new();
    for host in &list.hosts {
        let HostSpec { transport, slots, .. } = host;
        writeln!(text, "{}\n  {transport:?}, {slots} slots", host.text).unwrap();
        let (wish, settled) = (host.protocol, host.settled_protocol());
        write!(text, "  {wish:?} -> {settled:?}, {}, {}", host.lock_name(), host.rest_name())
            .unwrap();
        if host.down {
            text.push_str(", down");
        }
        if let Some(auth) = &host.auth {
            write!(text, ", auth {auth:?}").unwrap();
        }
        writeln!(text, "\n  printed: {host}").unwrap();
    }
    let HostList { randomize, zeroconf, local_slots, local_cpp_slots, .. } = list;
    writeln!(text, "randomize {randomize}, zeroconf {zeroconf}").unwrap();
    writeln!(text, "local slots {local_slots}, for cpp {local_cpp_slots}").unwrap();
    for note in &list.notes {
        writeln!(text, "note: {note}").unwrap();
    }
    text
}

#[test]
fn every_list_on_file_is_read_as_it_should_be() {
    insta::glob!("../fixtures/hosts", "*.hosts", |path| {
        let text = std::fs::read_to_string(path).unwrap();
        let list = parse(&text).unwrap();
        insta::with_settings!({ description => text, omit_expression => true }, {
            insta::assert_snapshot!(describe(&list));
        });
    });
}

#[test]
fn every_bad_list_on_file_is_refused_with_what_to_write() {
    insta::glob!("../fixtures/hosts/bad", "*.hosts", |path| {
        let text = std::fs::read_to_string(path).unwrap();
        let error = parse(&text).unwrap_err();
        insta::with_settings!({ omit_expression => true }, {
            insta::assert_snapshot!(error);
        });
    });
}

#[test]
fn a_limit_before_the_port_is_the_limit_and_one_behind_it_wins() {
    let hosts = parse("192.168.10.2/5:3635 192.168.10.2:3635/5 h/3:1/7").unwrap().hosts;
    assert_eq!(hosts[0].transport, hosts[1].transport);
    assert_eq!(hosts[0].slots, 5);
    assert_eq!(hosts[2].slots, 7);
}

#[test]
fn no_text_is_a_list_of_no_hosts() {
    for text in ["", " \t\r\n\x0c", "# nothing\n#", "--localslots=3"] {
        assert_eq!(parse(text).unwrap().hosts, []);
    }
}

#[test]
fn hosts_that_were_discovered_join_the_list() {
    let mut list = parse("a +zeroconf --localslots=9").unwrap();
    list.extend("10.0.0.3:3632/8\n[fe80::3]:3632/4\n").unwrap();
    let names: Vec<&str> = list.hosts.iter().map(HostSpec::display_host).collect();
    assert_eq!(names, ["a", "10.0.0.3", "fe80::3"]);
    assert_eq!(list.local_slots, 9);
}

/// Lists to ask the C client about: all that its parser treats in its own way.
const ASKED: &str = "h=5 | [::1]=5 | h:1=5 | h/3:1/7 | angry/44:300 | @angry:/usr/sbin/distccd,lzo \
    | u@h/3:cmd | u@h:cmd/3 | a@b@c | h/-1 | h/0 | h: | h:,lzo | h:1x | h/3x | h/x \
    | localhost/2,lzo | localhost/x | localhost | localhost,lzo | localhost/0 | [::1 | [::1]x | [] \
    | --localslots/3 h | --localslots_cpp=5 h | --foo | h,lzofoo | h,lzo,cpp | h,cpp | h,lzo, \
    | h,,lzo | h,LZO | h,down | h,auth | h,auth=x | h:1,lzo/5 | h/4,lzo/5 | ::1 | h;1 | h#c \
    | h,lzo#c | h,lzo #c | a b | /4 | :1 | ,lzo | @ | @h | @h: | @h: x | u@h:: | angry:: | mbp@ \
    | h:99999999999 | h/ 4 | h: 4 | h/+4 | h:+4 | h:-4 | h/4 /4 | localhostx | localhost:99 \
    | u@h,lzo/4 | u@h/4,lzo | u@h/4x,lzo | @@ | u@/4 | [::1]:3/4,lzo | [::1]/4:3 | fe80::1%eth0 \
    | [fe80::1%eth0]:1 | h/4:300/2,lzo | h/0x4 | h:0x10 | h:010 | h/010 | h,down,lzo,cpp | h[1 \
    | h:1/ | \"h\" | -- h | -- | --randomize=3 h | --localslotsX h | --localslots=3x h \
    | --localslots_cpp=3,lzo h | --localslots=-3 h | --localslots_cpp=0 h | @user@h \
    | @h/2:foo,lzo | u@h:foo/bar/4 | u@h:foo bar | u@h,lzo:foo | h/4,lzo:44 | u@[::1]:x";

/// The C client's own words on a list: the sum of its limits, or no answer.
fn asked_of_the_c_client(list: &str) -> Option<i64> {
    let mut distcc = Command::new("/usr/bin/distcc");
    distcc.arg("-j").env_clear().env("DISTCC_HOSTS", list).env("HOME", "/nonexistent");
    let output = distcc.stdin(Stdio::null()).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().parse().ok()
}

#[test]
fn the_c_client_reads_the_same_lists_with_the_same_slots() {
    let Ok(version) = Command::new("/usr/bin/distcc").arg("--version").output() else { return };
    if !version.stdout.starts_with(b"distcc 3.4 x86_64") {
        return;
    }
    for list in ASKED.split(" | ").map(str::trim) {
        let ours = parse(list)
            .ok()
            .map(|list| list.hosts.iter().map(|host| i64::from(host.slots)).sum::<i64>());
        assert_eq!(ours, asked_of_the_c_client(list), "`{list}`");
    }
}

fn names() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z0-9][a-z0-9.-]{0,12}",
        "10\\.[0-9]{1,2}\\.0\\.[0-9]{1,3}",
        Just("fe80::1%eth0".to_owned()),
        Just("::1".to_owned()),
    ]
}

fn transports() -> impl Strategy<Value = Transport> {
    let user = proptest::option::of("[a-z]{1,8}");
    let command = proptest::option::of("[a-z/.-]{1,12}");
    let named = names().prop_filter("localhost is another transport", |host| host != "localhost");
    prop_oneof![
        Just(Transport::Local),
        (named, 1u16..).prop_map(|(host, port)| Transport::Tcp { host, port }),
        (user, names(), command).prop_map(|(user, host, command)| Transport::Ssh {
            user,
            host,
            command
        }),
    ]
}

fn specs() -> impl Strategy<Value = HostSpec> {
    let wish = prop_oneof![
        Just(ProtocolWish::Best),
        Just(ProtocolWish::Plain),
        Just(ProtocolWish::Lzo),
        Just(ProtocolWish::Pump),
        Just(ProtocolWish::Mirror),
    ];
    let auth = proptest::option::of(proptest::option::of("[a-z.]{0,9}"));
    (transports(), 1i32..=65_535, wish, any::<bool>(), auth).prop_map(
        |(transport, slots, protocol, down, auth)| {
            let local = transport == Transport::Local;
            let protocol = if local { ProtocolWish::Best } else { protocol };
            let (down, auth) = if local { (false, None) } else { (down, auth) };
            HostSpec { transport, slots, protocol, down, auth, text: String::new() }
        },
    )
}

proptest! {
    #[test]
    fn a_printed_spec_is_read_back(spec in specs()) {
        let text = spec.to_string();
        let list = parse(&text).unwrap();
        prop_assert_eq!(&list.notes, &Vec::<String>::new());
        prop_assert_eq!(list.hosts, [HostSpec { text, ..spec }]);
    }

    #[test]
    fn what_is_read_prints_to_something_that_reads_the_same(
        text in "([a-c:/,=@#\\[\\] 0-9-]|lzo|cpp|down|localhost|\\n|,lzo|/4|:36){0,12}",
    ) {
        let Ok(list) = parse(&text) else { return Ok(()) };
        for host in list.hosts {
            let printed = host.to_string();
            let again = parse(&printed);
            prop_assert!(again.is_ok(), "{text:?} -> {printed:?}: {again:?}");
            let again = again.unwrap().hosts.remove(0);
            prop_assert_eq!(HostSpec { text: host.text.clone(), ..again }, host);
        }
    }

    #[test]
    fn any_text_is_a_list_or_an_error(text in "\\PC{0,60}") {
        let _outcome = parse(&text);
    }

    #[test]
    fn lock_names_stay_in_their_directory(text in "([a-z./@:,\\[\\]]|\\.\\./){1,20}") {
        for host in parse(&text).map(|list| list.hosts).unwrap_or_default() {
            prop_assert!(!host.lock_name().contains('/'), "{}", host.lock_name());
        }
    }
}
