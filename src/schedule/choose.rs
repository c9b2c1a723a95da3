//! The order in which slots are tried: the first slot of every host, then the second of every host.

use crate::hosts::spec::HostSpec;

/// Every slot of every usable host, in the order in which distcc 3.4 tries them: slot 0 of each
/// host in list order, then slot 1, and so on. Gives the host's place in `hosts` and the slot.
///
/// Hosts that are down or have a negative limit have no slots.
pub fn order(
    hosts: &[HostSpec],
    usable: impl Fn(&HostSpec) -> bool,
) -> impl Iterator<Item = (usize, u32)> {
    let slots = |(place, host): (usize, &HostSpec)| (place, host.usable_slots());
    let usable = hosts.iter().enumerate().filter(move |(_, host)| usable(host));
    let usable: Vec<(usize, u32)> = usable.map(slots).collect();
    let most = usable.iter().map(|&(_, slots)| slots).max().unwrap_or(0);
    (0..most).flat_map(move |slot| {
        let with_slot = usable.clone().into_iter().filter(move |&(_, slots)| slot < slots);
        with_slot.map(move |(place, _)| (place, slot))
    })
}

/// Puts `hosts` in an order that `seed` decides, as `--randomize` asks; every order is as likely.
pub fn shuffle<T>(hosts: &mut [T], seed: u64) {
    let mut state = seed;
    for last in (1..hosts.len()).rev() {
        let other = next(&mut state) % (last as u64 + 1);
        hosts.swap(last, usize::try_from(other).unwrap_or(last));
    }
}

/// The next number of a splitmix64 sequence.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ *state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

#[cfg(test)]
mod tests {
    use super::{order, shuffle};
    use crate::hosts::list::parse;

    fn places(list: &str) -> Vec<(usize, u32)> {
        order(&parse(list).unwrap().hosts, |_| true).collect()
    }

    #[test]
    fn each_host_gives_its_first_slot_before_any_gives_its_second() {
        let expected = [(0, 0), (1, 0), (2, 0), (0, 1), (2, 1), (2, 2)];
        assert_eq!(places("a/2 b/1 c/3"), expected);
    }

    #[test]
    fn hosts_that_are_down_or_negative_or_not_usable_are_left_out() {
        assert_eq!(places("a/1,down b/-3 c/1"), [(2, 0)]);
        assert_eq!(places("a/1,down"), []);
        let hosts = parse("a/1 b/2").unwrap().hosts;
        let order = order(&hosts, |host| host.display_host() != "a");
        assert_eq!(order.collect::<Vec<_>>(), [(1, 0), (1, 1)]);
    }

    #[test]
    fn shuffling_keeps_all_hosts_and_depends_on_the_seed_alone() {
        let shuffled = |seed| {
            let mut numbers: Vec<u8> = (0..20).collect();
            shuffle(&mut numbers, seed);
            numbers
        };
        assert_eq!(shuffled(7), shuffled(7));
        assert_ne!(shuffled(7), shuffled(8));
        let mut sorted = shuffled(7);
        sorted.sort_unstable();
        assert_eq!(sorted, (0..20).collect::<Vec<u8>>());
    }

    #[test]
    fn every_host_comes_first_for_about_as_many_seeds() {
        let mut firsts = [0; 4];
        for seed in 0..4000 {
            let mut hosts = [0, 1, 2, 3];
            shuffle(&mut hosts, seed);
            firsts[hosts[0]] += 1;
        }
        assert!(firsts.iter().all(|&times| (800..1200).contains(&times)), "{firsts:?}");
    }

    #[test]
    fn nothing_and_one_thing_can_be_shuffled() {
        shuffle(&mut [0u8; 0], 1);
        let mut one = [5];
        shuffle(&mut one, 1);
        assert_eq!(one, [5]);
    }
}
