//! The names that `lsdistcc` asks for: a list, or a series made from a format.

/// No series is longer.
const LONGEST_SERIES: usize = 500;

/// Where names come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Names {
    /// These, all of them.
    List(Vec<String>),
    /// `front`, a number of at least `width` digits counted from 1, `back`; up to the end of what
    /// exists.
    Series { front: String, width: usize, back: String },
}

impl Names {
    /// Reads a format with one `%d` (or `%03d`); `None` if it has none.
    pub(super) fn series(format: &str) -> Option<Self> {
        let (front, rest) = format.split_once('%')?;
        let (digits, back) = rest.split_once('d')?;
        let width = match digits {
            "" => 0,
            _ => digits.strip_prefix('0')?.parse().ok().filter(|width| *width <= 9)?,
        };
        (!back.contains('%')).then(|| Self::Series {
            front: front.into(),
            width,
            back: back.into(),
        })
    }

    /// The name at `index`, counted from 0; `None` past the end.
    pub(super) fn at(&self, index: usize) -> Option<String> {
        match self {
            Self::List(names) => names.get(index).cloned(),
            Self::Series { front, width, back } => (index < LONGEST_SERIES)
                .then(|| format!("{front}{number:0width$}{back}", number = index + 1)),
        }
    }

    /// Whether missing names mean that there are no more.
    pub(super) fn is_series(&self) -> bool {
        matches!(self, Self::Series { .. })
    }

    /// The same series with `domain` behind each name; a list is as it is.
    pub(super) fn in_domain(self, domain: &str) -> Self {
        match self {
            Self::Series { front, width, back } => {
                Self::Series { front, width, back: format!("{back}.{domain}") }
            }
            list @ Self::List(_) => list,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn first(format: &str) -> Option<String> {
        Names::series(format)?.at(0)
    }

    #[test]
    fn a_format_counts_from_one() {
        let names = Names::series("distcc%d").unwrap();
        assert_eq!(names.at(0).unwrap(), "distcc1");
        assert_eq!(names.at(499).unwrap(), "distcc500");
        assert_eq!(names.at(500), None);
        assert_eq!(first("node%03d.lan").unwrap(), "node001.lan");
        assert_eq!(names.in_domain("lan").at(1).unwrap(), "distcc2.lan");
    }

    #[test]
    fn what_has_not_one_number_is_no_format() {
        for bad in ["host", "", "%s", "a%", "%d%d", "%d%n", "%x d", "%99d", "%099d", "%-3d"] {
            assert_eq!(first(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_list_ends_where_it_ends() {
        let names = Names::List(vec!["a".to_owned()]).in_domain("lan");
        assert_eq!((names.at(0), names.at(1)), (Some("a".to_owned()), None));
        assert!(!names.is_series());
    }

    proptest! {
        #[test]
        fn any_format_is_read_or_refused(format: String) {
            if let Some(names) = Names::series(&format) {
                prop_assert!(names.at(6).unwrap().contains('7'));
            }
        }
    }
}
