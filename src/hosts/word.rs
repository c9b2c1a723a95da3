//! Edits of one word of a host list that leave the rest of it as it is written.

/// `HOST:PORT/SLOTS…` for `HOST/SLOTS:PORT…`; `None` for a word that is not written so.
pub fn limit_last(word: &str) -> Option<String> {
    let (host, rest) = word.split_at_checked(host_end(word))?;
    let slash = rest.find('/')?;
    let colon = slash + rest.get(slash..)?.find(':')?;
    let end = rest.get(colon..)?.find(',').map_or(rest.len(), |at| colon + at);
    let (limit, port, options) = (rest.get(slash..colon)?, rest.get(colon..end)?, rest.get(end..)?);
    let plain = slash == 0 && !port.contains('/') && !limit.contains(',');
    plain.then(|| format!("{host}{port}{limit}{options}"))
}

/// The port that a TCP host spec names, as it is written; `None` where it names none, and the
/// standard one is meant.
pub fn port(word: &str) -> Option<&str> {
    let rest = word.get(host_end(word)..)?.split(',').next()?;
    let (_, port) = rest.split_once(':')?;
    Some(port.split('/').next().unwrap_or(port)).filter(|port| !port.is_empty())
}

/// A TCP host spec with this port, in the place of the one that it names, or behind the host.
pub fn with_port(word: &str, number: u16) -> String {
    let word = limit_last(word).unwrap_or_else(|| word.to_owned());
    let end = host_end(&word);
    let (host, rest) = word.split_at_checked(end).unwrap_or((&word, ""));
    let rest = match rest.strip_prefix(':') {
        Some(old) => old.trim_start_matches(|letter: char| letter.is_ascii_digit()),
        None => rest,
    };
    format!("{host}:{number}{rest}")
}

/// A TCP host spec that names no port.
pub fn without_port(word: &str) -> String {
    let with = with_port(word, 0);
    let (host, rest) = with.split_at_checked(host_end(&with)).unwrap_or((&with, ""));
    format!("{host}{}", rest.strip_prefix(":0").unwrap_or(rest))
}

/// Where the host ends: behind its bracket, or before the first of what may follow it.
fn host_end(word: &str) -> usize {
    let bracket = word.starts_with('[').then(|| word.find(']')).flatten();
    bracket.map_or_else(|| word.find(['/', ':', ',']).unwrap_or(word.len()), |at| at + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::hosts::list;
    use crate::hosts::spec::Transport;

    #[test]
    fn a_limit_goes_behind_the_port() {
        let turned = |word| limit_last(word);
        assert_eq!(turned("10.0.0.2/5:3635").as_deref(), Some("10.0.0.2:3635/5"));
        assert_eq!(turned("[fd00::7]/5:3635,lzo").as_deref(), Some("[fd00::7]:3635/5,lzo"));
        for right in ["10.0.0.2:3635/5", "10.0.0.2/5", "[fd00::7]:3635/5", "a/5,auth=x:y", "a"] {
            assert_eq!(turned(right), None, "{right}");
        }
    }

    #[test]
    fn a_port_is_told_and_set_wherever_it_stands() {
        for (word, named, with) in [
            ("10.0.0.2", None, "10.0.0.2:3635"),
            ("10.0.0.2/5", None, "10.0.0.2:3635/5"),
            ("10.0.0.2/5,lzo", None, "10.0.0.2:3635/5,lzo"),
            ("desk,cpp,lzo", None, "desk:3635,cpp,lzo"),
            ("desk:3632/5", Some("3632"), "desk:3635/5"),
            ("desk/5:3632,lzo", Some("3632"), "desk:3635/5,lzo"),
            ("desk:/5", None, "desk:3635/5"),
            ("[fd00::7]/2", None, "[fd00::7]:3635/2"),
            ("[fd00::7]:1/2", Some("1"), "[fd00::7]:3635/2"),
            ("[fe80::1%eth0]", None, "[fe80::1%eth0]:3635"),
        ] {
            assert_eq!((port(word), with_port(word, 3635).as_str()), (named, with), "{word}");
            assert_eq!(without_port(word), with.replace(":3635", ""), "{word}");
        }
    }

    proptest! {
        #[test]
        fn a_host_keeps_all_but_its_port(
            word in "(desk|10\\.0\\.0\\.2|\\[fd00::7\\])(/[1-9])?(:[1-9][0-9]{0,3})?(,lzo|,cpp,lzo|,down)?",
            number in 1_u16..,
        ) {
            let mut before = list::parse(&word).unwrap().hosts.remove(0);
            let mut after = list::parse(&with_port(&word, number)).unwrap().hosts.remove(0);
            let Transport::Tcp { port: old, .. } = &mut before.transport else { panic!("{word}") };
            *old = number;
            before.text.clear();
            after.text.clear();
            prop_assert_eq!(before, after);
        }

        #[test]
        fn any_word_is_taken(word in "\\PC{0,20}") {
            drop((limit_last(&word), with_port(&word, 7), without_port(&word)));
            let _ = port(&word);
        }
    }
}
