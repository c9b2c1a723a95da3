//! `distcc-setup hosts`: what it shows of volunteers, what it proposes, and what it writes.

use serde_json::Value;

use crate::setup_discover::on_a_network;
use crate::support::farm::Farm;
use crate::support::output::Output;
use crate::support::ports;
use crate::support::volunteer::{Options, Side};

/// The program.
const SETUP: &str = env!("CARGO_BIN_EXE_distcc-setup");

/// Runs `hosts` with these words, as a user who has no setup.toml but that of the farm's home.
fn hosts(farm: &Farm, stats: u16, words: &str) -> Output {
    farm.write("makepkg.conf", "");
    let fixed = format!("--config makepkg.conf --timeout 120 --compiler gcc --stats-port {stats}");
    farm.unprivileged(&format!("./distcc-setup hosts {fixed} {words}")).output()
}

/// A farm whose work directory has the program, where any user may run it.
fn farm() -> Farm {
    let farm = Farm::new();
    std::fs::copy(SETUP, farm.work().join("distcc-setup")).unwrap();
    farm
}

/// A volunteer with a statistics page and so many slots; gives the page's port.
fn start_with_page(farm: &mut Farm, side: Side, jobs: u32) -> u16 {
    let port = ports::free();
    let mut options = Options::new(side).jobs(jobs);
    options.args.extend(["--stats".to_owned(), format!("--stats-port={port}")]);
    farm.start(&options);
    port
}

fn steady(farm: &Farm, text: &str) -> String {
    let ports = farm.volunteers.iter().enumerate();
    ports.fold(text.to_owned(), |text, (at, one)| {
        text.replace(&one.port.to_string(), &format!("PORT{at}"))
    })
}

#[test]
fn slots_are_those_of_the_statistics_page() {
    for side in [Side::Ours, Side::Stock] {
        let mut farm = farm();
        let stats = start_with_page(&mut farm, side, 7);
        let address = farm.volunteers[0].address();
        let output = hosts(&farm, stats, &format!("--format json {address}/2,lzo"));
        assert_eq!(output.status, 0, "{output}");
        let json: Value = serde_json::from_str(&output.stdout).unwrap();
        assert_eq!(json["proposal"], format!("{address}/7,lzo"), "{side:?}");
        let volunteer = &json["volunteers"][0];
        assert_eq!(volunteer["slots"], 7);
        assert!(volunteer["statistics"]["load"].as_f64().is_some(), "{volunteer}");
    }
}

#[test]
fn the_slower_one_comes_last_and_who_is_down_is_left_out() {
    let mut farm = farm();
    let slow = farm.compilers("slow", "sleep 1; exec $real \"$@\"");
    farm.start(&Options::new(Side::Ours).path(&slow).no_sandbox());
    farm.start(&Options::new(Side::Stock));
    farm.start(&Options::new(Side::Ours));
    farm.volunteers[2].stop();
    let output = hosts(&farm, ports::free(), &farm.hosts("/4"));
    assert_eq!(output.status, 0, "{output}");
    let text = steady(&farm, &output.stdout);
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    let rows: Vec<_> = text.lines().take(4).collect();
    assert_eq!(rows[0], "HOST               STATE  LATENCY  SLOTS  LOAD  SPEED  COMPILERS");
    assert!(rows[1].starts_with("127.0.0.1:PORT0/4  up     0."), "{text}");
    assert!(rows[1].ends_with("/s  same"), "{text}");
    assert!(
        rows[3].starts_with("127.0.0.1:PORT2/4  down ") && rows[3].ends_with("  down"),
        "{text}"
    );
    let (_, below) = text.split_once("\n\n").unwrap();
    insta::assert_snapshot!(below, @r#"
    From the most to the least powerful
      DISTCC_HOSTS="127.0.0.1:PORT1/4 127.0.0.1:PORT0/4"
      To use it: sudo distcc-setup hosts --configure
    Left out; `distcc-setup doctor` says what mends that
      127.0.0.1:PORT2/4 (down)
    "#);
}

#[test]
fn without_a_volunteer_that_can_be_used_nothing_is_proposed_or_written() {
    let farm = farm();
    let words = format!("--write --yes localhost/2 127.0.0.1:{}/4", ports::free());
    let output = hosts(&farm, ports::free(), &words);
    assert_eq!(output.status, 2, "{output}");
    assert!(output.stderr.contains("nothing is written"), "{output}");
    assert!(!farm.path("home/.config").exists());
}

#[test]
fn what_is_proposed_is_kept_in_setup_toml_and_found_there_again() {
    let mut farm = farm();
    farm.start(&Options::new(Side::Stock));
    let list = farm.hosts("/3");
    let output = hosts(&farm, ports::free(), &format!("--write --yes {list}"));
    assert_eq!(output.status, 0, "{output}");
    let file = farm.path("home/.config/distcc/setup.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let port = farm.volunteers[0].port;
    let expected = format!("[[volunteer]]\naddress = \"127.0.0.1\"\nport = {port}\nslots = 3\n");
    assert_eq!(text, expected);
    let again = hosts(&farm, ports::free(), "--format json");
    assert_eq!(again.status, 0, "{again}");
    let json: Value = serde_json::from_str(&again.stdout).unwrap();
    assert_eq!(
        (json["source"].as_str(), json["proposal"].as_str()),
        (Some("setup.toml"), Some(&*list))
    );
    let same = hosts(&farm, ports::free(), "--write --yes").success();
    assert!(same.stdout.ends_with("setup.toml has them already.\n"), "{same}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), expected);
    let undo = "./distcc-setup undo --file \"$HOME/.config/distcc/setup.toml\"";
    farm.unprivileged(undo).output().success();
    assert!(!file.exists());
}

#[test]
fn what_is_proposed_is_written_into_makepkgs_configuration() {
    let mut farm = farm();
    farm.start(&Options::new(Side::Ours));
    let stock = "BUILDENV=(!distcc color)\n#MAKEFLAGS=\"-j2\"\n#DISTCC_HOSTS=\"\"\n";
    farm.write("makepkg.conf", stock);
    let list = farm.hosts("/5");
    let hosts = |words: &str| {
        let script = format!("./distcc-setup hosts --config makepkg.conf --compiler gcc {words}");
        farm.unprivileged(&script).output()
    };
    let down = ports::free();
    let refused = hosts(&format!("--configure --yes --timeout 60 127.0.0.1:{down}"));
    assert_eq!(refused.status, 2, "{refused}");
    assert_eq!(farm.read("makepkg.conf"), stock.as_bytes());
    hosts(&format!("--configure --yes --timeout 120 {list}")).success();
    let written = String::from_utf8(farm.read("makepkg.conf")).unwrap();
    let drop_in = farm.work().join("makepkg.conf.d/distcc.conf");
    let all = written + &std::fs::read_to_string(drop_in).unwrap_or_default();
    assert!(all.contains(&format!("DISTCC_HOSTS=\"{list}\"")), "{all}");
    assert!(all.contains("MAKEFLAGS=\"-j10\""), "{all}");
}

#[test]
fn who_announces_itself_is_asked_and_put_in_order_with_this_machine() {
    let script = "distccd --daemon --no-detach --zeroconf --allow-private --user nobody --jobs 6 \
                  --port 3640 --log-stderr";
    on_a_network(script, || {
        let farm = Farm::new();
        farm.write("makepkg.conf", "");
        let words = "hosts --discover --config makepkg.conf --compiler gcc --timeout 120";
        let command = format!("{SETUP} {words} --format json");
        // It answers as soon as it is up.
        let mut output = farm.local(&command).output();
        for _ in 0..20 {
            if output.status == 0 {
                break;
            }
            output = farm.local(&command).output();
        }
        let json: Value =
            serde_json::from_str(&output.stdout).unwrap_or_else(|_| panic!("{output}"));
        assert_eq!(json["source"], "the network");
        let proposal = json["proposal"].as_str().unwrap();
        assert!(proposal.split(' ').any(|word| word == "192.168.78.2:3640/6"), "{proposal}");
        assert!(proposal.split(' ').any(|word| word.starts_with("localhost/")), "{proposal}");
        let text = farm.local(&format!("{SETUP} {words}")).output().success().stdout;
        assert!(text.starts_with("ANNOUNCED AS"), "{text}");
        assert!(text.lines().nth(1).unwrap().starts_with("distcc@"), "{text}");
    });
}

#[test]
fn on_a_network_without_volunteers_there_is_nobody_to_ask() {
    on_a_network("", || {
        let farm = Farm::new();
        let output = farm.local(&format!("{SETUP} hosts --discover")).output();
        assert_eq!((output.status, output.stdout.as_str()), (2, ""), "{output}");
        assert!(output.stderr.contains("no volunteer announces itself"), "{output}");
    });
}

#[test]
fn nobody_at_the_terminal_means_nothing_is_written() {
    let mut farm = farm();
    farm.start(&Options::new(Side::Ours));
    let output = hosts(&farm, ports::free(), &format!("--write {}", farm.hosts("/3")));
    assert_eq!(output.status, 2, "{output}");
    assert!(output.stderr.contains("--yes writes without asking"), "{output}");
    assert!(!farm.path("home/.config").exists());
}
