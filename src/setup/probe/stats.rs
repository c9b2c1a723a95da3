//! The statistics page of a volunteer: fetched within a limit, and read without trust.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::setup::probe::answer::Stats;

/// Time for the page: it is a few hundred bytes, and most volunteers have none.
const LIMIT: Duration = Duration::from_millis(1500);
/// The most of it that is read; 3.4's and ours have less than 2 KiB.
const MOST_BYTES: usize = 64 * 1024;
/// No machine runs so many compilers at once, and no list of ours gives one so many slots.
const MOST_SLOTS: u32 = 4096;

/// Asks for the page; `None` where there is none, or something else answers.
pub(super) fn fetch(address: SocketAddr) -> Option<Stats> {
    let deadline = Instant::now() + LIMIT;
    let mut stream = TcpStream::connect_timeout(&address, LIMIT).ok()?;
    stream.set_write_timeout(Some(LIMIT)).ok()?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").ok()?;
    let mut page = Vec::new();
    let mut bytes = [0; 4096];
    while page.len() < MOST_BYTES {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return None;
        }
        stream.set_read_timeout(Some(left)).ok()?;
        match stream.read(&mut bytes) {
            Ok(0) => break,
            Ok(count) => page.extend(bytes.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            // 3.4 may reset the connection behind its last byte: what is here counts.
            Err(_) => break,
        }
    }
    parse(&page)
}

/// Reads a page: lines of a name and a value between `<distccstats>` and `</distccstats>`.
pub(super) fn parse(page: &[u8]) -> Option<Stats> {
    let text = String::from_utf8_lossy(page.get(..page.len().min(MOST_BYTES)).unwrap_or(page));
    let (_, inside) = text.split_once("<distccstats>")?;
    let (inside, _) = inside.split_once("</distccstats>")?;
    let mut stats = Stats::default();
    for line in inside.lines() {
        let mut words = line.split_whitespace();
        if let (Some(name), Some(value)) = (words.next(), words.next()) {
            take(&mut stats, name, value);
        }
    }
    Some(stats)
}

fn take(stats: &mut Stats, name: &str, value: &str) {
    let number = || value.parse::<u32>().ok();
    match name {
        "dcc_max_kids" => stats.slots = number().filter(|count| (1..=MOST_SLOTS).contains(count)),
        "dcc_current_load" => stats.running = number(),
        "dcc_load1" => {
            stats.load = value.parse().ok().filter(|load: &f64| load.is_finite() && *load >= 0.0);
        }
        "dcc_free_space" => stats.free_mib = value.parse().ok(),
        "dcc_compile_ok" => stats.compiled = value.parse().ok(),
        "dcc_rej_bad_req" => stats.rejected = value.parse().ok(),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PAGE: &str = "HTTP/1.0 200 OK\nContent-Type: text/plain\nConnection: close\n\n\
        argv /distccd\n<distccstats>\ndcc_tcp_accept 12\ndcc_rej_bad_req 1\ndcc_compile_ok 9\n\
        dcc_longest_job t.c\ndcc_max_kids 10\ndcc_current_load 3\ndcc_load1 1.25\n\
        dcc_free_space 20480 MB\n</distccstats>\nsandbox full\n";

    #[test]
    fn a_page_is_read() {
        let expected = Stats {
            slots: Some(10),
            running: Some(3),
            load: Some(1.25),
            free_mib: Some(20480),
            compiled: Some(9),
            rejected: Some(1),
        };
        assert_eq!(parse(PAGE.as_bytes()), Some(expected));
    }

    #[test]
    fn what_is_no_page_is_none_and_absurd_numbers_are_left_out() {
        assert_eq!(parse(b""), None);
        assert_eq!(parse(b"<html><distccstats>dcc_max_kids 3"), None);
        let absurd = "<distccstats>\ndcc_max_kids 4294967295\ndcc_load1 NaN\ndcc_load1 inf\n\
                      dcc_current_load -1\ndcc_free_space 99999999999999999999\n</distccstats>";
        assert_eq!(parse(absurd.as_bytes()), Some(Stats::default()));
        let zero = "<distccstats>\ndcc_max_kids 0\n</distccstats>";
        assert_eq!(parse(zero.as_bytes()).unwrap().slots, None);
    }

    #[test]
    fn a_page_without_an_end_is_not_read_for_ever() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let peer = std::thread::spawn(move || {
            let mut stream = listener.accept().unwrap().0;
            while stream.write_all(b"<distccstats>\n").is_ok() {}
        });
        assert_eq!(fetch(address), None);
        peer.join().unwrap();
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(page in proptest::collection::vec(any::<u8>(), 0..512)) {
            let _ = parse(&page);
        }

        #[test]
        fn any_values_are_read_within_their_range(
            name in "dcc_(max_kids|current_load|load1|free_space|compile_ok)",
            value in "\\PC{0,24}",
        ) {
            let page = format!("<distccstats>\n{name} {value}\n</distccstats>");
            if let Some(slots) = parse(page.as_bytes()).and_then(|stats| stats.slots) {
                prop_assert!((1..=MOST_SLOTS).contains(&slots));
            }
        }
    }
}
