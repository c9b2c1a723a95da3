//! Sources whose macros are left to the volunteer's compiler (`-fdirectives-only`).

use crate::support::farm::Farm;
use crate::support::volunteer::{Options, Side};

/// A source with the things that text with unexpanded macros must get right.
const SOURCE: &str = r#"#include <stdio.h>
#include <errno.h>
#define JOIN(a, b) a##b
#define TEXT(x) #x
#define SWAP(a, b) do { int t = a; a = b; b = t; } while (0)
#if 0
#include "not there"
#endif
/* a comment with
#include <nothing>
*/
#pragma GCC diagnostic push
static int JOIN(co, unt)(int first, ...) { return first + __COUNTER__ + __LINE__; }
#pragma GCC diagnostic pop
_Pragma("GCC visibility push(default)")
const char *where(void) { return __FILE__ TEXT(two  words) "\n#include <x>"; }
_Pragma("GCC visibility pop")
int main(void) { int a = 1, b = EOF; SWAP(a, b); return count(a, b) == errno; }
"#;

/// A farm with one volunteer that is known to have our compiler: it has compiled a unit.
fn acquainted(side: Side) -> Farm {
    let mut farm = Farm::new();
    farm.start(&Options::new(side));
    farm.write("first.c", "int first;\n");
    farm.run(Side::Ours, "gcc -O2 -c first.c && g++ -O2 -x c++ -c first.c -o second.o")
        .output()
        .quiet_success();
    farm
}

/// Compiles with the client talking, and gives what it said.
#[track_caller]
fn compile(farm: &Farm, command: &str) -> String {
    let output = farm.run(Side::Ours, command).env("DISTCC_VERBOSE", "1").output();
    assert_eq!(output.status, 0, "{}", output.stderr);
    output.stderr
}

#[test]
fn volunteer_with_our_compiler_expands_macros_to_the_same_object() {
    for side in [Side::Ours, Side::Stock] {
        let farm = acquainted(side);
        farm.write("unit.c", SOURCE);
        for compiler in ["gcc -O2", "g++ -O2 -x c++", "gcc -O2 -std=c11 -fPIC -Wall -DX=1"] {
            farm.local(&format!("{compiler} -c unit.c -o local.o")).output().quiet_success();
            let said = compile(&farm, &format!("{compiler} -MMD -c unit.c -o remote.o"));
            assert!(said.contains("-fpreprocessed -fdirectives-only"), "{said}");
            assert!(said.contains("completed ok"), "{said}");
            assert!(farm.read("remote.o") == farm.read("local.o"), "{side:?} {compiler}");
        }
        farm.assert_no_litter();
    }
}

#[test]
fn first_unit_travels_with_its_macros_expanded() {
    let farm = Farm::with(Side::Ours);
    farm.write("unit.c", SOURCE);
    let said = compile(&farm, "gcc -O2 -c unit.c");
    assert!(!said.contains("-fdirectives-only"), "{said}");
    assert!(said.contains("completed ok"), "{said}");
}

#[test]
fn macros_that_only_this_machine_can_expand_are_expanded_here() {
    let farm = acquainted(Side::Ours);
    for text in ["__DATE__", "__TIMESTAMP__", "__BASE_FILE__"] {
        farm.write("unit.c", &format!("const char *text = {text};\n"));
        farm.local("gcc -O2 -c unit.c -o local.o").output().quiet_success();
        let said = compile(&farm, "gcc -O2 -c unit.c -o remote.o");
        assert!(!said.contains("-fpreprocessed"), "{text}: {said}");
        assert!(said.contains("completed ok"), "{text}: {said}");
        assert!(farm.read("remote.o") == farm.read("local.o"), "{text}");
    }
}

#[test]
fn counter_within_a_directive_is_counted_here() {
    let farm = acquainted(Side::Ours);
    farm.write("unit.c", "int a = __COUNTER__;\n#if __COUNTER__ == 1\nint b;\n#endif\n");
    farm.local("gcc -O2 -c unit.c -o local.o").output().quiet_success();
    let said = compile(&farm, "gcc -O2 -c unit.c -o remote.o");
    assert!(said.contains("completed ok"), "{said}");
    assert!(farm.read("remote.o") == farm.read("local.o"));
}

#[test]
fn prefix_map_for_macros_reaches_the_compiler_that_expands_them() {
    let farm = acquainted(Side::Stock);
    farm.write("unit.c", "const char *where = __FILE__;\n");
    let flags = "-O2 -fmacro-prefix-map=$PWD=/usr/src";
    farm.local(&format!("gcc {flags} -c $PWD/unit.c -o local.o")).output().quiet_success();
    let said = compile(&farm, &format!("gcc {flags} -c $PWD/unit.c -o remote.o"));
    assert!(said.contains("-fpreprocessed"), "{said}");
    assert!(farm.read("remote.o") == farm.read("local.o"));
}

#[test]
fn user_may_have_all_macros_expanded_here() {
    let farm = acquainted(Side::Ours);
    farm.write("unit.c", SOURCE);
    let run = farm.run(Side::Ours, "gcc -O2 -c unit.c").env("DISTCC_DIRECTIVES_ONLY", "0");
    let said = run.env("DISTCC_VERBOSE", "1").output().stderr;
    assert!(!said.contains("-fdirectives-only") && said.contains("completed ok"), "{said}");
}

#[test]
fn volunteer_that_cannot_expand_macros_is_sent_expanded_text_from_then_on() {
    let mut farm = Farm::new();
    let script = "case \"$*\" in *-fdirectives-only*) echo cannot >&2; exit 1;; esac\n\
                  exec $real \"$@\"";
    let compilers = farm.compilers("old", script);
    farm.start(&Options::new(Side::Ours).path(&compilers).no_sandbox());
    farm.write("unit.c", SOURCE);
    compile(&farm, "gcc -O2 -c unit.c");

    let said = compile(&farm, "gcc -O2 -c unit.c -o again.o");
    assert!(said.contains("-fpreprocessed") && said.contains("running locally"), "{said}");
    assert!(farm.read("again.o") == farm.read("unit.o"));

    let said = compile(&farm, "gcc -O2 -c unit.c -o third.o");
    assert!(!said.contains("-fpreprocessed") && said.contains("completed ok"), "{said}");
    assert!(farm.read("third.o") == farm.read("unit.o"));
}
