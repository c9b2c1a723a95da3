//! The statistics page, as distcc 3.4 writes it.

use std::fmt::Write;
use std::path::Path;

use crate::base::dirs;
use crate::base::disk::{Disk, RealDisk};
use crate::daemon::service::Service;
use crate::daemon::summary::Outcome;

/// The most of one file in /proc that is read.
const PROC_LIMIT: u64 = 1 << 20;

/// The whole answer: head and page. `waiting` clients are not served yet.
pub fn page(service: &Service, waiting: usize) -> String {
    let mut page = String::from(
        "HTTP/1.0 200 OK\nContent-Type: text/plain\nConnection: close\n\nargv /distccd\n\
         <distccstats>\n",
    );
    for (name, value) in lines(service) {
        // Writing to a string cannot fail.
        let _ = writeln!(page, "{name} {value}");
    }
    page.push_str("</distccstats>\n");
    // What 3.4 does not know stands below, where its readers do not look.
    let _ = writeln!(page, "waiting {waiting}\nsandbox {}", service.sandbox.level());
    page.push_str(&service.compilers.toolchains().lines());
    page
}

fn lines(service: &Service) -> Vec<(&'static str, String)> {
    let counts = service.stats.now();
    let outcome = |outcome: Outcome| {
        let place = Outcome::ALL.iter().position(|one| *one == outcome);
        let count = place.and_then(|place| counts.outcomes.get(place)).copied().unwrap_or(0);
        (outcome.counter(), count.to_string())
    };
    let (file, compiler, millis) = match &counts.longest {
        Some((file, compiler, time)) => {
            (file.clone(), compiler.clone(), time.as_millis().to_string())
        }
        None => ("none".to_owned(), "none".to_owned(), "-1".to_owned()),
    };
    let machine = Machine::look(&counts.running);
    let load = load_averages();
    let mut lines = vec![("dcc_tcp_accept", counts.accepted.to_string())];
    lines.extend(Outcome::ALL.map(outcome));
    lines.extend([
        ("dcc_longest_job", file),
        ("dcc_longest_job_compiler", compiler),
        ("dcc_longest_job_time_msecs", millis),
        ("dcc_max_kids", service.jobs.to_string()),
        ("dcc_avg_kids1", format!("{:.0}", counts.mean_active(1))),
        ("dcc_avg_kids2", format!("{:.0}", counts.mean_active(5))),
        ("dcc_avg_kids3", format!("{:.0}", counts.mean_active(15))),
        ("dcc_current_load", machine.running.to_string()),
        ("dcc_load1", load[0].clone()),
        ("dcc_load2", load[1].clone()),
        ("dcc_load3", load[2].clone()),
        ("dcc_num_compiles1", counts.compiles(1).to_string()),
        ("dcc_num_compiles2", counts.compiles(5).to_string()),
        ("dcc_num_compiles3", counts.compiles(15).to_string()),
        ("dcc_num_procstate_D", machine.in_disk_sleep.to_string()),
        ("dcc_max_RSS", machine.largest.0.to_string()),
        ("dcc_max_RSS_name", machine.largest.1),
        ("dcc_io_rate", io_rate(service)),
        ("dcc_free_space", format!("{} MB", free_space(&dirs::temp_dir()))),
        ("dcc_free_mem", format!("{} MB", free_memory())),
    ]);
    lines
}

fn read(path: &str) -> String {
    let bytes = RealDisk.read(Path::new(path), PROC_LIMIT).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn load_averages() -> [String; 3] {
    let text = read("/proc/loadavg");
    let mut words = text.split_whitespace();
    [(); 3].map(|()| words.next().unwrap_or("0.00").to_owned())
}

/// Sectors a second of the disks since the page was last asked for; -1 the first time.
fn io_rate(service: &Service) -> String {
    let text = read("/proc/diskstats");
    let sectors = text.lines().filter_map(sectors_of_disk).sum();
    service.stats.sectors_per_second(sectors).map_or("-1".to_owned(), |rate| rate.to_string())
}

/// Sectors read and written by a whole disk; `None` for partitions and what is no disk.
fn sectors_of_disk(line: &str) -> Option<u64> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let name = words.get(2)?;
    let disk = (name.len() == 3 && ["hd", "sd", "vd"].iter().any(|kind| name.starts_with(kind)))
        || (name.starts_with("nvme") && !name.contains('p'));
    let number = |place: usize| words.get(place)?.parse::<u64>().ok();
    disk.then(|| number(5)?.checked_add(number(9)?)).flatten()
}

fn free_space(path: &Path) -> u64 {
    rustix::fs::statvfs(path).map_or(0, |stat| stat.f_bavail.saturating_mul(stat.f_frsize) >> 20)
}

fn free_memory() -> u64 {
    let text = read("/proc/meminfo");
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) >> 10
}

/// What the processes of our compiles are doing.
#[derive(Debug, Default, PartialEq, Eq)]
struct Machine {
    running: u32,
    in_disk_sleep: u32,
    /// KiB and name of the largest.
    largest: (u64, String),
}

impl Machine {
    fn look(groups: &std::collections::BTreeSet<i32>) -> Self {
        let mut machine = Self { largest: (0, "(none)".to_owned()), ..Self::default() };
        if groups.is_empty() {
            return machine;
        }
        for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
            let name = entry.file_name();
            if name.to_str().is_none_or(|name| !name.bytes().all(|byte| byte.is_ascii_digit())) {
                continue;
            }
            let stat = read(&entry.path().join("stat").display().to_string());
            if let Some(process) = Process::parse(&stat).filter(|one| groups.contains(&one.group)) {
                machine.add(&process);
            }
        }
        machine
    }

    fn add(&mut self, process: &Process<'_>) {
        self.running += u32::from(process.state == "R");
        self.in_disk_sleep += u32::from(process.state == "D");
        if process.kilobytes >= self.largest.0 {
            self.largest = (process.kilobytes, format!("({})", process.name));
        }
    }
}

/// A line of /proc/PID/stat.
#[derive(Debug, PartialEq, Eq)]
struct Process<'a> {
    name: &'a str,
    state: &'a str,
    group: i32,
    kilobytes: u64,
}

impl<'a> Process<'a> {
    fn parse(stat: &'a str) -> Option<Self> {
        let (head, tail) = stat.rsplit_once(')')?;
        let (_, name) = head.split_once('(')?;
        let words: Vec<&str> = tail.split_whitespace().collect();
        let pages: u64 = words.get(21)?.parse().ok()?;
        let kilobytes = pages * (rustix::param::page_size() as u64 / 1024);
        Some(Self { name, state: words.first()?, group: words.get(2)?.parse().ok()?, kilobytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn process_lines_are_read_even_with_brackets_in_names() {
        let mut stat = "77 (a) (b) R 1 42 42".to_owned();
        stat.push_str(&" 0".repeat(16));
        stat.push_str(" 99999 256 0");
        let process = Process::parse(&stat).unwrap();
        assert_eq!((process.name, process.state, process.group), ("a) (b", "R", 42));
        assert_eq!(process.kilobytes, 256 * (rustix::param::page_size() as u64 / 1024));
        assert_eq!(Process::parse("nonsense"), None);
    }

    #[test]
    fn only_whole_disks_count() {
        let line = |name| format!("   8   0 {name} 1 2 300 4 5 6 70 8 9 10 11");
        assert_eq!(sectors_of_disk(&line("sda")), Some(370));
        assert_eq!(sectors_of_disk(&line("nvme0n1")), Some(370));
        assert_eq!(sectors_of_disk(&line("sda1")), None);
        assert_eq!(sectors_of_disk(&line("nvme0n1p2")), None);
        assert_eq!(sectors_of_disk(&line("loop0")), None);
    }

    #[test]
    fn this_machine_has_memory_and_disks() {
        assert!(free_memory() > 0);
        assert!(free_space(Path::new("/")) > 0);
    }
}
