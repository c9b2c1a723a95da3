//! Files that change while a build in pump mode runs: each object is that of the files as they were
//! when its compile began.

use std::fmt::Write as _;

use crate::pump::{Client, ways};
use crate::support::farm::Farm;
use crate::support::tree::{Node, Tree};
use crate::support::volunteer::Side;

/// What happens to a header before each compile.
#[derive(Clone, Copy, Debug)]
enum Change {
    /// It comes into being, and hides another one or is the only one.
    Made,
    /// It is written over: as long as it was, and with the time that it had.
    Edited,
    /// Another one takes its name, or its directory's.
    Replaced,
    /// It goes away, and another one is found, or none.
    Removed,
}

const CHANGES: [Change; 4] = [Change::Made, Change::Edited, Change::Replaced, Change::Removed];

/// A unit that tells by its object which header it has read.
const UNIT: &str = "#include \"value.h\"\nint value = VALUE;\n";

impl Change {
    /// The shell's commands for round `round`.
    fn script(self, round: u32) -> String {
        let value = 10_000 + round;
        let write = |file: &str, value: u32| format!("echo '#define VALUE {value}' >{file}\n");
        let other = write("last/value.h", value + 50_000);
        let only = "rm -f last/value.h\n".to_owned();
        match (self, round % 4) {
            (Self::Made, 0 | 2) => {
                other + "rm -f first/value.h\n" + COMPILE_FIRST + &write("first/value.h", value)
            }
            (Self::Made, 1) => only + "rm -f first/value.h\n" + &write("first/value.h", value),
            (Self::Made, _) => {
                "rm -r first\n".to_owned()
                    + COMPILE_FIRST
                    + "mkdir first\n"
                    + &write("first/value.h", value)
            }
            (Self::Edited, 0) => write("first/value.h", value),
            // The same length, and the same time.
            (Self::Edited, 1) => {
                "touch -r first/value.h time\n".to_owned()
                    + &write("first/value.h", value)
                    + "touch -r time first/value.h\n"
            }
            // Another length.
            (Self::Edited, 2) => write("first/value.h", 1_000_000 + value),
            // While another compile of the same unit runs: in one step, so that no file is empty
            // for a moment.
            (Self::Edited, _) => {
                let new = write("first/value.h", value).replace(" >", " 1<>");
                write("first/value.h", value + 50_000) + RACING + &new + "wait\n"
            }
            (Self::Replaced, 0) => write("new", value) + "mv new first/value.h\n",
            (Self::Replaced, 1) => {
                write("new", value) + "touch -r first/value.h new\nmv new first/value.h\n"
            }
            (Self::Replaced, 2) => {
                format!(
                    "mkdir other\n{}mv first gone\nmv other first\nrm -r gone\n",
                    write("other/value.h", value)
                )
            }
            (Self::Replaced, _) => format!(
                "mkdir to{round}\n{}rm -r first\nln -s to{round} first\n",
                write(&format!("to{round}/value.h"), value)
            ),
            (Self::Removed, 0) => {
                write("first/value.h", value) + &only + COMPILE_FIRST + "rm first/value.h\n"
            }
            (Self::Removed, 2) => {
                write("first/value.h", value) + &only + COMPILE_FIRST + "rm -r first\nmkdir first\n"
            }
            (Self::Removed, _) => {
                write("first/value.h", value) + &other + COMPILE_FIRST + "rm first/value.h\n"
            }
        }
    }
}

/// A compile before the change, so that what it read may be remembered.
const COMPILE_FIRST: &str = "gcc -Ifirst -Ilast -c unit.c -o before.o 2>/dev/null || :\n";

/// A compile that goes on while the next commands run.
const RACING: &str = "gcc -Ifirst -Ilast -c unit.c -o racing.o &\n";

/// Changes a header so often, and compiles each time: here, and by a volunteer.
fn change(farm: &Farm, client: &Client, change: Change, rounds: u32) {
    let dir = format!("{change:?}");
    farm.write(&format!("{dir}/unit.c"), UNIT);
    farm.write(&format!("{dir}/first/value.h"), "#define VALUE 10000\n");
    farm.write(&format!("{dir}/last/value.h"), "#define VALUE 20000\n");
    let mut script = format!("cd {dir}\nmkdir pump here\n");
    for round in 0..rounds {
        script += &change.script(round);
        for (compiler, side) in [("gcc", "pump"), ("/usr/bin/gcc", "here")] {
            writeln!(
                script,
                "{compiler} -Ifirst -Ilast -c unit.c -o {side}/{round}.o 2>{side}/{round}.text"
            )
            .unwrap();
            writeln!(script, "echo $? >{side}/{round}.status").unwrap();
        }
    }
    client.run(farm, &script).output().quiet_success();
    let [pump, here] = ["pump", "here"].map(|side| Tree::read(&farm.work().join(&dir).join(side)));
    assert_eq!(pump.differences(&here, |_, _, _| false), "", "{change:?}");
    // Each round was another one.
    let objects = here.clone().objects().0;
    let mut contents: Vec<&[u8]> = Vec::new();
    for node in objects.values() {
        if let Node::File(_, content) = node {
            contents.push(content);
        }
    }
    let made = contents.len();
    contents.sort_unstable();
    contents.dedup();
    assert_eq!(contents.len(), made, "{change:?}");
    let expected = if matches!(change, Change::Removed) { rounds / 2 } else { rounds };
    assert_eq!(made, expected as usize, "{change:?}");
}

/// All changes at once, so often each.
fn changes(side: Side, rounds: u32) {
    let farm = Farm::with(side);
    let client = Client::with_agent(&farm);
    std::thread::scope(|scope| {
        for kind in CHANGES {
            let (farm, client) = (&farm, &client);
            scope.spawn(move || change(farm, client, kind, rounds));
        }
    });
    let ways = ways(&farm);
    let by_pump = ways.iter().filter(|way| *way == "pump").count();
    // Files that are written while they are read go another way.
    assert!(by_pump * 10 > ways.len() * 8, "{by_pump} of {}: {ways:?}", ways.len());
    farm.assert_no_litter();
}

#[test]
fn no_stale_object_comes_from_our_volunteer() {
    changes(Side::Ours, 100);
}

#[test]
fn no_stale_object_comes_from_a_stock_volunteer() {
    changes(Side::Stock, 8);
}
