//! Edits of a configuration's text: what is not meant stays, byte for byte.
//!
//! An edit goes by what the text shows. A file may do more than assign: `source`, `eval`, `unset`,
//! call functions. Then [`Place::There`] may turn out to have no effect when bash reads the new
//! text, and [`Place::AtEnd`], made to the old text, is the edit that has one. Each edit done
//! twice changes nothing the second time.

mod flag;
mod jobs;
mod option;
mod place;
mod removal;
mod scalar;
mod stock;

use crate::makepkg_conf::document::Document;
use crate::makepkg_conf::edited::Edited;

/// Where an edit is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Behind everything else, so that nothing else in the file can undo it.
    AtEnd,
    /// Where the variable is set now; else where the comment stands that describes it; else as
    /// [`Self::AtEnd`].
    There,
}

/// What to write where a file does not set an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    /// `NAME=(word)`: no other file sets it.
    Define,
    /// `NAME+=(word)`: other files may have set it.
    Extend,
}

/// Turns `word` on in the array `name` (BUILDENV, OPTIONS): the last `!word` becomes `word`. Where
/// there is none, `word` is added to the array, in that one's own style.
pub fn turn_on(d: &Document, name: &str, word: &str, absent: Absent, place: Place) -> Edited {
    option::turn(d, &option::Turn { name, word, on: true, absent, place })
}

/// Turns `word` off in the array `name`: the last `word` becomes `!word`. Where there is none it is
/// off as it is.
pub fn turn_off(d: &Document, name: &str, word: &str, place: Place) -> Edited {
    option::turn(d, &option::Turn { name, word, on: false, absent: Absent::Extend, place })
}

/// Gives the scalar `name` the value `value`.
///
/// The last assignment is changed, in its own style of quotes. Where there is none, a commented
/// one that holds nothing of somebody's own (`#DISTCC_HOSTS=""`, `#MAKEFLAGS="-j2"`) is
/// uncommented; else a line is added below the commented one, or below the comment that describes
/// the variable, or at the end.
pub fn set_scalar(document: &Document, name: &str, value: &str, place: Place) -> Edited {
    scalar::set(document, name, value, place)
}

/// Sets MAKEFLAGS, or a variable like it, to `count` jobs. Only the number is changed, or a missing
/// `-j` is put first; all else in it stays as it is written, expansions included.
pub fn set_jobs(document: &Document, name: &str, count: u32, place: Place) -> Edited {
    jobs::set(document, name, count, place)
}

/// Takes every assignment of `name` out: as a comment where it has its lines for itself, else out
/// of its command. (`DISTCC_HOSTS=""` shadows the hosts files; without it they count.)
pub fn comment_out(document: &Document, name: &str) -> Edited {
    removal::comment_out(document, name)
}

/// Puts the flags `to` in the place of each flag `from` in each assignment of `name`, as for
/// `-march=native` in CFLAGS. A flag that an expansion is part of is none of those.
pub fn replace_flag(document: &Document, name: &str, from: &str, to: &[&str]) -> Edited {
    flag::replace(document, name, from, to)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Does `edit` to each text, checks that a second time changes nothing, and shows the results.
    fn shown(texts: &[&str], edit: impl Fn(&Document) -> Edited) -> String {
        let one = |text: &&str| {
            let document = Document::parse(text.as_bytes());
            let edited = edit(&document);
            let again = edit(&Document::parse(&edited.text));
            assert!(again.is_unchanged(), "{}", edited.text.escape_ascii());
            assert_eq!(edited.is_unchanged(), edited.text == text.as_bytes());
            String::from_utf8_lossy(&edited.text).replace('\t', "→").replace('\r', "␍")
        };
        texts.iter().map(one).collect::<Vec<_>>().join("---\n")
    }

    #[test]
    fn a_banned_word_is_unbanned_where_it_stands() {
        let texts = [
            "BUILDENV=(!distcc color !ccache check !sign)\n",
            "# Makepkg defaults: BUILDENV=(!distcc)\nBUILDENV=( '!distcc' \"color\" ) # x\n",
            "BUILDENV=(\"!distcc\" \\!distcc)\nA=1",
            "BUILDENV=(!distcc)\nBUILDENV=(distcc color !distcc $'!distcc')\n",
            "BUILDENV=(!distcc)\nBUILDENV+=(color '!'distcc)\n",
            "BUILDENV=(!distcc distcc)\n",
            "BUILDENV=(!distcc)\nif x; then BUILDENV+=(color); fi\n",
            "BUILDENV=(!distcc)\nif x; then BUILDENV=(color); fi\n",
            "BUILDENV=(!distcc)\nif x; then BUILDENV+=(!distcc); fi",
            "BUILDENV=(!distcc)\nreturn\nBUILDENV=()\n",
            "export BUILDENV='!distcc'\n",
            "BUILDENV[0]='!distcc'\n",
        ];
        let edit = |d: &Document| turn_on(d, "BUILDENV", "distcc", Absent::Extend, Place::There);
        insta::assert_snapshot!(shown(&texts, edit), @r#"
        BUILDENV=(distcc color !ccache check !sign)
        ---
        # Makepkg defaults: BUILDENV=(!distcc)
        BUILDENV=( 'distcc' "color" ) # x
        ---
        BUILDENV=("!distcc" distcc)
        A=1---
        BUILDENV=(!distcc)
        BUILDENV=(distcc color !distcc $'distcc')
        ---
        BUILDENV=(!distcc)
        BUILDENV+=(color ''distcc)
        ---
        BUILDENV=(!distcc distcc)
        ---
        BUILDENV=(distcc)
        if x; then BUILDENV+=(color); fi
        ---
        BUILDENV=(!distcc)
        if x; then BUILDENV=(color); fi
        BUILDENV+=(distcc)
        ---
        BUILDENV=(!distcc)
        if x; then BUILDENV+=(!distcc); fi
        BUILDENV+=(distcc)
        ---
        BUILDENV=(distcc)
        return
        BUILDENV=()
        ---
        export BUILDENV='!distcc'
        BUILDENV+=(distcc)
        ---
        BUILDENV[0]='!distcc'
        BUILDENV+=(distcc)
        "#);
    }

    #[test]
    fn a_missing_word_is_added_in_the_arrays_own_style() {
        let texts = [
            "BUILDENV=(color check)\n",
            "BUILDENV=()\n",
            "BUILDENV=( )\nBUILDENV=(#color\n)\n",
            "BUILDENV=( color\n  check ) # x\n",
            "BUILDENV=(\n\tcolor\n\tcheck # !distcc\n\t# end\n)\n",
            "BUILDENV=(color\n          check)\n",
            "BUILDENV=(\n  color check # x\n)\n",
            "BUILDENV=(color \\\n  check \\\n)\n",
            "BUILDENV=([0]=color [1]=check)\n",
            "BUILDENV=(color)\nBUILDENV+=(check)\n",
            "A=1",
            "",
            "A=1\n# end",
            "A=1\n  return 0\nB=1\n",
            "A=1; return; B=1",
            "A=1\ncat <<E\n",
            "A=1\\",
            "A=1 \\\n",
            "# \\\n",
            "BUILDENV=(color)\r\n",
        ];
        let edit = |d: &Document| turn_on(d, "BUILDENV", "distcc", Absent::Extend, Place::There);
        insta::assert_snapshot!(shown(&texts, edit), @r"
        BUILDENV=(color check distcc)
        ---
        BUILDENV=(distcc)
        ---
        BUILDENV=( )
        BUILDENV=(distcc #color
        )
        ---
        BUILDENV=( color
          check
          distcc ) # x
        ---
        BUILDENV=(
        →color
        →check # !distcc
        →distcc
        →# end
        )
        ---
        BUILDENV=(color
                  check
                  distcc)
        ---
        BUILDENV=(
          color check distcc # x
        )
        ---
        BUILDENV=(color \
          check
          distcc \
        )
        ---
        BUILDENV=([0]=color [1]=check)
        BUILDENV+=(distcc)
        ---
        BUILDENV=(color)
        BUILDENV+=(check distcc)
        ---
        A=1
        BUILDENV+=(distcc)
        ---
        BUILDENV+=(distcc)
        ---
        A=1
        # end
        BUILDENV+=(distcc)
        ---
        A=1
        BUILDENV+=(distcc)
          return 0
        B=1
        ---
        A=1; BUILDENV+=(distcc)
        return; B=1---
        A=1
        BUILDENV+=(distcc)
        cat <<E
        ---
        BUILDENV+=(distcc)
        A=1\---
        A=1 \

        BUILDENV+=(distcc)
        ---
        # \
        BUILDENV+=(distcc)
        ---
        BUILDENV=(color)␍
        BUILDENV+=(distcc)
        ");
        let define = |d: &Document| turn_on(d, "BUILDENV", "distcc", Absent::Define, Place::There);
        assert_eq!(shown(&["A=1\n"], define), "A=1\nBUILDENV=(distcc)\n");
    }

    #[test]
    fn a_word_is_turned_off_where_it_is_on() {
        let texts = [
            "OPTIONS=(strip lto \"debug\")\nOPTIONS+=('lto')\n",
            "OPTIONS=(strip)\n",
            "A=1\n",
            "OPTIONS=(strip !lto l\\to)",
        ];
        let edit = |d: &Document| turn_off(d, "OPTIONS", "lto", Place::There);
        insta::assert_snapshot!(shown(&texts, edit), @r#"
        OPTIONS=(strip lto "debug")
        OPTIONS+=('!lto')
        ---
        OPTIONS=(strip)
        ---
        A=1
        ---
        OPTIONS=(strip !lto !l\to)
        "#);
    }

    #[test]
    fn at_the_end_means_behind_everything() {
        let texts = [
            "BUILDENV=(distcc)\nunset BUILDENV\n",
            "BUILDENV=(distcc ${X})\n",
            "BUILDENV=(distcc [3]=x)",
            "BUILDENV=(distcc)\nsource x # y\n",
            "BUILDENV=(color distcc)\nA=$(nproc)\n",
        ];
        let edit = |d: &Document| turn_on(d, "BUILDENV", "distcc", Absent::Extend, Place::AtEnd);
        insta::assert_snapshot!(shown(&texts, edit), @r"
        BUILDENV=(distcc)
        unset BUILDENV
        BUILDENV+=(distcc)
        ---
        BUILDENV=(distcc ${X} distcc)
        ---
        BUILDENV=(distcc [3]=x)
        BUILDENV+=(distcc)
        ---
        BUILDENV=(distcc)
        source x # y
        BUILDENV+=(distcc)
        ---
        BUILDENV=(color distcc)
        A=$(nproc)
        ");
        let texts = ["M=a\nsource x", "M=(a b)\nM=c\n", "M=a\nN=b\n", "if x; then M=b; fi\n"];
        let edit = |d: &Document| set_scalar(d, "M", "b", Place::AtEnd);
        insta::assert_snapshot!(shown(&texts, edit), @r#"
        M=a
        source x
        M="b"
        ---
        M=(a b)
        M=c
        unset M; M="b"
        ---
        M=b
        N=b
        ---
        if x; then M=b; fi
        M="b"
        "#);
        let texts = ["M=-j4\nsource x", "M=(a b)\n", "M='-l8 -j44'\nN=b\n"];
        let edit = |d: &Document| set_jobs(d, "M", 44, Place::AtEnd);
        insta::assert_snapshot!(shown(&texts, edit), @r#"
        M=-j4
        source x
        M+=" -j44"
        ---
        M=(a b)
        M+=" -j44"
        ---
        M='-l8 -j44'
        N=b
        "#);
    }

    #[test]
    fn a_scalar_keeps_its_style() {
        let texts = [
            "H=\"\" # none\n",
            "H=''\n",
            "H=\nA=1\n",
            "H=a\n",
            "H=$'a'; A=1\n",
            "H=a\\ b\"c\"\n",
            "export H=\"a \\\n  b\" A=1\n",
            "H=a\nH+=\" b\"\n",
            "H=a\nH=b\nH=\"c d\"",
            "H=c\nif x; then H=\"a b\"; fi\n",
            "H=(a)\n",
            "H=\"a\"\r\nB=1\r\n",
            "#H=\"\"\n",
            "# H=\n",
            "#H=\"a b\"\nA=1\n",
            "# H=\"\" is what you want\n#H=\"\" \\\n",
            "A=(\n#H=\n)\ntrue &&\n#H=\nA=1\n",
        ];
        let edit = |d: &Document| set_scalar(d, "H", "c d", Place::There);
        insta::assert_snapshot!(shown(&texts, edit), @r#"
        H="c d" # none
        ---
        H='c d'
        ---
        H="c d"
        A=1
        ---
        H="c d"
        ---
        H=$'c d'; A=1
        ---
        H="c d"
        ---
        export H="c d" A=1
        ---
        H=a
        H="c d"
        ---
        H=a
        H=b
        H="c d"---
        H=c
        if x; then H="a b"; fi
        H="c d"
        ---
        H="c d"
        ---
        H="c d"
        B=1␍
        ---
        H="c d"
        ---
        H="c d"
        ---
        #H="a b"
        H="c d"
        A=1
        ---
        # H="" is what you want
        #H="" \
        H="c d"
        ---
        A=(
        #H=
        )
        true &&
        #H=
        A=1
        H="c d"
        "#);
        let edit = |d: &Document| set_scalar(d, "H", "it's $1", Place::There);
        let texts = ["H='a'\n", "H=\"a\"\n", "H=a\n", "H=$'a'\n", "A=1\n"];
        insta::assert_snapshot!(shown(&texts, edit), @r#"
        H="it's \$1"
        ---
        H="it's \$1"
        ---
        H="it's \$1"
        ---
        H=$'it\'s $1'
        ---
        A=1
        H="it's \$1"
        "#);
    }

    #[test]
    fn stock_comments_say_where_a_line_goes() {
        let texts = [
            "#-- If using DistCC, your MAKEFLAGS will also need modification. In addition,\n\
             #-- specify a space-delimited list of hosts running in the DistCC cluster.\n\
             #DISTCC_HOSTS=\"\"\n#\n",
            "#-- specify a space-delimited list of hosts running in the DistCC cluster.\n#\nA=1\n",
            "A=1\n",
        ];
        let edit = |d: &Document| set_scalar(d, "DISTCC_HOSTS", "10.0.0.7/8", Place::There);
        insta::assert_snapshot!(shown(&texts, edit), @r#"
        #-- If using DistCC, your MAKEFLAGS will also need modification. In addition,
        #-- specify a space-delimited list of hosts running in the DistCC cluster.
        DISTCC_HOSTS="10.0.0.7/8"
        #
        ---
        #-- specify a space-delimited list of hosts running in the DistCC cluster.
        DISTCC_HOSTS="10.0.0.7/8"
        #
        A=1
        ---
        A=1
        DISTCC_HOSTS="10.0.0.7/8"
        "#);
        let texts = [
            "#-- Make Flags: change this for DistCC/SMP systems\n#MAKEFLAGS=\"-j2\"\n#-- Debug\n",
            "#-- Make Flags: change this for DistCC/SMP systems\n#-- Debug\n",
        ];
        let edit = |d: &Document| set_jobs(d, "MAKEFLAGS", 44, Place::There);
        insta::assert_snapshot!(shown(&texts, edit), @r#"
        #-- Make Flags: change this for DistCC/SMP systems
        MAKEFLAGS="-j44"
        #-- Debug
        ---
        #-- Make Flags: change this for DistCC/SMP systems
        MAKEFLAGS="-j44"
        #-- Debug
        "#);
    }

    #[test]
    fn only_the_number_of_jobs_is_changed() {
        let texts = [
            "M=\"-j4\"\n",
            "M=\"-j$(nproc) -l$(nproc)\" # x\n",
            "M=-j$(($(nproc)+1))\n",
            "M='-j 4'\n",
            "M=\"--jobs \\\n  4 -k\"\n",
            "M=\"-j\"'4'\"0 -k\"\n",
            "M=\"-k --jobs\"\n",
            "M=\"-j4\"\nM+=\" -l8\"\n",
            "M=\"-k\"\nM+=\" -j8\"\n",
            "M+=\" -k\"\n",
            "M=\"$M -k\"\n",
            "M=-k\n",
            "M=$X\n",
            "M=\"\"\n",
            "M=\nA=1\n",
            "M=k\n",
            "M=\"-j4\"\nif x; then M=-j8; fi\n",
            "M=(-j4)\n",
            "A=1\n",
        ];
        let edit = |d: &Document| set_jobs(d, "M", 44, Place::There);
        insta::assert_snapshot!(shown(&texts, edit), @r#"
        M="-j44"
        ---
        M="-j44 -l$(nproc)" # x
        ---
        M=-j44
        ---
        M='-j 44'
        ---
        M="--jobs \
          44 -k"
        ---
        M="-j"'44'" -k"
        ---
        M="-k --jobs=44"
        ---
        M="-j44"
        M+=" -l8"
        ---
        M="-k"
        M+=" -j44"
        ---
        M+=" -j44 -k"
        ---
        M="-j44 $M -k"
        ---
        M="-j44 -k"
        ---
        M="-j44 "$X
        ---
        M="-j44"
        ---
        M="-j44"
        A=1
        ---
        M="-j44 -k"
        ---
        M="-j4"
        if x; then M=-j8; fi
        M+=" -j44"
        ---
        M=(-j4)
        M+=" -j44"
        ---
        A=1
        M="-j44"
        "#);
    }

    #[test]
    fn an_assignment_is_commented_out_or_taken_out_of_its_command() {
        let texts = [
            "DISTCC_HOSTS=\"\"\nA=1\n",
            "  export DISTCC_HOSTS=\"a \\\n  b\"  # x",
            "A=1 DISTCC_HOSTS=\"\" B=2\nDISTCC_HOSTS= A=1\nA=1 DISTCC_HOSTS=\n",
            "DISTCC_HOSTS=a DISTCC_HOSTS=b A=1; DISTCC_HOSTS=; A=1\n",
            "if x; then\n  DISTCC_HOSTS=a\nfi\nx && DISTCC_HOSTS=b\n",
            "DISTCC_HOSTS= >x\nexport DISTCC_HOSTS= A\nDISTCC_HOSTS=(a\nb)\n",
            "A=1 \\\n  DISTCC_HOSTS=\n",
        ];
        insta::assert_snapshot!(shown(&texts, |d| comment_out(d, "DISTCC_HOSTS")), @r#"
        #DISTCC_HOSTS=""
        A=1
        ---
          #export DISTCC_HOSTS="a \
        #  b"  # x---
        A=1 B=2
        A=1
        A=1
        ---
         A=1; :; A=1
        ---
        if x; then
          :
        fi
        x && :
        ---
        : >x
        export A
        #DISTCC_HOSTS=(a
        #b)
        ---
        A=1 \
        "#);
    }

    #[test]
    fn a_flag_is_replaced_inside_of_its_quotes() {
        let texts = [
            "CFLAGS=\"-march=native -O2 -march=native\"\n",
            "CFLAGS=\"-O2 -mar\\\nch=native\"\n",
            "CFLAGS='-O2 -march=native'\nCFLAGS+=\" -march=native\"\n",
            "CFLAGS=-march=native\n",
            "CFLAGS=-O2' -mar'ch=\"native\"\n",
            "CFLAGS=(-march=native '-march=native' \"-O2 -march=native\")\n",
            "CFLAGS=\"-march=native$X -march=natives ${X:--march=native}\"\n",
            "if x; then CFLAGS=-O2\\ -march=native; fi\n",
        ];
        let to = ["-march=skylake", "-mtune=skylake"];
        let edit = |d: &Document| replace_flag(d, "CFLAGS", "-march=native", &to);
        insta::assert_snapshot!(shown(&texts, edit), @r#"
        CFLAGS="-march=skylake -mtune=skylake -O2 -march=skylake -mtune=skylake"
        ---
        CFLAGS="-O2 -march=skylake -mtune=skylake\
        "
        ---
        CFLAGS='-O2 -march=skylake -mtune=skylake'
        CFLAGS+=" -march=skylake -mtune=skylake"
        ---
        CFLAGS="-march=skylake -mtune=skylake"
        ---
        CFLAGS=-O2' -march=skylake -mtune=skylake'""
        ---
        CFLAGS=(-march=skylake -mtune=skylake -march=skylake -mtune=skylake "-O2 -march=skylake -mtune=skylake")
        ---
        CFLAGS="-march=native$X -march=natives ${X:--march=native}"
        ---
        if x; then CFLAGS=-O2\ "-march=skylake -mtune=skylake"; fi
        "#);
    }
}
