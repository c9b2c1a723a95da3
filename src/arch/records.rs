//! The records that `evaluate.bash` writes while it reads a configuration.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use crate::arch::configuration::{Configuration, Origin, Position, Value, Variable};

/// The records, read.
#[derive(Debug, Default)]
pub(super) struct Reading {
    pub(super) configuration: Configuration,
    /// The file being read.
    pub(super) current: Option<PathBuf>,
    /// The file whose last command failed.
    pub(super) failed: Option<(PathBuf, i32)>,
    pub(super) complete: bool,
}

impl Reading {
    pub(super) fn take(&mut self, records: &[u8]) {
        let mut fields = records.split(|&byte| byte == 0);
        while let Some(kind) = fields.next() {
            if self.record(kind, &mut fields).is_none() {
                return;
            }
        }
    }

    /// One record; `None` at the end, or where a record is cut off.
    fn record<'a>(
        &mut self,
        kind: &[u8],
        fields: &mut impl Iterator<Item = &'a [u8]>,
    ) -> Option<()> {
        match kind {
            b"begin" => {
                let file = path(fields.next()?);
                self.configuration.files.push(file.clone());
                self.current = Some(file);
            }
            b"done" => {
                let (file, status) = (path(fields.next()?), number(fields.next()?)?);
                if status != 0 {
                    self.failed = Some((file, status));
                }
            }
            b"set" => {
                let (name, file, line) = (text(fields.next()?), fields.next()?, fields.next()?);
                let position = Position { file: path(file), line: number(line)? };
                let assignment = (name, position);
                if self.configuration.assignments.last() != Some(&assignment) {
                    self.configuration.assignments.push(assignment);
                }
            }
            b"return" => {
                let (file, line) = (path(fields.next()?), number(fields.next()?)?);
                self.configuration.returns.push(Position { file, line });
            }
            b"lost" => {
                let lost = (text(fields.next()?), path(fields.next()?));
                if !self.configuration.lost.contains(&lost) {
                    self.configuration.lost.push(lost);
                }
            }
            b"value" => self.value(fields)?,
            _ => {
                self.complete = kind == b"end";
                return None;
            }
        }
        Some(())
    }

    fn value<'a>(&mut self, fields: &mut impl Iterator<Item = &'a [u8]>) -> Option<()> {
        let (name, kind, exported) = (text(fields.next()?), fields.next()?, fields.next()?);
        let count: usize = number(fields.next()?)?;
        let mut words = Vec::new();
        for _ in 0..count {
            words.push(text(fields.next()?));
        }
        let value = match kind {
            b"a" => Value::Array(words),
            _ => Value::Scalar(words.into_iter().next().unwrap_or_default()),
        };
        let mut assignments = self.configuration.assignments.iter().rev();
        let last = assignments.find(|(one, _)| *one == name).map(|(_, position)| position.clone());
        let origin = match last {
            Some(position) if !position.file.as_os_str().is_empty() => Origin::File(position),
            _ => Origin::Environment,
        };
        let variable = Variable { value, exported: exported == b"y", origin };
        self.configuration.variables.insert(name, variable);
        Some(())
    }
}

/// A field that names a file, which may be no text.
fn path(field: &[u8]) -> PathBuf {
    OsStr::from_bytes(field).into()
}

fn text(field: &[u8]) -> String {
    String::from_utf8_lossy(field).into_owned()
}

fn number<T: std::str::FromStr>(field: &[u8]) -> Option<T> {
    std::str::from_utf8(field).ok()?.parse().ok()
}
